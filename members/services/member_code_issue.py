"""The code that a member shows at a cash desk."""

from dataclasses import dataclass
from datetime import datetime

from members.guards_code import member_code_insert
from members.member_codes import LIFE, digits_new, token_new


@dataclass(frozen=True, slots=True)
class ShownCode:
    """``token`` for the QR code, ``digits`` for the bar code: either is the same code."""

    token: str
    digits: str
    expires_at: datetime


def member_code_issue(*, member_id: int, now: datetime) -> ShownCode:
    """A new code, good for a minute and one use; earlier ones stay good until their time is up,
    for a code may be in front of a scanner while its successor is asked for."""
    while True:
        token, digits = token_new(), digits_new()
        if member_code_insert(member_id=member_id, token=token, digits=digits, now=now):
            return ShownCode(token, digits, now + LIFE)
