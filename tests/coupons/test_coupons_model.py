"""Random lives of coupons in both channels against the plain model of
``tests.coupons.coupon_model``.

After every step each coupon's state, holder, end and lock, each use and what came back of it, the
counters of every template, gifts and tickets are what the model says; after every life the audit
is clean. A refusal is the one the model foresees, and has changed nothing.
"""

from datetime import datetime, timedelta
from typing import Any

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import precondition, rule, run_state_machine_as_test

from config.kernel.actors import SYSTEM
from config.kernel.errors import DomainError
from coupons import guards
from coupons.redeem_codes import redeem_code
from coupons.selectors_tickets import CouponUsed
from coupons.services.code_pool import code_pool_create, code_pool_make
from mall.services import redemption_confirm as confirming
from mall.services import redemption_reverse as reversing
from mall.services.pos_quote import TillLine
from mall.services.pos_till import Till
from mall.services.quote import CouponNotApplicable
from mall.services.redemption_query import RedemptionUnknown
from members.guards_code import member_code_use
from members.services.member_code_issue import member_code_issue
from tests.coupons import coupon_model as model
from tests.coupons.coupon_lives import ANY, CouponLives, World
from tests.factories import make_member, make_operator, make_store, make_template, make_terminal
from tests.members.model_profile import PARTS, model_settings

FEN = st.one_of(st.integers(1, 30_000), st.integers(1, 3_000))
PIECES = st.lists(st.tuples(st.integers(2, 9_000), st.integers(1, 4)), min_size=1, max_size=3)
REVERSIBLE = timedelta(minutes=30)


