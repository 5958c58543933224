"""Random lives of points against a plain model: after every step the lots, balances, debts and
books are what the model says; after every life the audit is clean."""

from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import ClassVar

import pytest
from django.db import connection
from hypothesis import strategies as st
from hypothesis.stateful import initialize, invariant, precondition, rule, run_state_machine_as_test

from config.kernel import audit
from config.kernel.actors import SYSTEM
from config.kernel.errors import DomainError, NotFound
from members import guards_points as guards
from members.models import Member
from members.selectors import points_balance
from members.services.points_expire import points_expire, points_hold_expire
from members.services.points_refund import PointsRefundTooLarge, points_refund
from members.services.points_settle import PointsTarget, points_settle
from stores.ledger import DuplicateTransfer
from tests.factories import make_member, publish_policy
from tests.lives import ModelledLife
from tests.members.model_profile import PARTS, model_settings

ANY = st.integers(min_value=0, max_value=10_000)
# A point for a yuan, for a year; given back, for thirty days at least.
BODY = {"v": 1, "fen_per_point": 100, "lot_days": 365, "min_days_after_return": 30}
YEAR, MONTH = timedelta(days=365), timedelta(days=30)
WORLD_BOOKS = ("points.issued", "points.spent", "points.expired")


@dataclass
class Lot:
    reference: str
    earned: int
    left: int
    expires_at: datetime
    made: int
    held: int = 0

    @property
    def free(self) -> int:
        return self.left - self.held


@dataclass
class Wallet:
    """``made`` orders lots that end at once."""

    lots: list[Lot] = field(default_factory=list)
    debt: int = 0

    def live(self, now: datetime) -> list[Lot]:
        live = [lot for lot in self.lots if lot.expires_at > now]
        return sorted(live, key=lambda lot: (lot.expires_at, lot.made))

    def free(self, now: datetime) -> int:
        return sum(lot.free for lot in self.live(now))

    def add(self, reference: str, earned: int, left: int, expires_at: datetime) -> None:
        self.lots.append(Lot(reference, earned, left, expires_at, len(self.lots)))

    def repay(self, points: int) -> int:
        repaid = min(points, self.debt)
        self.debt -= repaid
        return repaid


@dataclass
class Hold:
    reference: str
    member: Member
    lines: list[tuple[Lot, int]]
    expires_at: datetime
    state: str = "open"
    back: list[int] = field(default_factory=list)

    @property
    def points(self) -> int:
        return sum(points for _lot, points in self.lines)

    def end(self, state: str) -> None:
        self.state, self.back = state, [0] * len(self.lines)
        for lot, points in self.lines:
            lot.held -= points
            lot.left -= points if state == "captured" else 0


@dataclass
class Purchase:
    member: Member
    reference: str
    moment: datetime
    due: int = 0
    settled: bool = False


