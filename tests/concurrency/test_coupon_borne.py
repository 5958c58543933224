"""What a coupon costs is booked and taken back once, whoever tells of it at the same moment."""

import time
from dataclasses import replace
from functools import partial
from itertools import count

import pytest

from config.kernel import locks
from config.kernel.actors import SYSTEM
from config.kernel.relay import drain
from coupons.models import CouponTicket, Redemption
from coupons.services import redemption_bear as bearing
from coupons.services.redemption_bear import Sold, redemptions_bear
from mall.services.pos_till import Till
from mall.services.redemption_confirm import redemption_confirm
from mall.services.redemption_reverse import (
    RedemptionEnded,
    redemption_return,
    redemption_reverse,
)
from members.guards_code import member_code_use
from members.services.member_code_issue import member_code_issue
from stores.ledger import DuplicateTransfer
from stores.models import Transfer
from tests.concurrency.race import failed, race, succeeded
from tests.factories import make_coupon, make_member, make_template, make_terminal

pytestmark = pytest.mark.django_db(transaction=True)

SHARES = {"brand:acme": 5_000, "platform": 5_000}


@pytest.fixture
def till():
    terminal, _key = make_terminal()
    store = terminal.store
    return Till(
        name=f"terminal:{terminal.no}",
        store_id=store.pk,
        store_code=store.code,
        operator_id=store.operator_id,
        operator_code=store.operator.code,
        terminal_id=terminal.pk,
    )


@pytest.fixture
def ticket(till, now) -> CouponTicket:
    """¥20 off a sale of ¥50 in a store, half of it a brand's; not booked yet."""
    member = make_member()
    coupon = make_coupon(member, template=make_template(sponsor_shares=SHARES))
    type(coupon.template).objects.update(operator=till.operator_id)
    code = member_code_issue(member_id=member.pk, now=now)
    return redemption_confirm(
        till=till,
        ticket_no="T-1",
        coupon_nos=[coupon.no],
        visit=member_code_use(scanned=code.token, by=till.name, now=now).visit,
        amount_fen=5_000,
        actor=SYSTEM,
        now=now,
    )


def told(till, ticket, now):
    sold = Sold(ticket.no, till.operator_id, till.operator_code)
    return partial(redemptions_bear, [sold], now=now)


def booked() -> int:
    moves = Transfer.objects.filter(code__startswith="coupon.").values_list("code", "amount")
    return sum(fen if code == "coupon.bear" else -fen for code, fen in moves)


def live() -> int:
    redemption = Redemption.objects.get()
    return 0 if redemption.reversed_at else redemption.amount_fen - redemption.returned_fen


def part_comes_back(till, now, return_no="R1"):
    back = {"till": till, "number": "T-1", "return_no": return_no, "amount_fen": 1_000}
    return partial(redemption_return, **back, actor=SYSTEM, now=now)


def test_a_use_told_many_times_at_once_is_booked_once(till, ticket, now):
    results = race([told(till, ticket, now)] * 6)

    assert failed(results) == []
    assert sorted(results) == [0, 0, 0, 0, 0, 2]
    assert booked() == live() == 2_000


def test_a_redemption_reversed_twice_and_returned_in_part_is_taken_back_once(till, ticket, now):
    told(till, ticket, now)()
    reverse = partial(redemption_reverse, till=till, number="T-1", actor=SYSTEM, now=now)

    def and_told(act):
        act()
        return told(till, ticket, now)()

    results = race(
        [partial(and_told, act) for act in (reverse, reverse, part_comes_back(till, now))]
    )

    # the part may come too late; nothing else is refused
    assert {type(e) for e in failed(results)} <= {RedemptionEnded}
    assert len(succeeded(results)) >= 2
    assert booked() == live() == 0
    drain(now=now)
    assert booked() == 0


def unguarded(monkeypatch, *, keys: bool) -> None:
    """Nobody waits for anybody, and (``keys``) nothing refuses what was booked before."""
    monkeypatch.setattr(locks, "advisory", lambda namespace, ids: None)
    post, n = bearing.post, count()

    def late(drafts, *, now):
        time.sleep(0.4)
        drafts = [replace(d, key=f"{d.key}{next(n)}") if keys else d for d in drafts]
        return post(drafts, now=now)

    monkeypatch.setattr(bearing, "post", late)


def test_without_the_lock_the_keys_refuse_what_was_booked_before(till, ticket, now, monkeypatch):
    unguarded(monkeypatch, keys=False)

    results = race([told(till, ticket, now)] * 3)

    assert len(succeeded(results)) == 1
    assert {type(e) for e in failed(results)} == {DuplicateTransfer}
    assert booked() == 2_000


@pytest.mark.corrupts
def test_control_without_lock_and_keys_a_return_is_taken_back_by_each_who_tells(
    till, ticket, now, monkeypatch
):
    told(till, ticket, now)()
    part_comes_back(till, now)()
    assert live() == 1_600
    unguarded(monkeypatch, keys=True)

    results = race([told(till, ticket, now)] * 3)

    assert failed(results) == []
    assert booked() == 2_000 - 3 * 400 < live()
