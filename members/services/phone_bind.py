"""A member's phone number, as WeChat vouches for it."""

from datetime import datetime

import phonenumbers
from django.db import IntegrityError, transaction
from django.utils.translation import gettext_lazy as _

from config.kernel.actors import Actor
from config.kernel.errors import Conflict, DomainError
from config.kernel.events import record
from members.events import PhoneBound
from members.models import Member


class PhoneInvalid(DomainError):
    code = "phone_invalid"
    message = _("This is not a phone number.")


class PhoneTaken(Conflict):
    code = "phone_taken"
    message = _("This phone number belongs to another member.")


def phone_normalise(text: str, *, region: str = "CN") -> str:
    """E.164 of a number, of ``region`` where it names no country. Raises PhoneInvalid."""
    try:
        number = phonenumbers.parse(text, region)
    except phonenumbers.NumberParseException:
        raise PhoneInvalid() from None
    # Possible, not valid: new ranges are handed out before any table knows them.
    if not phonenumbers.is_possible_number(number):
        raise PhoneInvalid()
    return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)


def phone_bind(*, member_id: int, phone: str, actor: Actor, now: datetime) -> str:
    """Give the member this number, in place of any before; returns it in E.164.

    Raises PhoneInvalid (400) and PhoneTaken (409), which changes nothing.
    """
    number = phone_normalise(phone)
    try:
        with transaction.atomic():
            changed = Member.objects.filter(pk=member_id).exclude(phone=number).update(phone=number)
            if changed:
                record([PhoneBound(subject_id=member_id)], actor=actor, now=now)
    except IntegrityError:
        raise PhoneTaken() from None
    return number
