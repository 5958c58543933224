"""Sell or top up stored value where the member stands: desk, till, console.

The sale is an order of one line (channel store). Cash, bank card and transfer are with whoever
sells, so the order is paid, and its value there, as it is placed; a code for WeChat is shown until
it is paid, and the callback does the rest (``payment_native``).
"""

import hashlib
import json
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from django.db import transaction
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from config.kernel.actors import SYSTEM, Actor
from config.kernel.errors import Conflict, DomainError, NotFound
from config.kernel.events import record
from config.kernel.numbers import new_no
from config.kernel.tasks import nudge
from mall.books import takings
from mall.events import StoreSaleMade
from mall.locks import order_lock, ticket_claim
from mall.models import Order, OrderLine, Payment, StoreSale
from mall.services.order_place import order_place
from mall.services.order_state import order_transition
from mall.services.order_value import value_key, value_put
from mall.services.payment_native import payment_native_create
from mall.services.pos_pay import PosMemberMissing
from mall.services.pos_till import PosTicketInFlight, Till
from mall.services.quote import Basket, quote
from mall.states import OrderChannel, OrderState, SaleWay
from members.guards_code import member_code_use
from members.models import CardLot, Member
from members.selectors_cards import card_rules
from members.services.card_identity import card_identity_tell
from members.services.card_lot import way_check
from members.services.visit_find import visit_find
from members.states import PayerKind, PayWay

# What the rules of cards call these ways.
_PAY_WAYS = {SaleWay.CASH: PayWay.CASH, SaleWay.TRANSFER: PayWay.TRANSFER}


class StoreSaleUnknown(NotFound):
    """Never seen at this store: nothing was sold under it."""

    code = "store_sale_unknown"
    message = _("No sale of this store has this number.")


class StoreSaleExists(Conflict):
    """Sold with other terms, or voided before it was sold: the number is taken."""

    code = "store_sale_exists"
    message = _("This ticket number was used for another sale ({no}).")


class SaleReferenceMissing(DomainError):
    code = "sale_reference_missing"
    message = _("Say the number of the slip, or of the transfer.")


@dataclass(frozen=True, slots=True)
class SaleTerms:
    """Who buys what, and how it is paid.

    The member by ``member_no``, by the ``visit`` that a scan opened, or by their ``code`` itself:
    one of them. A new card of ``product``, of ``amount_fen`` where the buyer chooses, or
    ``amount_fen`` more on ``card``. ``reference`` is what the terminal of the bank or the bank has
    printed. ``identity`` is (name, number) of the member's document, to be put on record.
    """

    way: str
    member_no: str = ""
    visit: str = ""
    code: str = ""
    product: str = ""
    card: str = ""
    amount_fen: int | None = None
    reference: str = ""
    payer: str = PayerKind.PERSON
    identity: tuple[str, str] | None = None

    def fingerprint(self) -> str:
        said = asdict(self)
        del said["identity"]
        return hashlib.sha256(json.dumps(said, sort_keys=True).encode()).hexdigest()


def store_sale_quote(*, till: Till, terms: SaleTerms, now: datetime) -> dict[str, Any]:
    """What the sale would cost and give: the quote's document. Nothing is written; a document that
    has to be on record first is not missed here. Raises what :func:`store_sale` raises."""
    with transaction.atomic():
        member_id = _member_id(till, terms, now)
        _terms_check(terms)
        try:
            if terms.identity is not None:
                _identify(member_id, terms, SYSTEM, now)
            return _quoted(till, terms, member_id, now)
        finally:
            transaction.set_rollback(True)


