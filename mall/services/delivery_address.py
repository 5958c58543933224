"""Where an order is sent: checked, written once, and blanked when nobody needs it any more."""

import re
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.conf import settings
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from config.kernel.errors import DomainError
from mall.models import DeliveryAddress

_ADCODE = re.compile(r"[0-9]{6}")
_PHONE = re.compile(r"\+?[0-9][0-9 -]{4,18}")


class AddressInvalid(DomainError):
    code = "address_invalid"
    message = _("An order that is sent needs a recipient, a phone and an address in its region.")


@dataclass(frozen=True, slots=True)
class Address:
    """As ``wx.chooseAddress`` gives it: ``adcode`` is its nationalCode, ``region`` are the names of
    province, city and county, ``detail`` the rest. Kept out of every ``repr`` but for the
    region."""

    recipient: str
    phone: str
    adcode: str
    region: str
    detail: str

    def __repr__(self) -> str:
        return f"Address({self.adcode})"


def address_check(address: Address | None, *, region: str) -> None:
    """Raise AddressInvalid unless it is an address in ``region``, or none and nothing is sent."""
    if address is None and not region:
        return
    if (
        address is None
        or address.adcode != region
        or not _ADCODE.fullmatch(address.adcode)
        or not _PHONE.fullmatch(address.phone)
        or not 0 < len(address.recipient.strip()) <= 40
        or not 0 < len(address.detail.strip()) <= 200
        or len(address.region) > 100
    ):
        raise AddressInvalid()


def address_write(address: Address, *, order_id: int) -> None:
    """Keep where the order goes. The caller's transaction."""
    DeliveryAddress.objects.create(
        order_id=order_id,
        recipient=address.recipient.strip(),
        phone=address.phone.strip(),
        adcode=address.adcode,
        region=address.region.strip(),
        detail=address.detail.strip(),
    )


def addresses_erase(*, now: datetime, limit: int = 500) -> int:
    """Blank addresses of orders that ended long ago; returns how many.

    Of one that was paid it is part of the record of the sale, which is kept for three years (电子
    商务法 31); of one that never was, nobody needs it.
    """
    sold = now - timedelta(days=settings.SALE_RECORD_DAYS)
    unsold = now - timedelta(days=settings.UNSOLD_ADDRESS_DAYS)
    due = DeliveryAddress.objects.filter(
        Q(order__ended_at__lt=sold) | Q(order__ended_at__lt=unsold, order__paid_at__isnull=True),
        erased_at__isnull=True,
    )
    blank = {"recipient": "", "phone": "", "region": "", "detail": "", "erased_at": now}
    return DeliveryAddress.objects.filter(pk__in=due.order_by("pk").values("pk")[:limit]).update(
        **blank
    )
