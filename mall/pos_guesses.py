"""How many wrong member codes a till may try.

A bar code has 10^13 numbers and lives a minute; with these limits a terminal that tries on
without a pause for a year has looked at five million of them.
"""

from contextlib import AbstractContextManager

from django.utils.translation import gettext_lazy as _

from config.kernel.errors import DomainError
from config.kernel.guesses import wrong_counted
from members.guards_code import MemberCodeInvalid

MOST, SECONDS = 10, 60


class TooManyGuesses(DomainError):
    code = "member_code_guesses"
    status = 429
    message = _("Too many wrong codes. Wait a minute.")


def guesses_counted(till: str) -> AbstractContextManager[None]:
    """Within it a wrong member code is one more of ``till``. Raises TooManyGuesses when it has
    tried too many within this minute: then nothing is looked up."""
    return wrong_counted(
        f"guesses:{till}",
        most=MOST,
        seconds=SECONDS,
        wrong=(MemberCodeInvalid,),
        refusal=TooManyGuesses,
    )