class Lives(CouponLives):
    # In the mall, by the guards that its orders call.

    def some(self, n: int, more: int | None, channel: str) -> list[model.Coupon]:
        """One coupon or two, mostly of one member and usable."""
        first = self.coupon(n, channel)
        if more is None:
            return [first]
        others = [c for c in self.coupons if c is not first]
        theirs = [c for c in others if c.usable(first.holder, channel, self.now)]
        others = theirs if theirs and more % 7 else others
        return [first, others[more % len(others)]] if others else [first]

    def refusal_to_use(
        self, uses: list[tuple[model.Coupon, int]], member: int, locked_by: str, channel: str
    ) -> type[DomainError] | None:
        """The budget is looked at first, of those that may be used."""
        able = [
            (c, fen)
            for c, fen in uses
            if c.usable(member, channel, self.now)
            or (c.locked_by == locked_by != "" and c.holder == member)
        ]
        wanted: dict[int, int] = {}
        for coupon, fen in able:
            more = wanted.get(coupon.template.pk, 0) + fen - coupon.locked
            wanted[coupon.template.pk] = more
        if not all(t.affords(wanted.get(t.pk, 0)) for t in self.templates):
            return guards.BudgetExhausted
        return None if len(able) == len(uses) else guards.CouponUnavailable

    @precondition(lambda self: self.coupons)
    @rule(
        n=ANY,
        more=st.one_of(st.none(), ANY),
        fens=st.tuples(FEN, FEN),
        then=st.sampled_from(("pay", "pay", "cancel", "")),
    )
    def lock(self, n: int, more: int | None, fens: tuple[int, int], then: str) -> None:
        self.tick()
        uses = list(zip(self.some(n, more, "mall"), fens, strict=False))
        member, reference = uses[0][0].holder, self.word("SO")
        refusal = self.refusal_to_use(uses, member, "", "mall")
        locked = self.act(
            refusal,
            lambda: (
                guards.coupon_lock(
                    uses=[(c.pk, fen) for c, fen in uses],
                    member_id=member,
                    reference=reference,
                    now=self.now,
                )
                or True
            ),
        )
        if locked:
            for coupon, fen in uses:
                coupon.lock(reference, fen)
            self.orders.append(model.Order(reference, member, uses))
            if then == "pay":
                self.pay(0)
            elif then == "cancel":
                self.cancel(0)

    @precondition(lambda self: any(not order.paid for order in self.orders))
    @rule(n=ANY)
    def pay(self, n: int) -> None:
        """An order that was given up may be paid all the same, with what it can still have."""
        self.tick()
        waiting = [order for order in self.orders if not order.paid]
        order = waiting[-1 - n % len(waiting)]
        refusal = self.refusal_to_use(order.uses, order.member, order.reference, "mall")
        paid = self.act(
            refusal,
            lambda: (
                guards.coupon_redeem(
                    uses=[(c.pk, fen) for c, fen in order.uses],
                    member_id=order.member,
                    reference=order.reference,
                    channel="mall",
                    now=self.now,
                )
                or True
            ),
        )
        if paid:
            order.paid = True
            for coupon, fen in order.uses:
                coupon.use(order.reference, "mall", fen)

    @precondition(lambda self: self.orders)
    @rule(n=ANY)
    def cancel(self, n: int) -> None:
        self.tick()
        order = self.orders[-1 - n % min(len(self.orders), 6)]
        locked = [c for c in self.coupons if c.locked_by == order.reference]
        assert guards.coupon_release(reference=order.reference, now=self.now) == len(locked)
        for coupon in locked:
            coupon.release()

    @precondition(lambda self: self.orders)
    @rule(n=ANY)
    def refund(self, n: int) -> None:
        self.tick()
        order = self.orders[-1 - n % min(len(self.orders), 6)]
        back = self.used_for(order.reference, undo=False)
        assert guards.coupon_return(reference=order.reference, now=self.now) == len(back)
        for coupon in back:
            coupon.come_back(self.now)

    def used_for(self, reference: str, *, undo: bool) -> list[model.Coupon]:
        return [
            c
            for c in self.coupons
            if c.live and c.live.reference == reference and (undo or not c.template.keeps)
        ]

    # In stores.

    def visit(self, till: Till, member: int) -> str:
        code = member_code_issue(member_id=member, now=self.now)
        return member_code_use(scanned=code.token, by=till.name, now=self.now).visit

    @precondition(lambda self: self.coupons)
    @rule(
        n=ANY,
        more=st.one_of(st.none(), st.none(), ANY),
        till=st.integers(0, 4),
        basket=st.one_of(FEN, PIECES),
        slip=st.sampled_from((0, 0, 0, 0, 0, 1)),
        then=st.lists(st.sampled_from((1, 30, 50, 100, 130, None)), max_size=4),
    )
    def redeem(
        self, n: int, more: int | None, till: int, basket: Any, slip: int, then: list[int | None]
    ) -> None:
        """``slip`` is by how much the till misremembers the preview; ``then`` what comes back of
        it, a share each time, or all because it was a mistake."""
        self.tick()
        coupons = self.some(n, more, "store")
        member = coupons[0].holder
        tills = range(len(self.world.tills))
        own = [
            k for k in tills if self.world.tills[k].operator_code == coupons[0].template.operator
        ]
        till = own[till % len(own)] if till else n % len(tills)
        at = self.world.tills[till]
        whole = isinstance(basket, int)
        # The engine goes through lines in this order; where a fen falls follows from it.
        pieces = [(basket, 1)] if whole else sorted(basket)
        found = model.discounts(coupons, pieces)
        asked: dict[str, Any] = {
            "coupon_nos": [c.no for c in coupons],
            "visit": self.visit(at, member),
        }
        if whole:
            asked["amount_fen"] = basket
        else:
            asked["lines"] = [TillLine("", f"x{i}", q, unit) for i, (unit, q) in enumerate(pieces)]
        refusal: type[DomainError] | None = None
        for coupon in coupons:
            theirs = at.operator_code == coupon.template.operator or coupon.template.elsewhere
            if not (theirs and coupon.usable(member, "store", self.now)):
                seen = coupon.live is not None and coupon.holder == member
                refusal = CouponUsed if seen else CouponNotApplicable
                break
        off = 0 if found is None else sum(sum(parts) for _coupon, parts in found)
        if refusal is None and found is None:
            refusal = CouponNotApplicable
        elif refusal is None and slip:
            refusal = confirming.RedemptionChanged
        elif refusal is None and found is not None:
            uses = [(coupon, sum(parts)) for coupon, parts in found]
            refusal = self.refusal_to_use(uses, member, "", "store")
        number = self.word("T")
        values = {"till": at, "ticket_no": number, "actor": SYSTEM, "now": self.now, **asked}
        said = off + slip
        row = self.act(refusal, lambda: confirming.redemption_confirm(discount_fen=said, **values))
        if row is None or found is None:
            return
        assert row.discount_fen == off
        for coupon, parts in found:
            coupon.use(row.no, "store", sum(parts))
        if whole:
            pieces = [(1, basket)]
        ticket = model.Ticket(row.no, number, till, asked, pieces, whole, found, self.now)
        self.tickets.append(ticket)
        for k, share in enumerate(then):
            if share is None:
                self.reverse(0, k % 2 == 0, True)
            else:
                self.give_back(0, share, k == 2)

    @precondition(lambda self: self.tickets)
    @rule(n=ANY, other=st.booleans())
    def redeem_again(self, n: int, other: bool) -> None:
        """The same is answered with what is there, whatever became of it; else it is refused."""
        self.tick()
        ticket = self.ticket(n)
        at = self.world.tills[ticket.till]
        values = {"till": at, "ticket_no": ticket.number, "actor": SYSTEM, "now": self.now}
        asked = ticket.asked | ({"coupon_nos": ["C0"]} if other else {})
        refusal = confirming.RedemptionExists if other else None
        row = self.act(refusal, lambda: confirming.redemption_confirm(**values, **asked))
        assert row is None or (row.no, row.state) == (ticket.no, ticket.state)

    def ticket(self, n: int) -> model.Ticket:
        return self.tickets[-1 - n % min(len(self.tickets), 6)]

    def where(self, ticket: model.Ticket, n: int) -> tuple[Till, str, bool]:
        """A till, what it calls the ticket, and whether it knows it by that."""
        elsewhere = n % 7 == 6
        till = n % len(self.world.tills) if elsewhere else ticket.till
        number = ticket.no if n % 2 else ticket.number
        at, own = self.world.tills[till], self.world.tills[ticket.till]
        known = at.store_id == own.store_id and (number == ticket.no or till == ticket.till)
        return at, number, known

    @precondition(lambda self: self.tickets)
    @rule(n=ANY, manager=st.booleans(), why=st.booleans())
    def reverse(self, n: int, manager: bool, why: bool) -> None:
        self.tick()
        ticket = self.ticket(n)
        at, number, known = self.where(ticket, n)
        late = self.now >= ticket.at + REVERSIBLE
        refusal: type[DomainError] | None = None
        if not known:
            refusal = RedemptionUnknown
        elif ticket.state == "returned":
            refusal = reversing.RedemptionEnded
        elif ticket.state == "redeemed" and late and not manager:
            refusal = reversing.RedemptionTooLate
        elif ticket.state == "redeemed" and late and not why:
            refusal = reversing.RedemptionReasonMissing
        values = {"till": at, "number": number, "actor": SYSTEM, "now": self.now}
        row = self.act(
            refusal,
            lambda: reversing.redemption_reverse(
                manager=manager, reason="wrong member" if why else " ", **values
            ),
        )
        if row is not None and ticket.state == "redeemed":
            ticket.state = "reversed"
            for coupon in self.used_for(ticket.no, undo=True):
                coupon.come_back(self.now)

    @precondition(lambda self: self.tickets)
    @rule(n=ANY, share=st.sampled_from((1, 30, 50, 100, 100, 130)), twice=st.booleans())
    def give_back(self, n: int, share: int, twice: bool) -> None:
        """``share`` per cent of the pieces that are left of each line, one at least; sometimes
        under a return number that was used."""
        self.tick()
        ticket = self.ticket(n)
        at, number, known = self.where(ticket, n)
        left = [q - gone for gone, (_unit, q) in zip(ticket.back, ticket.basket, strict=True)]
        units = [(i, max(1, rest * share // 100)) for i, rest in enumerate(left) if rest]
        units = units or [(0, 1)]
        return_no = self.word("R")
        if twice and ticket.returns:
            return_no = sorted(ticket.returns)[n % len(ticket.returns)]
        asked: dict[str, Any] = {"amount_fen": units[0][1]} if ticket.whole else {"units": units}
        refusal: type[DomainError] | None = None
        if not known:
            refusal = RedemptionUnknown
        elif return_no in ticket.returns:
            same = ticket.returns[return_no] == units
            refusal = None if same else reversing.RedemptionReturnExists
        elif ticket.state != "redeemed":
            refusal = reversing.RedemptionEnded
        elif any(n > left[i] for i, n in units):
            refusal = reversing.RedemptionReturnTooLarge
        values = {"till": at, "number": number, "actor": SYSTEM, "now": self.now}
        row = self.act(
            refusal, lambda: reversing.redemption_return(return_no=return_no, **asked, **values)
        )
        if row is None or return_no in ticket.returns:
            return
        ticket.returns[return_no] = units
        shares = [ticket.come_back(i, pieces) for i, pieces in units]
        for (coupon, _parts), given in zip(
            ticket.discounts, map(sum, zip(*shares, strict=True)), strict=True
        ):
            coupon.reduce(given)
        if all(q == gone for gone, (_unit, q) in zip(ticket.back, ticket.basket, strict=True)):
            ticket.state = "returned"
            for coupon in self.used_for(ticket.no, undo=False):
                coupon.come_back(self.now)


def till_of(terminal: Any) -> Till:
    store = terminal.store
    return Till(
        name=f"terminal:{terminal.no}",
        store_id=store.pk,
        store_code=store.code,
        operator_id=store.operator_id,
        operator_code=store.operator.code,
        terminal_id=terminal.pk,
    )


ROWS: list[dict[str, Any]] = [
    {"value": 500, "quota": 9, "slots_ready": 4, "per_member": 2, "gift_days": 3},
    {"value": 1_500, "threshold_fen": 4_000, "budget_fen": 6_000, "per_member": 5, "per_day": 1},
    {"kind": "percent", "value": 1_250, "max_discount_fen": 700, "stacking_group": "b"},
    {"kind": "percent", "value": 3_000, "on_refund": "keep", "per_member": 3, "public": False},
    {"value": 900, "stacking_group": "b", "other_operators": True, "per_member": 9, "gift_days": 9},
    {"value": 2_000, "channels": ["mall"], "per_member": 3, "budget_fen": 9_000, "per_day": 2},
]


@pytest.fixture
def world(db, now: datetime) -> World:
    start = now - timedelta(days=400)
    operators = [make_operator(), make_operator()]
    first = make_store(operator=operators[0])
    stores = [first, first, make_store(operator=operators[1])]
    templates = []
    for i, said in enumerate(ROWS * 2):
        operator = operators[i % 2]
        days = (20, 60)[i >= len(ROWS)]
        row = make_template(
            **{"quota": 40, "operator": operator, "valid_days": days} | said,
            claim_from=start - timedelta(days=1),
            claim_until=start + timedelta(days=(45, 300)[i % 3 == 0]),
        )
        templates.append(
            model.Template(
                pk=row.pk,
                code=row.code,
                operator=operator.code,
                kind=row.kind,
                value=row.value,
                cap=row.max_discount_fen,
                threshold=row.threshold_fen,
                group=row.stacking_group,
                channels=tuple(row.channels),
                elsewhere=row.other_operators,
                quota=row.quota,
                per_member=row.per_member,
                per_day=row.per_day,
                budget=row.budget_fen,
                keeps=row.on_refund == "keep",
                gift_days=row.gift_days,
                days=days,
                public=row.public,
                ready=row.slots_ready,
                claim_from=row.claim_from,
                claim_until=row.claim_until,
            )
        )
    codes = []
    for template in templates[2:5]:
        pool = code_pool_create(template_id=template.pk, name="团购", count=3, now=start)
        code_pool_make(pool_id=pool.pk)
        codes += [model.Code(redeem_code(pool.no, n), template) for n in (1, 2, 3)]
    code_pool_create(template_id=templates[0].pk, name="海报", shared_code="SUMMER26", now=start)
    codes.append(model.Code("SUMMER26", templates[0], shared=True))
    tills = [till_of(make_terminal(store=store)[0]) for store in stores]
    members = [make_member().pk for _n in range(4)]
    return World(start, now - timedelta(hours=10), members, templates, codes, tills)


@pytest.mark.parametrize("part", range(PARTS))
def test_coupons_live_as_the_model_says(world: World, part: int) -> None:
    lives = type("Lives", (Lives,), {"world": world})
    run_state_machine_as_test(lives, settings=model_settings())
