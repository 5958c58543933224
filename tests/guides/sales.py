"""Paid orders written row by row, so that a test can say exactly what was paid when.

They have what guides look at (lines, money, events) and nothing else, so the audit of the whole
mall is not run after these tests; the guides' own lines are (see conftest).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from config.kernel import audit
from config.kernel.actors import SYSTEM
from config.kernel.events import record
from config.kernel.models import Event, PolicyVersion
from guides.handlers import order_changed
from guides.models import CommissionEntry, Guide, Touch
from guides.services.code_create import code_create
from guides.services.touch_record import touch_record
from mall.events import OrderPaid, OrderRefunded
from mall.models import Order, OrderLine, Product
from members.models import CardProduct, Member
from stores.models import Store
from tests.factories import make_product, moment, publish_policy, sequence

ATTRIBUTION = {"v": 1, "window_days": 7, "shares": {"opening": 6000, "serving": 4000}}
PLAN = {"v": 1, "default_rate_bp": 300, "rules": [], "maturity_days": 7}


@dataclass(frozen=True)
class Rules:
    attribution: PolicyVersion
    plan: PolicyVersion


def publish_rules(
    *,
    attribution: dict | None = None,
    plan: dict | None = None,
    effective_from: datetime | None = None,
) -> Rules:
    """Both policies of the whole group, in force since a month ago (or ``effective_from``)."""
    return Rules(
        publish_policy(
            kind="attribution",
            body=ATTRIBUTION | (attribution or {}),
            effective_from=effective_from,
        ),
        publish_policy(
            kind="commission_plan", body=PLAN | (plan or {}), effective_from=effective_from
        ),
    )


def paid_order(
    *,
    member: Member,
    store: Store,
    lines: Sequence[tuple[Product | CardProduct, int, int]] = (),
    paid_at: datetime | None = None,
    state: str = "paid",
    ended_at: datetime | None = None,
) -> Order:
    """An order of ``lines``: (product or card product, quantity, net fen of the line)."""
    paid_at = paid_at or moment()
    lines = lines or [(make_product(), 1, 10_000)]
    total = sum(net for _what, _quantity, net in lines)
    order = Order.objects.create(
        no=f"SO{sequence():08d}",
        member=member,
        operator=store.operator,
        store=store,
        channel="mini_program",
        state=state,
        gross_fen=total,
        total_fen=total,
        placed_at=paid_at,
        expires_at=paid_at,
        paid_at=paid_at,
        completed_at=paid_at if state in ("completed", "closed") else None,
        ended_at=ended_at,
    )
    for position, (what, quantity, net) in enumerate(lines):
        goods = isinstance(what, Product)
        assert net % quantity == 0
        OrderLine.objects.create(
            order=order,
            position=position,
            kind="goods" if goods else "card",
            sku=what.skus.first() if goods else None,
            card_product=None if goods else what,
            title=what.name,
            quantity=quantity,
            unit_price_fen=net // quantity,
            gross_fen=net,
            net_fen=net,
        )
    return order


def paid_event(order: Order) -> Event:
    event = OrderPaid(
        subject_id=order.pk, member_id=order.member_id, from_state="placed", to_state="paid"
    )
    return Event.objects.get(pk=record([event], actor=SYSTEM, now=order.paid_at)[0])


def refunded_event(order: Order, *, now: datetime, **back_fen: int) -> Event:
    """Give ``p0=…`` fen of the line at position 0 back (in all, not in addition), and say so."""
    for position, fen in back_fen.items():
        order.lines.filter(position=int(position[1:])).update(refunded_fen=fen)
    event = OrderRefunded(subject_id=order.pk, member_id=order.member_id, after_sale_id=0)
    return Event.objects.get(pk=record([event], actor=SYSTEM, now=now)[0])


def handle(*events: Event, now: datetime) -> None:
    """Deliver ``events`` as the relay does: handled, then marked as such."""
    order_changed(events, now)
    Event.objects.filter(pk__in=[e.pk for e in events]).update(relayed_at=now)


def touched(
    *, member: Member, guide: Guide, now: datetime, product: Product | None = None
) -> Touch:
    code = code_create(
        guide_id=guide.pk, product_code=product.code if product else "", actor=SYSTEM, now=now
    )
    return touch_record(token=code.token, member_id=member.pk, actor=SYSTEM, now=now).touch


def booked(guide: Guide) -> list[int]:
    """The guide's entries in fen, in the order they were booked."""
    return list(
        CommissionEntry.objects.filter(guide=guide)
        .order_by("pk")
        .values_list("amount_fen", flat=True)
    )


def guide_findings() -> list[audit.Finding]:
    codes = {line.code for line in audit.lines() if line.code.startswith("guides.")}
    return [finding for finding in audit.run(codes) if finding.violations]
