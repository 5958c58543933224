"""Uploaded pictures: what is taken, how it is kept, and where it is found. No ORM.

A file is judged by its content and never by its name. What is kept is drawn anew from its pixels:
upright, without metadata, at a bounded size, as JPEG, which every mini-program shows. Its name is
the hash of its content, so it never changes under its address and is stored once.
"""

import hashlib
import os
import re
import struct
import tempfile
from io import BytesIO
from pathlib import Path
from typing import Any

from django.conf import settings
from django.utils.translation import gettext_lazy as _
from PIL import ExifTags, Image, UnidentifiedImageError

from config.kernel.errors import DomainError

FORMATS = ("JPEG", "PNG", "WEBP")
MAX_BYTES = 5 * 1024 * 1024
LEAST_PX, MOST_PX = 200, 6000
# The longest side that is kept, and the sizes of file that are aimed at with ever less quality.
KEPT_PX = 1600
KEPT_BYTES = 500 * 1024
QUALITIES = (86, 78, 70, 60)

SIDES = _("its sides must have from 200 to 6000 pixels")

URL = "/media/images/"
NAME = re.compile(r"[0-9a-f]{40}\.jpg")

# What Pillow raises for files that end early or contradict themselves.
_BROKEN = (
    *(OSError, SyntaxError, ValueError, MemoryError),
    *(ArithmeticError, AttributeError, LookupError, TypeError, struct.error),
)
# How a picture is turned by what its Exif says of the camera (2 to 8; 1 is upright).
_TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}


class ImageRefused(DomainError):
    code = "image_refused"
    message = _("{file}: {problem}")


def image_redrawn(data: bytes, *, file: str) -> bytes:
    """``data`` as the JPEG that is kept. ``file`` names it in a refusal.

    Raises ImageRefused: empty, too big, not JPEG, PNG or WebP, broken, or a side outside 200 to
    6000 pixels. Sides are read from the header, before a single pixel is unpacked.
    """

    def refuse(problem: Any) -> ImageRefused:
        return ImageRefused(file=file[:80], problem=problem)

    if not data:
        raise refuse(_("the file is empty"))
    if len(data) > MAX_BYTES:
        raise refuse(_("more than 5 MB"))
    try:
        with Image.open(BytesIO(data), formats=FORMATS) as image:
            if not all(LEAST_PX <= side <= MOST_PX for side in image.size):
                raise refuse(SIDES)
            # JPEG alone: unpacks no more than is kept.
            image.draft("RGB", (KEPT_PX, KEPT_PX))
            image.load()
            return _encoded(_upright_and_flat(image))
    except Image.DecompressionBombError:
        raise refuse(SIDES) from None
    except UnidentifiedImageError:
        raise refuse(_("neither JPEG nor PNG nor WebP")) from None
    except _BROKEN:
        raise refuse(_("the picture is broken")) from None


def _upright_and_flat(image: Image.Image) -> Image.Image:
    """Turned as the camera was held, on white where it is transparent, not larger than kept."""
    # Not ImageOps.exif_transpose: it writes the rest of the Exif anew, which odd cameras break.
    turn = _TURNS.get(image.getexif().get(ExifTags.Base.Orientation, 1))
    image = image if turn is None else image.transpose(turn)
    image.thumbnail((KEPT_PX, KEPT_PX), Image.Resampling.LANCZOS)
    if image.mode in ("RGBA", "LA", "PA") or "transparency" in image.info:
        layers = image.convert("RGBA")
        ground = Image.new("RGB", layers.size, "white")
        ground.paste(layers, mask=layers.getchannel("A"))
        return ground
    return image.convert("RGB")


def _encoded(image: Image.Image) -> bytes:
    body = b""
    # What the file said besides its pixels (a comment would go along).
    image.info.clear()
    for quality in QUALITIES:
        out = BytesIO()
        image.save(out, "JPEG", quality=quality, optimize=True, progressive=True)
        body = out.getvalue()
        if len(body) <= KEPT_BYTES:
            break
    return body


def image_store(body: bytes) -> str:
    """Keep ``body``, a JPEG of ours, and tell its address. Storing it again changes nothing."""
    name = f"{hashlib.sha256(body).hexdigest()[:40]}.jpg"
    path = image_path(name)
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, draft = tempfile.mkstemp(dir=path.parent, prefix=".", suffix=".part")
        with os.fdopen(handle, "wb") as file:
            file.write(body)
        os.chmod(draft, 0o644)
        # Whoever reads it sees all of it or nothing.
        os.replace(draft, path)
    return f"{URL}{name}"


def image_path(name: str) -> Path:
    """Where the picture called ``name`` is kept. Raises ValueError for a name that is not ours."""
    if not NAME.fullmatch(name):
        raise ValueError(f"not the name of a picture: {name[:60]!r}")
    return Path(settings.MEDIA_ROOT) / "images" / name[:2] / name
