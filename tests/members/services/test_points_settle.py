from datetime import timedelta

import pytest
from django.db.models import F

from config.kernel.actors import SYSTEM
from config.kernel.policies import PolicyInvalid, policy_draft, policy_publish
from members.models import PointLot
from members.selectors import points_balance
from members.services.points_expire import points_expire
from members.services.points_settle import PointsTarget, points_settle
from members.tasks import points_expire as task
from stores.ledger import AccountSpec, Draft, accounts_ensure, post
from stores.models import Transfer
from tests.factories import make_member, make_tier, publish_policy

pytestmark = pytest.mark.django_db
BODY = {"v": 1, "fen_per_point": 100, "lot_days": 365, "min_days_after_return": 30}


@pytest.fixture
def member(now):
    publish_policy(kind="points", body=BODY, effective_from=now - timedelta(days=500))
    return make_member()


def settle(member, base_fen, now, reference="SO1", moment=None):
    target = PointsTarget(member.pk, member.no, reference, base_fen, moment or now)
    return points_settle([target], now=now)


def lots(member):
    rows = PointLot.objects.filter(member=member).order_by("pk")
    return [(x.reference, x.earned_points, x.remaining_points) for x in rows]


def spend_elsewhere(member, reference, points, now):
    """Points of one lot went on something else."""
    ids = accounts_ensure(
        [
            AccountSpec(f"points:{member.no}", "points", guarded=True),
            AccountSpec("test:shop", "points"),
        ]
    )
    post(
        [Draft(ids[f"points:{member.no}"], ids["test:shop"], points, "test", f"t:{reference}")],
        now=now,
    )
    PointLot.objects.filter(reference=reference).update(
        remaining_points=F("remaining_points") - points
    )


def test_what_was_paid_earns_whole_points(member, now):
    assert settle(member, 12_399, now) == {"SO1": 123}
    assert points_balance(member.pk) == (123, 0)
    lot = PointLot.objects.get()
    assert (lot.earned_points, lot.remaining_points, lot.rate_bp) == (123, 123, 10_000)
    assert (lot.earned_at, lot.expires_at) == (now, now + timedelta(days=365))
    assert Transfer.objects.get().code == "points.earn"


def test_settling_again_does_nothing(member, now):
    settle(member, 12_300, now)
    assert settle(member, 12_300, now) == {"SO1": 0}
    assert (PointLot.objects.count(), Transfer.objects.count()) == (1, 1)


def test_two_events_of_one_order_in_one_batch_count_once(member, now):
    target = PointsTarget(member.pk, member.no, "SO1", 12_300, now)
    assert points_settle([target, target], now=now) == {"SO1": 123}
    assert points_balance(member.pk) == (123, 0)


def test_a_tier_earns_at_its_rate(member, now):
    member.tier = make_tier(points_rate_bp=15_000)
    member.save()
    assert settle(member, 12_399, now) == {"SO1": 185}


def test_a_refund_takes_back_at_the_rate_at_which_was_given(member, now):
    member.tier = make_tier(points_rate_bp=15_000)
    member.save()
    settle(member, 10_000, now)
    member.tier = make_tier(points_rate_bp=20_000)
    member.save()
    assert settle(member, 5_000, now) == {"SO1": -75}
    assert points_balance(member.pk) == (75, 0)


def test_a_clawback_takes_that_orders_points_first_then_the_oldest(member, now):
    settle(member, 10_000, now, "SO1", moment=now - timedelta(days=3))
    settle(member, 10_000, now, "SO2", moment=now - timedelta(days=2))
    settle(member, 10_000, now, "SO3", moment=now - timedelta(days=1))
    settle(member, 4_000, now, "SO3")
    assert lots(member) == [("SO1", 100, 100), ("SO2", 100, 100), ("SO3", 100, 40)]
    spend_elsewhere(member, "SO2", 70, now)
    settle(member, 0, now, "SO2")
    # 30 of its own, the other 70 out of the oldest.
    assert lots(member) == [("SO1", 100, 30), ("SO2", 100, 0), ("SO3", 100, 40)]
    assert points_balance(member.pk) == (70, 0)