class PointLives(ModelledLife):
    start: ClassVar[datetime]
    last: ClassVar[datetime]
    members: ClassVar[list[Member]]

    def __init__(self) -> None:
        super().__init__()
        self.now = self.start
        self.wallets = {member.pk: Wallet() for member in self.members}
        self.purchases: list[Purchase] = []
        self.holds: list[Hold] = []
        self.books: Counter[str] = Counter()

    def at_the_end(self) -> set[str]:
        self.now += timedelta(days=1)
        self.sweep()
        self.as_the_model_says()
        return {x.code for x in audit.lines() if x.code.startswith(("ledger", "point"))}

    def word(self, prefix: str) -> str:
        self.now += timedelta(minutes=1)
        return super().word(prefix)

    def member(self, n: int) -> Member:
        return self.members[n % len(self.members)]

    @initialize()
    def first_purchases(self) -> None:
        for n in range(len(self.members)):
            self.buy(n, 20_000)

    @rule(n=ANY, base=st.integers(0, 60_000))
    def buy(self, n: int, base: int) -> None:
        purchase = Purchase(self.member(n), self.word("SO"), self.now)
        self.purchases.append(purchase)
        self.settle(purchase, base)

    @rule(n=ANY, base=st.integers(0, 60_000))
    def correct(self, n: int, base: int) -> None:
        """An order's refund, for the most part: what is due for it changes."""
        self.now += timedelta(minutes=1)
        purchase = self.purchases[n % len(self.purchases)]
        self.settle(purchase, base if n % 5 == 0 else base % (purchase.due * 100 + 1))

    def settle(self, purchase: Purchase, base: int) -> None:
        wallet, due = self.wallets[purchase.member.pk], base // 100
        target = PointsTarget(
            purchase.member.pk, purchase.member.no, purchase.reference, base, purchase.moment
        )
        difference = due - purchase.due
        assert points_settle([target], now=self.now) == {purchase.reference: difference}
        assert points_settle([target], now=self.now) == {purchase.reference: 0}
        self.books["points.issued"] -= difference
        purchase.due = due
        if difference > 0:
            expires = purchase.moment + YEAR
            if purchase.settled:
                expires = max(expires, self.now + MONTH)
            left = difference - wallet.repay(difference)
            wallet.add(purchase.reference, difference, left, expires)
        rest = -difference
        own_first = sorted(wallet.live(self.now), key=lambda x: x.reference != purchase.reference)
        for lot in own_first if rest > 0 else []:
            taken = min(rest, lot.free)
            lot.left -= taken
            rest -= taken
        wallet.debt += max(rest, 0)
        purchase.settled = purchase.settled or difference != 0

    @rule(n=ANY, share=st.integers(1, 100), minutes=st.integers(1, 300), at_once=st.booleans())
    def hold(self, n: int, share: int, minutes: int, at_once: bool) -> None:
        member, reference = self.member(n), self.word("PH")
        wallet = self.wallets[member.pk]
        # One more than there is, now and then.
        points = wallet.free(self.now) * share // 100 + 1
        values = {"member_id": member.pk, "points": points, "reference": reference}
        values |= {"actor": SYSTEM, "now": self.now}
        ends = self.now + timedelta(minutes=minutes)
        short = points > wallet.free(self.now)

        def set_aside() -> int:
            if at_once:
                return guards.points_spend(**values)
            return guards.points_hold(expires_at=ends, **values)

        if self.act(guards.PointsShort if short else None, set_aside) is None:
            return
        lines, rest = [], points
        for lot in wallet.live(self.now):
            part = min(rest, lot.free)
            if part:
                lot.held += part
                lines.append((lot, part))
                rest -= part
        self.holds.append(Hold(reference, member, lines, ends))
        if at_once:
            self.holds[-1].end("captured")
            self.books["points.spent"] += points
        self.act(DuplicateTransfer, set_aside)

    @precondition(lambda self: self.holds)
    @rule(n=ANY)
    def capture(self, n: int) -> None:
        hold = self.holds[-1 - n % min(len(self.holds), 5)]
        self.now += timedelta(minutes=1)
        refusal: type[DomainError] | None = None
        if hold.state != "open":
            captured = hold.state == "captured"
            refusal = DuplicateTransfer if captured else guards.PointsHoldNotOpen
        values = {"reference": hold.reference, "actor": SYSTEM, "now": self.now}
        moved = self.act(refusal, lambda: guards.points_capture(**values))
        if moved is not None:
            assert moved == hold.points
            hold.end("captured")
            self.books["points.spent"] += moved

    @precondition(lambda self: self.holds)
    @rule(n=ANY)
    def release(self, n: int) -> None:
        hold = self.holds[n % len(self.holds)]
        self.now += timedelta(minutes=1)
        given = guards.points_release(reference=hold.reference, actor=SYSTEM, now=self.now)
        assert given == (hold.points if hold.state == "open" else 0)
        if hold.state == "open":
            hold.end("released")

    @precondition(lambda self: self.holds)
    @rule(n=ANY, share=st.integers(1, 103))
    def refund(self, n: int, share: int) -> None:
        hold, key = self.holds[n % len(self.holds)], self.word("RF")
        spent = hold.points - sum(hold.back)
        points = -(-spent * share // 100) or 1
        refusal: type[DomainError] | None = None
        if hold.state != "captured":
            refusal = NotFound
        elif points > spent:
            refusal = PointsRefundTooLarge
        values = {"reference": hold.reference, "points": points, "key": key}
        values |= {"actor": SYSTEM, "now": self.now}
        alive = self.act(refusal, lambda: points_refund(**values))
        if alive is None:
            return
        wallet = self.wallets[hold.member.pk]
        repaid = wallet.repay(points)
        assert alive == points - repaid
        self.books["points.spent"] -= points
        order = sorted(
            range(len(hold.lines)),
            key=lambda x: (hold.lines[x][0].expires_at, hold.lines[x][0].made),
            reverse=True,
        )
        for x in order:
            lot, taken = hold.lines[x]
            part = min(points, taken - hold.back[x])
            hold.back[x] += part
            points -= part
            owed = min(part, repaid)
            repaid -= owed
            if part == owed:
                continue
            if lot.expires_at >= self.now + MONTH:
                lot.left += part - owed
            else:
                wallet.add(lot.reference, part - owed, part - owed, self.now + MONTH)
        self.act(DuplicateTransfer, lambda: points_refund(**values))

    @rule(days=st.sampled_from((1, 7, 29, 30, 31, 200, 340, 365)))
    def wait(self, days: int) -> None:
        self.now = min(self.now + timedelta(days=days), max(self.now, self.last))

    @rule()
    def sweep(self) -> None:
        late = [h for h in self.holds if h.state == "open" and h.expires_at <= self.now]
        assert points_hold_expire(now=self.now) == len(late)
        for hold in late:
            hold.end("expired")
        lots = [lot for wallet in self.wallets.values() for lot in wallet.lots]
        over = [lot for lot in lots if lot.free and lot.expires_at <= self.now]
        assert points_expire(now=self.now) == len(over)
        for lot in over:
            self.books["points.expired"] += lot.free
            lot.left = lot.held

    @invariant()
    def as_the_model_says(self) -> None:
        with connection.cursor() as cursor:
            cursor.execute(_LOTS)
            lots = cursor.fetchall()
            cursor.execute(_BOOKS, [list(WORLD_BOOKS)])
            books = dict(cursor.fetchall())
        expected = [
            (pk, x.reference, x.earned, x.left, x.held, x.expires_at)
            for pk, wallet in self.wallets.items()
            for x in wallet.lots
        ]
        assert lots == expected
        assert books == {code: n for code, n in self.books.items() if n}
        for pk, wallet in self.wallets.items():
            assert points_balance(pk) == (sum(x.left for x in wallet.lots), wallet.debt)


_LOTS = """
SELECT member_id, reference, earned_points, remaining_points, held_points, expires_at
FROM members_pointlot ORDER BY member_id, id
"""
_BOOKS = """
SELECT a.code, sum(x.amount)::bigint FROM (
  SELECT credit_id AS account_id, amount FROM stores_transfer
  UNION ALL SELECT debit_id, -amount FROM stores_transfer
) AS x JOIN stores_account a ON a.id = x.account_id
WHERE a.code = ANY(%s) GROUP BY a.code HAVING sum(x.amount) <> 0
"""


@pytest.mark.django_db
@pytest.mark.parametrize("part", range(PARTS))
def test_points_live_as_the_model_says(now: datetime, part: int) -> None:
    start = now - timedelta(days=2_000)
    publish_policy(kind="points", body=BODY, effective_from=start - timedelta(days=1))
    members = [make_member() for _ in range(3)]
    world = {"start": start, "last": now - timedelta(hours=10), "members": members}
    run_state_machine_as_test(type("Lives", (PointLives,), world), settings=model_settings())
