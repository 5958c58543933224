"""The code a member shows at a cash desk: how it is made and read. Pure but for chance.

As a QR code it is 26 characters (130 random bits), as a bar code 16 digits: a leading 9, which no
payment code of WeChat or Alipay has, 13 random digits, and two check digits by ISO 7064
(MOD 97-10), so that a misread or mistyped code is refused before anybody looks it up.
"""

import re
import secrets
from datetime import timedelta

from django.utils.crypto import salted_hmac

from config.kernel.numbers import random_code, random_digits

LIFE = timedelta(seconds=60)
# How long a desk may take from the scan to the payment.
VISIT = timedelta(minutes=10)
_TOKEN = re.compile(r"[0-9A-HJKMNP-TV-Z]{26}")
_DIGITS = re.compile(r"9[0-9]{15}")


def token_new() -> str:
    """26 characters of 5 random bits each."""
    return random_code(26)


def digits_new() -> str:
    body = "9" + random_digits(13)
    return body + _check_digits(body)


def visit_new() -> str:
    return "MV" + secrets.token_hex(13).upper()


def _check_digits(body: str) -> str:
    return f"{98 - int(body) * 100 % 97:02d}"


def keyed_hash(text: str) -> str:
    """What is kept of a code: HMAC-SHA-256 under SECRET_KEY, so that the few digits of a bar code
    cannot be searched offline by whoever has the table."""
    return salted_hmac("members.member_code", text, algorithm="sha256").hexdigest()


def code_read(scanned: str) -> str | None:
    """What was scanned or typed, as it was issued: without blanks, in capitals. None for what
    cannot be a code, wrong check digits included."""
    text = "".join(scanned.split()).upper()
    if _TOKEN.fullmatch(text):
        return text
    if text.isascii() and _DIGITS.fullmatch(text) and int(text) % 97 == 1:
        return text
    return None
