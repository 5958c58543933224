"""What the shops do: parcels made ready and handed over, returns taken, requests decided."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from functools import partial

from django.db.models import F

from config.kernel.actors import Actor
from config.kernel.errors import DomainError
from config.kernel.models import User
from guides.simulation import office
from guides.simulation.agenda import Agenda
from mall.models import AfterSale, Fulfilment, Order, OrderLine
from mall.services.aftersale import aftersale_refuse, aftersale_request
from mall.services.aftersale_approval import aftersale_approval
from mall.services.order_handover import order_handover, order_ready
from mall.services.return_in_store import return_in_store
from mall.states import AfterSaleKind, AfterSaleState, FulfilmentState, LineKind, OrderState
from stores.services.pickup_token import token_of

# Percent of the parcels on the shelf that are fetched today, by days since they lie there. What
# nobody fetched within a week is a no-show.
_FETCHED = (42, 50, 45, 40, 32, 28, 22, 10)
# In thousandths of a day's orders.
_CHANGED_MIND, _BROUGHT_BACK = 12, 9
_NO_SHOW_DAYS = 9
_REASONS = ("尺码不合适", "颜色和图片不一样", "买多了", "家人已经买了", "不喜欢", "有瑕疵")


def morning(agenda: Agenda) -> None:
    """Put on the agenda what earlier days left: nothing is remembered but the database."""
    ids = agenda.world.member_ids
    _parcels_of_yesterday(agenda, ids)
    _returns(agenda, ids)
    open_requests = AfterSale.objects.filter(state=AfterSaleState.REQUESTED, order__member__in=ids)
    asked = office.refunds_asked()
    for pk, no in open_requests.order_by("pk").values_list("pk", "no"):
        grant = partial(office.refund_grant, agenda, pk)
        decide = grant if pk in asked else partial(_decide, agenda, no)
        agenda.at(agenda.soon(agenda.opening, 0, 180), decide)


def parcels_arrive(agenda: Agenda, now: datetime) -> None:
    """The orders whose pickup was opened at ``now`` go to the people in the back of the shop."""
    mine = [shop.pk for shop in agenda.world.shops]
    new = Fulfilment.objects.filter(state=FulfilmentState.PENDING, created_at=now, store__in=mine)
    # By order: which process opened a pickup first is nobody's business.
    for no, store_id in new.order_by("order_id").values_list("order__no", "store_id"):
        agenda.at_the_desk(agenda.soon(now, 12, 150), partial(_ready, agenda, no, store_id))


def _parcels_of_yesterday(agenda: Agenda, ids: set[int]) -> None:
    rng = agenda.rng
    rows = (
        Fulfilment.objects.filter(
            state__in=[FulfilmentState.PENDING, FulfilmentState.READY], order__member__in=ids
        )
        .order_by("order_id")
        .values_list("state", "order__no", "store_id", "pickup_no", "updated_at", "order__member")
    )
    for state, no, store_id, pickup_no, since, member_id in rows:
        if rng.randrange(1000) < _CHANGED_MIND:
            moment = agenda.in_shop_hours()
            agenda.at(moment, partial(_regret, agenda, no, member_id, _REASONS[2]))
        elif state == FulfilmentState.PENDING:
            moment = agenda.soon(agenda.opening, 0, 150)
            agenda.at_the_desk(moment, partial(_ready, agenda, no, store_id))
        else:
            days = (agenda.opening - since).days
            if days < len(_FETCHED) and rng.randrange(100) < _FETCHED[days]:
                moment = agenda.in_shop_hours()
                agenda.at(moment, partial(_hand_over, agenda, pickup_no, store_id))
            elif days >= _NO_SHOW_DAYS and rng.randrange(100) < 20:
                moment = agenda.in_shop_hours()
                agenda.at(moment, partial(_regret, agenda, no, member_id, "逾期未取"))


def _returns(agenda: Agenda, ids: set[int]) -> None:
    """Some of what was collected in the last days is brought back today."""
    collected = Order.objects.filter(
        state=OrderState.COMPLETED,
        completed_at__gte=agenda.opening - timedelta(days=6),
        fulfilments__state=FulfilmentState.COLLECTED,
        member__in=ids,
    )
    for no, store_id in collected.order_by("pk").values_list("no", "store_id"):
        if agenda.rng.randrange(1000) < _BROUGHT_BACK:
            agenda.at(agenda.in_shop_hours(), partial(_take_back, agenda, no, store_id))


def _clerk(agenda: Agenda, store_id: int) -> User | None:
    for shop in agenda.world.shops:
        if shop.pk == store_id:
            return agenda.rng.choice(shop.clerks)
    return None


def _manager(agenda: Agenda, store_id: int) -> User | None:
    """Whoever decides there about money that goes back."""
    for shop in agenda.world.shops:
        if shop.pk == store_id and shop.managers:
            return agenda.rng.choice(shop.managers)
    return None


def _ready(agenda: Agenda, no: str, store_id: int, now: datetime) -> None:
    clerk = _clerk(agenda, store_id)
    if clerk is None:
        return
    try:
        order_ready(order_no=no, user=clerk, actor=Actor.user(clerk), now=now)
    except DomainError:
        # Refunded or held in the meantime.
        return
    agenda.tally["made_ready"] += 1
    if agenda.rng.randrange(100) < _FETCHED[0]:
        pickup_no = Fulfilment.objects.values_list("pickup_no", flat=True).get(order__no=no)
        moment = agenda.soon(now, 15, 360)
        agenda.at_the_desk(moment, partial(_hand_over, agenda, pickup_no, store_id))


def _hand_over(agenda: Agenda, pickup_no: str, store_id: int, now: datetime) -> None:
    clerk = _clerk(agenda, store_id)
    if clerk is None:
        return
    try:
        order_handover(text=token_of(pickup_no), user=clerk, actor=Actor.user(clerk), now=now)
    except DomainError:
        return
    agenda.tally["collected"] += 1


def _take_back(agenda: Agenda, no: str, store_id: int, now: datetime) -> None:
    manager = _manager(agenda, store_id)
    lines = _some(agenda, no)
    if manager is None or not lines:
        return
    try:
        return_in_store(
            order_no=no,
            store_id=store_id,
            lines=lines,
            reason=agenda.rng.choice(_REASONS),
            restock=agenda.rng.randrange(10) < 8,
            user=manager,
            actor=Actor.user(manager),
            now=now,
        )
    except DomainError:
        return
    agenda.tally["returns"] += 1


def _regret(agenda: Agenda, no: str, member_id: int, reason: str, now: datetime) -> None:
    """The member asks for a refund of what still lies in the shop."""
    if _request(no=no, member_id=member_id, lines=_all(no), reason=reason, now=now):
        agenda.tally["requests"] += 1
        asked = AfterSale.objects.filter(order__no=no).order_by("-pk").values_list("no", flat=True)
        agenda.at_the_desk(agenda.soon(now, 40, 300), partial(_decide, agenda, asked[0]))


def regret_at_last(agenda: Agenda, *, now: datetime) -> bool:
    """See to it that one request waits for a decision; whether it had to be made."""
    ids = agenda.world.member_ids
    if AfterSale.objects.filter(state=AfterSaleState.REQUESTED).exists():
        return False
    waiting = Fulfilment.objects.filter(
        state__in=[FulfilmentState.PENDING, FulfilmentState.READY], order__member__in=ids
    )
    found = waiting.order_by("-order_id").values_list("order__no", "order__member").first()
    if found is None:
        return False
    no, member_id = found
    return _request(no=no, member_id=member_id, lines=_all(no)[:1], reason=_REASONS[0], now=now)


def _request(
    *, no: str, member_id: int, lines: Sequence[tuple[int, int]], reason: str, now: datetime
) -> bool:
    """Whether the request could be made."""
    try:
        aftersale_request(
            order_no=no,
            lines=lines,
            reason=reason,
            kind=AfterSaleKind.REFUND,
            member_id=member_id,
            actor=Actor.member(member_id),
            now=now,
        )
    except DomainError:
        return False
    return True


def _decide(agenda: Agenda, no: str, now: datetime) -> None:
    store_id = AfterSale.objects.values_list("order__store_id", flat=True).get(no=no)
    manager = _manager(agenda, store_id)
    if manager is None:
        return
    refused = agenda.rng.randrange(100) < 15
    try:
        if refused:
            aftersale_refuse(
                after_sale_no=no,
                reason="已备货，请到店协商",
                actor=Actor.user(manager),
                now=now,
            )
        elif aftersale_approval(after_sale_no=no, reason="同意退款", user=manager, now=now):
            # Above what a manager grants alone: tomorrow the office looks at it.
            return
    except DomainError:
        # Decided by a person of this mall before.
        return
    agenda.tally["refused" if refused else "approved"] += 1


def _all(no: str) -> list[tuple[int, int]]:
    """(position, units) of everything that is left of an order's goods."""
    left = OrderLine.objects.filter(
        order__no=no, kind=LineKind.GOODS, refunded_quantity__lt=F("quantity")
    )
    return [
        (position, quantity - refunded)
        for position, quantity, refunded in left.order_by("position").values_list(
            "position", "quantity", "refunded_quantity"
        )
    ]


def _some(agenda: Agenda, no: str) -> list[tuple[int, int]]:
    """Everything that is left, or one line of it, or one piece of a line."""
    left = _all(no)
    if not left or agenda.rng.randrange(100) < 35:
        return left
    position, units = agenda.rng.choice(left)
    return [(position, agenda.rng.randrange(units) + 1)]
