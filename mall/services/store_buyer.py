"""Find the member who stands at a desk and wants to buy stored value."""

from datetime import datetime

from django.db import transaction
from django.utils.translation import gettext_lazy as _

from config.kernel.errors import NotFound
from mall.services.pos_till import Till
from members.guards_code import member_code_use
from members.models import Member
from members.services.phone_bind import PhoneInvalid, phone_normalise

# A member code is longer; a number of ours has letters.
_PHONE_DIGITS = 11


class BuyerUnknown(NotFound):
    code = "buyer_unknown"
    message = _("Nobody has this phone number or member number.")


def buyer_find(*, till: Till, text: str, now: datetime) -> Member:
    """By the whole phone number, the member's number, or the code that they show, which is used
    up by it. Raises BuyerUnknown, MemberCodeInvalid, MemberCodeUsed."""
    text = text.strip()
    members = Member.objects.filter(archived_at__isnull=True)
    digits = text.lstrip("+").replace(" ", "").replace("-", "")
    if digits.isdecimal() and (text.startswith("+") or len(digits) == _PHONE_DIGITS):
        try:
            found = members.filter(phone=phone_normalise(text)).first()
        except PhoneInvalid:
            found = None
        if found is None:
            raise BuyerUnknown()
        return found
    found = members.filter(no=text.upper()).first()
    if found is not None:
        return found
    with transaction.atomic():
        return members.get(pk=member_code_use(scanned=text, by=till.name, now=now).member_id)
