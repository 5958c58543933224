"""How many wrong codes a member may try."""

from contextlib import AbstractContextManager

from django.utils.translation import gettext_lazy as _

from config.kernel.errors import DomainError
from config.kernel.guesses import wrong_counted
from coupons.services.code_redeem import RedeemCodeUnknown, RedeemCodeUsed

MOST, SECONDS = 10, 600


class TooManyCodes(DomainError):
    code = "coupon_code_guesses"
    status = 429
    message = _("Too many wrong codes. Wait ten minutes.")


def codes_counted(caller: str) -> AbstractContextManager[None]:
    """Within it a wrong code is one more of ``caller``. Raises TooManyCodes when too many were
    tried: then nothing is looked up."""
    return wrong_counted(
        f"coupon-codes:{caller}",
        most=MOST,
        seconds=SECONDS,
        wrong=(RedeemCodeUnknown, RedeemCodeUsed),
        refusal=TooManyCodes,
    )