def store_sale(
    *,
    till: Till,
    ticket_no: str,
    terms: SaleTerms,
    actor: Actor,
    now: datetime,
    version: str = "",
) -> StoreSale:
    """Sell it, once per ``ticket_no`` of the till. ``version`` is that of the quote that was
    shown: another price or bonus is refused. The order is paid when it was paid at the desk, and
    placed while a code for WeChat waits (``payment_code``, after the commit).

    The same once more is answered with the sale that is there. On a refusal nothing has changed.
    Raises PosTicketInFlight, StoreSaleExists, PosMemberMissing, NotFound, VisitOver,
    MemberCodeInvalid, MemberCodeUsed, SaleReferenceMissing, CardCashRefused, QuoteChanged,
    MerchantUnknown, CardIdentityInvalid, CardIdentityOnRecord and what ``quote`` raises of cards.
    """
    _terms_check(terms)
    with transaction.atomic():
        if not ticket_claim(f"sale:{till.counter}", ticket_no):
            raise PosTicketInFlight()
        known = sale_of_till(till=till, ticket_no=ticket_no)
        if known is not None:
            if known.request_hash != terms.fingerprint():
                raise StoreSaleExists(no=known.no)
            return known
        member_id = _member_id(till, terms, now)
        if terms.identity is not None:
            _identify(member_id, terms, actor, now)
        document = _quoted(till, terms, member_id, now)
        placed = order_place(
            basket=_basket(till, terms, member_id),
            quote_version=version or document["version"],
            actor=actor,
            now=now,
            channel=OrderChannel.STORE,
        )
        order = order_lock(no=placed["no"], related=["operator", "store"])
        sale = StoreSale.objects.create(
            no=new_no("DS"),
            terminal_id=till.terminal_id,
            ticket_no=ticket_no,
            store_id=till.store_id,
            operator_id=till.operator_id,
            order=order,
            way=terms.way,
            payer=terms.payer,
            reference=terms.reference,
            sold_by=f"{actor.kind}:{actor.id}"[:64],
            request_hash=terms.fingerprint(),
            created_at=now,
        )
        made = StoreSaleMade(subject_id=sale.pk, order_id=order.pk, member_id=member_id)
        record([made], actor=actor, now=now)
        if terms.way == SaleWay.WECHAT:
            payment_native_create(order=order, actor=actor, now=now)
        else:
            _take(order, terms.way, actor, now)
        nudge()
    return sale


def _take(order: Order, way: str, actor: Actor, now: datetime) -> None:
    """The money is on the counter: the order is paid, its value there, and nothing left to do."""
    order_transition(order=order, to_state=OrderState.PAID, actor=actor, now=now)
    line = OrderLine.objects.select_related("card_product").get(order=order)
    value_put(
        order=order,
        line=line,
        funding_id=takings(
            way=way,
            operator_code=order.operator.code,
            operator_id=order.operator_id,
            store_code=order.store.code,
        ),
        way=_PAY_WAYS.get(SaleWay(way), PayWay.SOURCE),
        actor=actor,
        now=now,
    )
    order_transition(order=order, to_state=OrderState.COMPLETED, actor=actor, now=now)


def _terms_check(terms: SaleTerms) -> None:
    if sum(map(bool, (terms.member_no, terms.visit, terms.code))) != 1:
        raise PosMemberMissing()
    if terms.way in (SaleWay.BANK_CARD, SaleWay.TRANSFER) and not terms.reference.strip():
        raise SaleReferenceMissing()


def _member_id(till: Till, terms: SaleTerms, now: datetime) -> int:
    if terms.code:
        return member_code_use(scanned=terms.code, by=till.name, now=now).member_id
    if terms.visit:
        return visit_find(visit=terms.visit, by=till.name, now=now)
    found = Member.objects.filter(no=terms.member_no, archived_at__isnull=True)
    member_id = found.values_list("pk", flat=True).first()
    if member_id is None:
        raise NotFound()
    return member_id


def _identify(member_id: int, terms: SaleTerms, actor: Actor, now: datetime) -> None:
    assert terms.identity is not None
    name, number = terms.identity
    card_identity_tell(member_id=member_id, name=name, number=number, actor=actor, now=now)


def _basket(till: Till, terms: SaleTerms, member_id: int) -> Basket:
    return Basket(
        member_id=member_id,
        store_code=till.store_code,
        card_product=terms.product,
        topup_card=terms.card,
        amount_fen=terms.amount_fen,
        pay_by=terms.way,
    )


