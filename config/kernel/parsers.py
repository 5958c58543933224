"""Bodies of the API: JSON that can be stored and sent back, of a reasonable size and depth."""

import io
import math
from typing import Any

from django.utils.translation import gettext_lazy as _
from rest_framework import status
from rest_framework.exceptions import APIException, ParseError
from rest_framework.parsers import JSONParser

MOST_BYTES = 1 << 20
DEEPEST = 32


class BodyTooLarge(APIException):
    status_code = status.HTTP_413_REQUEST_ENTITY_TOO_LARGE
    default_code = "body_too_large"
    default_detail = _("The body is too large.")


class PlainJSONParser(JSONParser):
    """Refuses with 400 what nothing behind it could handle: nesting without end, numbers that
    are none, halves of surrogate pairs (no UTF-8 can say them). 413 for more than 1 MiB."""

    def parse(self, stream, media_type=None, parser_context=None) -> Any:
        body = stream.read(MOST_BYTES + 1)
        if len(body) > MOST_BYTES:
            raise BodyTooLarge()
        try:
            data = super().parse(io.BytesIO(body), media_type, parser_context)
        except (RecursionError, LookupError) as error:
            # Nested beyond the decoder's stack, or in a charset that does not exist.
            raise ParseError() from error
        refuse_unspeakable(data)
        return data


def refuse_unspeakable(data: Any) -> None:
    """Raise ParseError for decoded JSON that is nested too deeply, or that no JSON can repeat."""
    level = [data]
    for _depth in range(DEEPEST):
        below: list[Any] = []
        for value in level:
            if isinstance(value, dict):
                below += value
                below += value.values()
            elif isinstance(value, list):
                below += value
            elif isinstance(value, str):
                if not value.isascii() and any("\ud800" <= c <= "\udfff" for c in value):
                    raise ParseError(_("A text holds half of a surrogate pair."))
            elif isinstance(value, float) and not math.isfinite(value):
                raise ParseError(_("A number is too large."))
        if not below:
            return
        level = below
    raise ParseError(_("The body is nested too deeply."))
