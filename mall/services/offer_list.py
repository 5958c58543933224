"""A store takes an article onto its shelf, or off it."""

from datetime import datetime

from django.db import transaction
from django.utils.translation import gettext_lazy as _

from config.kernel.actors import Actor
from config.kernel.errors import Conflict
from config.kernel.reference import reference_record
from mall.models import StoreOffer


class OfferListedAlready(Conflict):
    code = "offer_listed_already"
    message = _("It is on this store's shelf already, or off it already.")


def offer_list(
    *, offer_id: int, listed: bool, reason: str, actor: Actor, now: datetime
) -> StoreOffer:
    """``listed``: sold at the store from now on; otherwise it is not, whatever its stock.

    Raises OfferListedAlready when nothing changes.
    """
    with transaction.atomic():
        offers = StoreOffer.objects.filter(pk=offer_id, listed=not listed)
        if not offers.update(listed=listed):
            raise OfferListedAlready()
        offer = StoreOffer.objects.get(pk=offer_id)
        reference_record(
            row=offer,
            change="listed" if listed else "unlisted",
            changes={"listed": [not listed, listed]},
            reason=reason,
            actor=actor,
            now=now,
        )
    return offer