def _quoted(till: Till, terms: SaleTerms, member_id: int, now: datetime) -> dict[str, Any]:
    priced = quote(basket=_basket(till, terms, member_id), now=now)
    # The payer is who the law asks for; the card's own services ask for persons alone.
    way_check(
        rules=card_rules(operator_code=priced.operator_code, now=now),
        way=_PAY_WAYS.get(SaleWay(terms.way), PayWay.SOURCE),
        amount_fen=priced.priced.total_fen,
        payer=terms.payer,
    )
    return priced.document()


_WITH = ("order__operator", "order__member", "order__store", "terminal", "store")


def sale_of_till(*, till: Till, ticket_no: str) -> StoreSale | None:
    """The sale that this very till (or desk) numbered so."""
    return (
        StoreSale.objects.select_related(*_WITH)
        .filter(Q(terminal_id=till.terminal_id), store_id=till.store_id, ticket_no=ticket_no)
        .first()
    )


def sale_find(*, till: Till, number: str) -> StoreSale:
    """The till's own sale of this number, or the one of its store that we numbered so, or whose
    order it is: what is printed is good at every till of the store. Raises StoreSaleUnknown."""
    found = StoreSale.objects.select_related(*_WITH).filter(
        Q(terminal_id=till.terminal_id, ticket_no=number) | Q(no=number) | Q(order__no=number),
        store_id=till.store_id,
    )
    # Its own numbers come first, should one look like ours.
    for sale in sorted(found, key=lambda sale: number in (sale.no, sale.order and sale.order.no)):
        return sale
    raise StoreSaleUnknown()


def sale_status(*, till: Till, number: str) -> StoreSale:
    """As :func:`sale_find`, for a till that got no answer: StoreSaleUnknown means that nothing was
    sold and nothing is under way, PosTicketInFlight that a sale still is."""
    try:
        return sale_find(till=till, number=number)
    except StoreSaleUnknown:
        with transaction.atomic():
            if not ticket_claim(f"sale:{till.counter}", number):
                raise PosTicketInFlight() from None
            # It may have been sold between the look and the claim.
            return sale_find(till=till, number=number)


def sale_document(sale: StoreSale) -> dict[str, Any]:
    """The sale as tills and desks see it. ``state``: "waiting" for WeChat, "paid", "ended" unpaid,
    "voided". Three statements beside the sale's own."""
    document: dict[str, Any] = {
        "no": sale.no,
        "ticket_no": sale.ticket_no,
        "state": _state(sale),
        "order": "",
        "member": "",
        "kind": "",
        "title": "",
        "card": "",
        "principal_fen": 0,
        "bonus_fen": 0,
        "way": sale.way,
        "reference": sale.reference,
        "code_url": "",
        "pay_until": None,
        "paid_at": None,
        "voided_at": sale.voided_at,
        "created_at": sale.created_at,
    }
    order = sale.order
    if order is None:
        return document
    line = OrderLine.objects.get(order=order)
    lot = CardLot.objects.select_related("card").filter(key=value_key(order.no, line.position))
    found = lot.first()
    waiting = document["state"] == "waiting"
    payment = Payment.objects.filter(order=order).first() if waiting else None
    return document | {
        "order": order.no,
        "member": order.member.no,
        "kind": str(line.kind),
        "title": line.title,
        "card": found.card.no if found else "",
        "principal_fen": line.net_fen,
        "bonus_fen": line.bonus_fen,
        "code_url": payment.prepay.get("code_url", "") if payment else "",
        "pay_until": order.expires_at if waiting else None,
        "paid_at": order.paid_at,
    }


def _state(sale: StoreSale) -> str:
    if sale.voided_at is not None or sale.order is None:
        return "voided"
    if sale.order.state == OrderState.PLACED:
        return "waiting"
    return "ended" if sale.order.paid_at is None else "paid"