def test_odoo_257854_buy_earn_points_refund_keep_the_points(member, now):
    """Points that are gone when the refund comes are owed, and the next ones repay them."""
    then = now - timedelta(days=400)
    settle(member, 10_000, then, moment=then)
    points_expire(now=now)
    assert settle(member, 0, now, moment=then) == {"SO1": -100}
    assert points_balance(member.pk) == (0, 100)

    assert settle(member, 16_000, now, "SO2") == {"SO2": 160}
    assert points_balance(member.pk) == (60, 0)
    assert lots(member) == [("SO1", 100, 0), ("SO2", 160, 60)]
    # Undoing the purchase that repaid it brings the debt back.
    assert settle(member, 0, now, "SO2") == {"SO2": -160}
    assert points_balance(member.pk) == (0, 100)


def test_points_given_back_live_a_while_longer(member, now):
    paid = now - timedelta(days=25)
    settle(member, 10_000, paid)
    settle(member, 0, now, moment=paid)
    much_later = paid + timedelta(days=360)
    settle(member, 10_000, much_later, moment=paid)
    again = PointLot.objects.latest("pk")
    assert (again.remaining_points, again.expires_at) == (100, much_later + timedelta(days=30))


def test_the_policy_of_the_moment_of_payment_decides(member, now):
    double = policy_draft(kind="points", body={**BODY, "fen_per_point": 50}, now=now)
    policy_publish(policy=double, effective_from=now, actor=SYSTEM, now=now)
    assert settle(member, 10_000, now, "SO1", moment=now - timedelta(seconds=1)) == {"SO1": 100}
    assert settle(member, 10_000, now, "SO2", moment=now) == {"SO2": 200}


def test_without_a_policy_nothing_is_earned(now):
    member = make_member()
    assert settle(member, 10_000, now) == {"SO1": 0}
    assert points_balance(member.pk) == (0, 0)
    assert not PointLot.objects.exists()


def test_the_number_of_statements_does_not_depend_on_the_number_of_orders(
    member, now, django_assert_num_queries
):
    members = [member, *(make_member() for _n in range(4))]
    first = [PointsTarget(m.pk, m.no, f"A{m.pk}", 10_000, now) for m in members]
    points_settle(first, now=now)
    targets = [PointsTarget(m.pk, m.no, f"B{m.pk}", 10_000, now) for m in members]
    targets += [PointsTarget(m.pk, m.no, f"A{m.pk}", 5_000, now) for m in members]
    with django_assert_num_queries(13):
        # Of them, two are the savepoint of this test.
        points_settle(targets, now=now)
    assert points_balance(member.pk) == (150, 0)


def test_expired_points_go_back_to_the_issuer(member, now):
    settle(member, 10_000, now - timedelta(days=20), "SO1", moment=now - timedelta(days=20))
    settle(member, 5_000, now, "SO2")
    after = now + timedelta(days=346)
    assert points_expire(now=after) == 1
    assert points_expire(now=after) == 0
    assert points_balance(member.pk) == (50, 0)
    assert lots(member) == [("SO1", 100, 0), ("SO2", 50, 50)]
    assert Transfer.objects.get(code="points.expire").amount == 100


def test_the_task_expires_until_nothing_is_due(member, now, clock_at):
    settle(member, 10_000, now)
    clock_at(now + timedelta(days=365))
    task()
    assert points_balance(member.pk) == (0, 0)


@pytest.mark.parametrize(
    "body",
    [
        {},
        {**BODY, "v": 2},
        {**BODY, "fen_per_point": 0},
        {**BODY, "lot_days": "365"},
        {**BODY, "extra": 1},
        [1],
    ],
)
def test_a_policy_that_could_not_be_obeyed_is_refused(body, now):
    with pytest.raises(PolicyInvalid):
        policy_draft(kind="points", body=body, now=now)
