"""Lines of an order that put value on a card: what they would cost and give, and, once they are
paid for, the value itself."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from django.utils.translation import gettext_lazy as _

from config.kernel.actors import SYSTEM, Actor
from config.kernel.errors import Conflict, NotFound
from mall.models import Order, OrderLine, Tender
from mall.states import LineKind, TenderKind
from members.cards import CardPart
from members.guards import card_capture, card_spend
from members.models import Card, CardLot, CardProduct, Member, TopUpOfferUse
from members.selectors_cards import card_rules, topup_offer_choose
from members.services.card_issue import card_issue, card_sale_check
from members.services.card_offer import card_offer_return
from members.services.card_topup import card_topup, card_topup_check
from members.states import PayWay
from stores.models import Operator

VALUE_KINDS = (LineKind.CARD, LineKind.TOPUP)


class CardProductUnknown(NotFound):
    code = "card_product_unknown"


class CardUnknown(NotFound):
    """No card of this member has the number."""

    code = "card_unknown"


class CardProductChanged(Conflict):
    code = "card_product_changed"
    message = _("This card is no longer sold at the price that was paid.")


@dataclass(frozen=True, slots=True)
class ValueLine:
    """What goes on a card: ``principal_fen`` is paid, ``bonus_fen`` given on top, by the top-up
    offer ``offer_id`` where one applies. ``card`` is None when a new one is bought."""

    kind: LineKind
    product: CardProduct
    operator: Operator
    card: Card | None
    principal_fen: int
    bonus_fen: int
    offer_id: int | None


def value_key(order_no: str, position: int) -> str:
    """The key of a line's purchase: of its lot, and of the use of its offer."""
    return f"{order_no}:{position}"


def card_line(
    *, product_code: str, amount_fen: int | None, member_id: int, store_id: int, now: datetime
) -> ValueLine:
    """A new card of a product on sale, of ``amount_fen`` where the buyer chooses (None: what is
    proposed). Nothing is written. Raises CardProductUnknown and what ``card_sale_check`` raises."""
    product = (
        CardProduct.objects.select_related("operator")
        .filter(code=product_code, on_sale=True, archived_at__isnull=True)
        .first()
    )
    if product is None:
        raise CardProductUnknown()
    member = Member.objects.get(pk=member_id)
    principal = product.price_fen if amount_fen is None else amount_fen
    bonus = product.bonus_fen if principal == product.price_fen else 0
    line = _with_offer(LineKind.CARD, product, None, member, principal, bonus, store_id, now)
    card_sale_check(
        product=product,
        member_id=member_id,
        principal_fen=principal,
        bonus_fen=line.bonus_fen,
        now=now,
    )
    return line


def topup_line(
    *, card_no: str, amount_fen: int, member_id: int, store_id: int, now: datetime
) -> ValueLine:
    """``amount_fen`` more on a card of the member's. Nothing is written. Raises CardUnknown and
    what ``card_topup_check`` raises."""
    card = (
        Card.objects.select_related("product", "operator", "member")
        .filter(no=card_no, member_id=member_id)
        .first()
    )
    if card is None:
        raise CardUnknown()
    line = _with_offer(
        LineKind.TOPUP, card.product, card, card.member, amount_fen, 0, store_id, now
    )
    card_topup_check(card=card, principal_fen=amount_fen, bonus_fen=line.bonus_fen, now=now)
    return line


def consume_of(line: ValueLine, now: datetime) -> str:
    """How the issuer's cards are consumed, for a lot that is not there yet."""
    return card_rules(operator_code=line.operator.code, now=now).consume


def _with_offer(
    kind: LineKind,
    product: CardProduct,
    card: Card | None,
    member: Member,
    principal_fen: int,
    bonus_fen: int,
    store_id: int,
    now: datetime,
) -> ValueLine:
    """The best offer's bonus, unless the product's own is as good."""
    best = topup_offer_choose(
        product=product, member=member, store_id=store_id, principal_fen=principal_fen, now=now
    )
    operator = product.operator if card is None else card.operator
    if best.bonus_fen > bonus_fen:
        return ValueLine(
            kind, product, operator, card, principal_fen, best.bonus_fen, best.offer_id
        )
    return ValueLine(kind, product, operator, card, principal_fen, bonus_fen, None)


def value_put(
    *,
    order: Order,
    line: OrderLine,
    funding_id: int,
    now: datetime,
    way: str = PayWay.SOURCE,
    actor: Actor = SYSTEM,
) -> CardLot | None:
    """The value of a line that has been paid for, out of the account that the money is in: a new
    card, or a lot on the one named, which is returned. Raises CardProductChanged and CardRefused
    when what was promised cannot be had any more."""
    product = line.card_product
    assert product is not None  # constraint mall_orderline_kind
    key = value_key(order.no, line.position)
    uses = TopUpOfferUse.objects.filter(key=key, returned_at__isnull=True)
    offer_id = uses.values_list("offer_id", flat=True).first() if line.bonus_fen else None
    if line.card_id is not None:
        return card_topup(
            card_id=line.card_id,
            member_id=order.member_id,
            principal_fen=line.net_fen,
            bonus_fen=line.bonus_fen,
            offer_id=offer_id,
            store_id=order.store_id,
            funding_account_id=funding_id,
            way=way,
            source=order.device,
            reference=order.no,
            key=key,
            actor=actor,
            now=now,
        )
    if product.min_fen is None and product.price_fen != line.net_fen:
        raise CardProductChanged()
    card_issue(
        member_id=order.member_id,
        card_product_id=product.pk,
        principal_fen=line.net_fen,
        bonus_fen=line.bonus_fen,
        offer_id=offer_id,
        store_id=order.store_id,
        funding_account_id=funding_id,
        way=way,
        source=order.device,
        reference=order.no,
        key=key,
        actor=actor,
        now=now,
    )
    return None


def value_spend(*, order: Order, lot: CardLot, now: datetime) -> None:
    """The goods of an order that topped up its own card: what was held is captured, and the rest
    comes out of ``lot``. In the transaction that made the lot, whose card is locked. Raises
    CardRefused, HoldNotOpen."""
    by_card = (TenderKind.CARD_PRINCIPAL, TenderKind.CARD_BONUS)
    tenders = list(Tender.objects.filter(order=order, kind__in=by_card))
    acceptor = order.operator.code
    if any(not tender.from_topup for tender in tenders):
        card_capture(reference=order.no, acceptor_code=acceptor, now=now, actor=SYSTEM)
    parts = []
    for tender in tenders:
        if not tender.from_topup:
            continue
        of_principal = tender.kind == TenderKind.CARD_PRINCIPAL
        tender.account_id = lot.principal_id if of_principal else lot.bonus_id
        parts.append(
            CardPart(
                lot_id=lot.pk,
                account_id=tender.account_id,
                kind="card_principal" if of_principal else "card_bonus",
                card_id=lot.card_id,
                card_no=tender.card_no,
                amount_fen=tender.amount_fen,
                member_id=order.member_id,
            )
        )
    if parts:
        Tender.objects.bulk_update([t for t in tenders if t.from_topup], ["account"])
        card_spend(
            parts=parts,
            reference=order.no,
            acceptor_code=acceptor,
            store_code=order.store.code,
            now=now,
        )


def offers_return(*, order: Order, actor: Actor, now: datetime) -> None:
    """The order is never paid for: its member may take its top-up offers again."""
    lines: Sequence[dict] = order.snapshot.get("lines", ())
    for line in lines:
        if line["kind"] in VALUE_KINDS:
            card_offer_return(key=value_key(order.no, line["position"]), actor=actor, now=now)
