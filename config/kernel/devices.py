"""Which device a client says it is, as a keyed hash: good for counting, and for nothing else."""

from typing import Any

from django.utils.crypto import salted_hmac

DEVICE_HEADER = "X-Device-Id"


def device_hash(request: Any) -> str:
    """64 hexadecimal digits of what the mini-program calls the device, "" where it is not said."""
    said = request.headers.get(DEVICE_HEADER, "")[:64]
    if not said:
        return ""
    return salted_hmac("kernel.device", said, algorithm="sha256").hexdigest()
