"""A price changes at once, or waits for a second person where the step is a large one.

What counts is the difference to what a piece costs now: a step within the policy's share needs
nobody, beyond it the caller's own limit decides.
"""

from datetime import datetime
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from config.kernel.actors import Actor
from config.kernel.approvals import ApprovalKind, approval_request
from config.kernel.errors import Conflict
from config.kernel.models import Approval
from config.kernel.money import yuan
from mall.models import Sku, StoreOffer
from mall.services.sku_change import (
    OfferMissing,
    PriceUnchanged,
    SkuMissing,
    offer_price_set,
    sku_price_set,
)
from stores.approvals import approval_needed
from stores.states import Role

SKU_PRICE, OFFER_PRICE = "mall.sku_price", "mall.offer_price"


def price_change(
    *, sku_id: int, price_fen: int, reason: str, user: Any, now: datetime
) -> Approval | None:
    """Set a SKU's price in fen, or ask for it. Returns the request that now waits, None when done.

    Raises ApprovalPending and what ``sku_price_set`` raises.
    """
    actor = Actor.user(user)
    sku = Sku.objects.filter(pk=sku_id).first()
    if sku is None:
        raise SkuMissing()
    if sku.price_fen == price_fen:
        raise PriceUnchanged()
    step_fen = abs(price_fen - sku.price_fen)
    if approval_needed(
        user=user, kind=SKU_PRICE, amount_fen=step_fen, base_fen=sku.price_fen, now=now
    ):
        return approval_request(
            kind=SKU_PRICE,
            subject_type=Sku._meta.label_lower,
            subject_id=sku.pk,
            params={"price_fen": price_fen, "from_fen": sku.price_fen},
            amount_fen=step_fen,
            reason=reason,
            actor=actor,
            now=now,
        )
    sku_price_set(
        sku_id=sku_id,
        price_fen=price_fen,
        reason=reason,
        actor=actor,
        now=now,
        only_from=[sku.price_fen],
    )
    return None


def offer_price_change(
    *, offer_id: int, price_fen: int | None, reason: str, user: Any, now: datetime
) -> Approval | None:
    """The same for a store's own price; None follows the SKU's.

    Raises ApprovalPending and what ``offer_price_set`` raises.
    """
    actor = Actor.user(user)
    offer = StoreOffer.objects.filter(pk=offer_id).select_related("sku", "store").first()
    if offer is None:
        raise OfferMissing()
    if offer.price_fen == price_fen:
        raise PriceUnchanged()
    standard_fen = offer.sku.price_fen
    before_fen = standard_fen if offer.price_fen is None else offer.price_fen
    after_fen = standard_fen if price_fen is None else price_fen
    operator_id = offer.store.operator_id
    step_fen = abs(after_fen - before_fen)
    if approval_needed(
        user=user,
        kind=OFFER_PRICE,
        amount_fen=step_fen,
        base_fen=before_fen,
        operator_id=operator_id,
        store_id=offer.store_id,
        now=now,
    ):
        return approval_request(
            kind=OFFER_PRICE,
            subject_type=StoreOffer._meta.label_lower,
            subject_id=offer.pk,
            params={
                "price_fen": price_fen,
                "from_fen": offer.price_fen,
                "standard_fen": standard_fen,
            },
            amount_fen=step_fen,
            reason=reason,
            actor=actor,
            now=now,
            operator_id=operator_id,
            store_id=offer.store_id,
        )
    offer_price_set(
        offer_id=offer_id,
        price_fen=price_fen,
        reason=reason,
        actor=actor,
        now=now,
        only_from=[offer.price_fen],
    )
    return None


def _run_sku(approval: Approval, *, actor: Actor, now: datetime) -> None:
    sku_price_set(
        sku_id=approval.subject_id,
        price_fen=approval.params["price_fen"],
        reason=approval.reason,
        actor=actor,
        now=now,
        only_from=[approval.params["from_fen"]],
    )


def _run_offer(approval: Approval, *, actor: Actor, now: datetime) -> None:
    asked = approval.params
    same = Sku.objects.filter(offers=approval.subject_id, price_fen=asked["standard_fen"])
    # The step may have been measured from the SKU's own price, or to it.
    if None in (asked["price_fen"], asked["from_fen"]) and not same.exists():
        raise Conflict()
    offer_price_set(
        offer_id=approval.subject_id,
        price_fen=asked["price_fen"],
        reason=approval.reason,
        actor=actor,
        now=now,
        only_from=[asked["from_fen"]],
    )


def _price(price_fen: int | None) -> str:
    return _("the SKU's own price") if price_fen is None else yuan(price_fen)


def _describe_sku(approval: Approval) -> str:
    sku = Sku.objects.select_related("product").get(pk=approval.subject_id)
    return _("The price of {what} changes from {before} to {after} at every store.").format(
        what=f"{sku.product.name} ({sku.code})",
        before=_price(approval.params["from_fen"]),
        after=_price(approval.params["price_fen"]),
    )


def _describe_offer(approval: Approval) -> str:
    offer = StoreOffer.objects.select_related("sku__product", "store").get(pk=approval.subject_id)
    return _("The price of {what} changes from {before} to {after} at {store}.").format(
        what=f"{offer.sku.product.name} ({offer.sku.code})",
        before=_price(approval.params["from_fen"]),
        after=_price(approval.params["price_fen"]),
        store=offer.store.name,
    )


SKU_PRICE_KIND = ApprovalKind(
    code=SKU_PRICE,
    label=gettext_lazy("SKU price change"),
    permission="mall.change_sku",
    run=_run_sku,
    describe=_describe_sku,
    limits={
        "share_bp": 2_000,
        "alone": {Role.HEADQUARTERS: 5_000},
        "check": {Role.HEADQUARTERS: None},
    },
)
OFFER_PRICE_KIND = ApprovalKind(
    code=OFFER_PRICE,
    label=gettext_lazy("store price change"),
    permission="mall.change_storeoffer",
    run=_run_offer,
    describe=_describe_offer,
    limits={
        "share_bp": 2_000,
        "alone": {Role.MANAGER: 1_000, Role.HEADQUARTERS: 5_000},
        "check": {Role.MANAGER: 5_000, Role.HEADQUARTERS: None},
    },
)
