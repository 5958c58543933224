"""A guide takes back a basket that nobody has ordered."""

from datetime import datetime

from django.db import transaction

from config.kernel.actors import Actor
from config.kernel.codes import code_revoke
from config.kernel.events import record
from guides.events import BasketWithdrawn
from guides.guards import basket_end
from guides.models import PreparedBasket
from guides.selectors_baskets import BasketUnknown


def basket_withdraw(*, guide_id: int, token: str, actor: Actor, now: datetime) -> None:
    """The basket's link leads nowhere from now on. A second time changes nothing.

    Raises BasketUnknown (404) for a basket that is not the guide's, and BasketOrderedAlready.
    """
    with transaction.atomic():
        basket = PreparedBasket.objects.filter(guide_id=guide_id, code__token=token).first()
        if basket is None:
            raise BasketUnknown()
        if basket.withdrawn_at is not None:
            return
        code_revoke(code_id=basket_end(basket_id=basket.pk, now=now), now=now)
        event = BasketWithdrawn(subject_id=basket.pk, guide_id=guide_id)
        record([event], actor=actor, now=now)
