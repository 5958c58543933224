"""Simulated members with coupons of every kind, in both channels; the audit follows the test."""

from datetime import date, timedelta

import pytest
from django.core.management import call_command

from config.kernel import audit, clock
from coupons.models import Coupon, CouponTicket, RedeemCode, Redemption, Template
from coupons.states import CouponKind
from guides.models import CouponHandout
from guides.simulation.run import simulate
from mall.models import Adjustment
from stores.models import Operator
from tests.factories import make_template

KINDS: list[dict] = [
    {"kind": "amount", "value": 500, "steps": [[30_000, 3_000], [50_000, 6_000]]},
    {"kind": "percent", "value": 1_000, "span": "line", "stacking_group": "lines"},
    {"kind": "price", "value": 990, "times": 1, "stacking_group": "price"},
    {"kind": "exchange", "value": 100},
    {"kind": "nth", "value": 5_000, "pieces": 2, "stacking_group": "second"},
    {"kind": "amount", "value": 800, "threshold_pieces": 2, "budget_fen": 20_000},
    {"kind": "percent", "value": 2_000, "channels": ["store"], "max_discount_fen": 3_000},
]


@pytest.fixture
def yesterday(now) -> date:
    # The last day that is over with its small hours, which end after one in the morning.
    return clock.local_date(now - timedelta(hours=2)) - timedelta(days=1)


def test_coupons_of_every_kind_are_used_in_both_channels(db, now, yesterday, tmp_path, monkeypatch):
    # given
    monkeypatch.setenv("DATA_DIR", str(tmp_path))
    call_command("load_demo", verbosity=0)
    for operator in Operator.objects.filter(stores__terminals__isnull=False).distinct():
        for said in KINDS:
            make_template(
                operator=operator,
                quota=5_000,
                claim_from=now - timedelta(days=9),
                per_member=2,
                gift_days=3,
                **said,
            )
    # Often enough that no day's dice leave one of them out.
    for share in ("coupons._REDEEM", "coupons._CODE", "coupons._GIFT", "handouts._SHARE"):
        monkeypatch.setattr(f"guides.simulation.{share}", 600)

    # when
    tally = simulate(days=3, seed=5, until=yesterday, per_day=50, now=now).tally

    # then
    used = Redemption.objects.values_list("channel", "coupon__template__kind")
    assert {channel for channel, _kind in used} == {"mall", "store"}
    # Which kinds three small days come to is the dice's business; most of them they do.
    kinds = {kind for _channel, kind in used}
    assert len(kinds & (set(CouponKind.values) - {CouponKind.FREIGHT})) >= 3
    assert tally["coupon_tickets_redeemed"] == CouponTicket.objects.count() > 0
    once = RedeemCode.objects.exclude(used_at=None).count()
    assert 0 < once < tally["coupon_codes"]
    assert tally["handouts"] - tally["handouts_refused"] == CouponHandout.objects.count() > 0
    # What sells often enough for such small days.
    assert len(set(Adjustment.objects.filter(kind="promotion").values_list("reference"))) >= 3
    assert Coupon.objects.count() <= sum(Template.objects.values_list("issued", flat=True))
    assert [f.line.code for f in audit.run() if f.violations] == []
