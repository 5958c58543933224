"""A SKU's price changes, or it leaves and rejoins the range; its product's "from" price follows."""

from collections.abc import Sequence
from datetime import datetime

from django.db import transaction
from django.db.models import Min, OuterRef, Q, Subquery
from django.db.models.functions import Coalesce
from django.utils.translation import gettext_lazy as _

from config.kernel.actors import Actor
from config.kernel.errors import Conflict, DomainError, NotFound
from config.kernel.locks import advisory
from config.kernel.reference import reference_archive, reference_record, reference_restore
from mall.models import Product, Sku, StoreOffer


class SkuMissing(NotFound):
    code = "sku_missing"


class OfferMissing(NotFound):
    code = "offer_missing"


class BarcodeTaken(Conflict):
    code = "barcode_taken"
    message = _("Another SKU in use has this barcode.")


class PriceUnchanged(DomainError):
    code = "price_unchanged"
    message = _("That is the price already.")


def sku_price_set(
    *,
    sku_id: int,
    price_fen: int,
    reason: str,
    actor: Actor,
    now: datetime,
    only_from: Sequence[int] = (),
) -> Sku:
    """``only_from``: what the price must be now, where that matters.

    Raises SkuMissing, PriceUnchanged, Conflict (somebody else changed it meanwhile).
    """
    with transaction.atomic():
        sku = _sku(sku_id)
        if only_from and sku.price_fen not in only_from:
            raise Conflict()
        if sku.price_fen == price_fen:
            raise PriceUnchanged()
        before = sku.price_fen
        if not Sku.objects.filter(pk=sku.pk, price_fen=before).update(price_fen=price_fen):
            raise Conflict()
        sku.price_fen = price_fen
        price_settle(sku.product_id)
        reference_record(
            row=sku,
            change="priced",
            changes={"price_fen": [before, price_fen]},
            reason=reason,
            actor=actor,
            now=now,
        )
    return sku


def sku_archive(*, sku_id: int, reason: str, actor: Actor, now: datetime) -> Sku:
    """Take it out of the range. Raises SkuMissing, Conflict when it is out already."""
    with transaction.atomic():
        sku = _sku(sku_id)
        reference_archive(row=sku, reason=reason, actor=actor, now=now)
        price_settle(sku.product_id)
    return sku


def sku_restore(*, sku_id: int, reason: str, actor: Actor, now: datetime) -> Sku:
    """Put it back into the range. Raises SkuMissing, Conflict when it is in, BarcodeTaken when
    its barcode was handed on meanwhile."""
    with transaction.atomic():
        sku = _sku(sku_id)
        others = Sku.objects.filter(barcode=sku.barcode, archived_at=None).exclude(pk=sku.pk)
        if sku.barcode and others.exists():
            raise BarcodeTaken()
        reference_restore(row=sku, reason=reason, actor=actor, now=now)
        price_settle(sku.product_id)
    return sku


def offer_price_set(
    *,
    offer_id: int,
    price_fen: int | None,
    reason: str,
    actor: Actor,
    now: datetime,
    only_from: Sequence[int | None] = (),
) -> StoreOffer:
    """A store's own price; None follows the SKU's. ``only_from`` as for a SKU.

    Raises OfferMissing, PriceUnchanged, Conflict.
    """
    with transaction.atomic():
        offer = StoreOffer.objects.filter(pk=offer_id).first()
        if offer is None:
            raise OfferMissing()
        before = offer.price_fen
        if only_from and before not in only_from:
            raise Conflict()
        if before == price_fen:
            raise PriceUnchanged()
        same = Q(price_fen__isnull=True) if before is None else Q(price_fen=before)
        if not StoreOffer.objects.filter(same, pk=offer.pk).update(price_fen=price_fen):
            raise Conflict()
        offer.price_fen = price_fen
        reference_record(
            row=offer,
            change="priced",
            changes={"price_fen": [before, price_fen]},
            reason=reason,
            actor=actor,
            now=now,
        )
    return offer


def _sku(sku_id: int) -> Sku:
    """The SKU, with changes to its product's other SKUs kept out until commit."""
    product_id = Sku.objects.filter(pk=sku_id).values_list("product_id", flat=True).first()
    if product_id is None:
        raise SkuMissing()
    advisory("mall.product", [product_id])
    return Sku.objects.get(pk=sku_id)


def price_settle(product_id: int) -> None:
    """Bring the product's "from" price in step with its SKUs in use."""
    lowest = (
        Sku.objects.filter(product=OuterRef("pk"), archived_at__isnull=True)
        .order_by()
        .values("product")
        .annotate(lowest=Min("price_fen"))
        .values("lowest")
    )
    # Without a live SKU the last price stays: the product is not shown anyway.
    Product.objects.filter(pk=product_id).update(price_fen=Coalesce(Subquery(lowest), "price_fen"))
