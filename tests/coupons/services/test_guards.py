"""The guards of coupons, one transaction at a time."""

from datetime import timedelta

import pytest
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext

from config.kernel.models import Event
from coupons.guards import (
    BudgetExhausted,
    ClaimClosed,
    CouponUnavailable,
    PerMemberLimit,
    QuotaExhausted,
    TemplateUnknown,
    coupon_claim,
    coupon_expire,
    coupon_ids,
    coupon_lock,
    coupon_redeem,
    coupon_release,
    coupon_return,
)
from coupons.models import Coupon, Redemption, Template
from tests.factories import make_coupon, make_member, make_template

pytestmark = pytest.mark.django_db


def claim(template, member, now, **more):
    return coupon_claim(template_code=template.code, member_id=member.pk, now=now, **more)


def lock(coupons, member, now, reference="SO1", amount_fen=2_000):
    with transaction.atomic():
        uses = [(c.pk, amount_fen) for c in coupons]
        coupon_lock(uses=uses, member_id=member.pk, reference=reference, now=now)


def redeem(coupons, member, now, reference="SO1", channel="mall", amount_fen=2_000):
    with transaction.atomic():
        uses = [(c.pk, amount_fen) for c in coupons]
        coupon_redeem(uses=uses, member_id=member.pk, reference=reference, channel=channel, now=now)


def history(coupon) -> list[tuple[str, str]]:
    rows = Event.objects.filter(subject_type="coupon", subject_id=coupon.pk).order_by("id")
    return list(rows.values_list("from_state", "to_state"))


def untouched(coupon) -> bool:
    """Same row, same events, same counter as before."""
    before = (coupon.state, coupon.locked_by, coupon.valid_until)
    spent = coupon.template.spent_fen
    coupon.refresh_from_db()
    template = Template.objects.get(pk=coupon.template_id)
    return (coupon.state, coupon.locked_by, coupon.valid_until) == before and (
        template.spent_fen == spent and not Redemption.objects.exists()
    )


# --- claiming --------------------------------------------------------------------------------
def test_a_claim_makes_a_coupon_and_counts_it(now):
    template, member = make_template(valid_days=30), make_member()

    claimed = claim(template, member, now, source_token="TOKEN1")

    coupon = Coupon.objects.get()
    assert (claimed.pk, claimed.no) == (coupon.pk, coupon.no)
    assert (coupon.state, coupon.nth, coupon.source_token) == ("claimed", 1, "TOKEN1")
    assert (coupon.valid_from, coupon.valid_until) == (now, now + timedelta(days=30))
    assert len(coupon.no) == 17
    template.refresh_from_db()
    assert template.issued == 1
    assert history(coupon) == [("", "claimed")]
    event = Event.objects.get()
    assert (event.actor_kind, event.actor_id) == ("member", str(member.pk))
    assert event.payload == {"member_id": member.pk, "template_id": template.pk, "reference": ""}


@pytest.mark.parametrize(
    ("until_days", "valid_days", "days"), [(10, 30, 10), (60, 30, 30), (10, None, 10)]
)
def test_validity_ends_with_whatever_ends_first(now, until_days, valid_days, days):
    until = now + timedelta(days=until_days)
    template = make_template(valid_until=until, valid_days=valid_days)

    assert claim(template, make_member(), now).valid_until == now + timedelta(days=days)


def test_a_claim_takes_two_statements(now):
    template, member = make_template(), make_member()

    with CaptureQueriesContext(connection) as captured:
        claim(template, member, now)

    work = [q["sql"] for q in captured if "SAVEPOINT" not in q["sql"]]
    assert len(work) == 2
    assert work[-1].startswith("UPDATE coupons_template")


def test_one_more_than_the_quota_is_refused(now):
    template = make_template(quota=1)
    claim(template, make_member(), now)

    with pytest.raises(QuotaExhausted):
        claim(template, make_member(), now)

    assert Coupon.objects.count() == 1
    assert Event.objects.count() == 1


def test_one_more_than_a_member_may_have_is_refused(now):
    template, member = make_template(per_member=2), make_member()
    claim(template, member, now)
    claim(template, member, now)

    with pytest.raises(PerMemberLimit):
        claim(template, member, now)

    assert list(Coupon.objects.order_by("id").values_list("nth", flat=True)) == [1, 2]
    template.refresh_from_db()
    assert template.issued == 2


@pytest.mark.parametrize(("opens", "closes"), [(1, 2), (-2, -1), (-1, 0)])
def test_outside_the_window_nothing_is_claimed(now, opens, closes):
    template = make_template(
        claim_from=now + timedelta(hours=opens), claim_until=now + timedelta(hours=closes)
    )

    with pytest.raises(ClaimClosed):
        claim(template, make_member(), now)

    assert Coupon.objects.count() == 0


def test_the_first_moment_of_the_window_is_inside(now):
    template = make_template(claim_from=now)

    assert claim(template, make_member(), now).valid_from == now


def test_an_archived_template_is_closed(now):
    template = make_template()
    Template.objects.update(archived_at=now)

    with pytest.raises(ClaimClosed):
        claim(template, make_member(), now)


def test_an_unknown_template_is_unknown(now):
    with pytest.raises(TemplateUnknown):
        coupon_claim(template_code="none", member_id=make_member().pk, now=now)


def test_a_template_that_is_not_public_is_for_services_only(now):
    template, member = make_template(public=False), make_member()

    with pytest.raises(TemplateUnknown):
        claim(template, member, now, public_only=True)

    assert claim(template, member, now).pk == Coupon.objects.get().pk


# --- locking ---------------------------------------------------------------------------------
def test_a_lock_sets_the_coupon_aside_in_one_statement(now):
    member = make_member()
    coupon = make_coupon(member)

    with transaction.atomic(), CaptureQueriesContext(connection) as captured:
        coupon_lock(uses=[(coupon.pk, 2_000)], member_id=member.pk, reference="SO1", now=now)

    assert len(captured) == 1
    coupon.refresh_from_db()
    assert (coupon.state, coupon.locked_by, coupon.locked_fen) == ("locked", "SO1", 2_000)
    assert history(coupon) == [("", "claimed"), ("claimed", "locked")]


def test_nothing_to_lock_is_no_statement(now, django_assert_num_queries):
    with django_assert_num_queries(0):
        coupon_lock(uses=[], member_id=1, reference="SO1", now=now)


def test_a_locked_coupon_is_not_locked_again(now):
    member = make_member()
    coupon = make_coupon(member)
    lock([coupon], member, now)
    coupon.refresh_from_db()

    with pytest.raises(CouponUnavailable):
        lock([coupon], member, now, reference="SO2")

    assert untouched(coupon)


def test_somebody_elses_coupon_is_unavailable(now):
    coupon = make_coupon(make_member())

    with pytest.raises(CouponUnavailable):
        lock([coupon], make_member(), now)

    assert untouched(coupon)


@pytest.mark.parametrize("days", [-1, 30])
def test_a_coupon_out_of_its_validity_is_unavailable(now, days):
    member = make_member()
    coupon = make_coupon(member, template=make_template(valid_days=30), now=now)

    with pytest.raises(CouponUnavailable):
        lock([coupon], member, now + timedelta(days=days))

    assert untouched(coupon)


def test_a_coupon_for_stores_is_unavailable_to_an_order(now):
    member = make_member()
    coupon = make_coupon(member, template=make_template(channels=["store"]))

    with pytest.raises(CouponUnavailable):
        lock([coupon], member, now)

    assert untouched(coupon)


def test_one_unavailable_coupon_leaves_the_others_alone(now):
    member = make_member()
    good, bad = make_coupon(member), make_coupon(make_member())

    with pytest.raises(CouponUnavailable):
        lock([good, bad], member, now)

    assert untouched(good)
    assert history(good) == [("", "claimed")]


def test_a_coupon_is_asked_for_once(now):
    member = make_member()
    coupon = make_coupon(member)

    with pytest.raises(ValueError, match="once"):
        lock([coupon, coupon], member, now)


# --- using -----------------------------------------------------------------------------------
def test_a_locked_coupon_is_used_by_its_order(now):
    member = make_member()
    coupon = make_coupon(member)
    lock([coupon], member, now)

    redeem([coupon], member, now + timedelta(minutes=5))

    coupon.refresh_from_db()
    assert (coupon.state, coupon.locked_by, coupon.locked_fen) == ("used", "", 0)
    assert coupon.used_at == now + timedelta(minutes=5)
    redemption = Redemption.objects.get()
    assert redemption.key == f"SO1:{coupon.pk}"
    assert (redemption.channel, redemption.amount_fen) == ("mall", 2_000)
    assert history(coupon) == [("", "claimed"), ("claimed", "locked"), ("locked", "used")]


def test_a_usable_coupon_is_used_at_once_in_one_statement(now):
    member = make_member()
    coupon = make_coupon(member)

    with transaction.atomic(), CaptureQueriesContext(connection) as captured:
        coupon_redeem(
            uses=[(coupon.pk, 2_000)],
            member_id=member.pk,
            reference="POS1",
            channel="store",
            now=now,
        )

    assert len(captured) == 1
    assert history(coupon) == [("", "claimed"), ("claimed", "used")]


def test_an_order_that_locked_in_time_may_be_paid_after_the_last_minute(now):
    member = make_member()
    coupon = make_coupon(member, template=make_template(valid_days=30), now=now)
    last_minute = now + timedelta(days=30, minutes=-1)
    lock([coupon], member, last_minute)

    redeem([coupon], member, last_minute + timedelta(minutes=10))

    coupon.refresh_from_db()
    assert coupon.state == "used"


@pytest.mark.parametrize("reference", ["SO1", "SO2"])
def test_a_used_coupon_is_not_used_again(now, reference):
    member = make_member()
    coupon = make_coupon(member)
    redeem([coupon], member, now)

    with pytest.raises(CouponUnavailable):
        redeem([coupon], member, now, reference=reference, channel="store")

    assert Redemption.objects.count() == 1
    assert history(coupon) == [("", "claimed"), ("claimed", "used")]


def test_a_coupon_locked_by_one_order_is_not_used_by_another(now):
    member = make_member()
    coupon = make_coupon(member)
    lock([coupon], member, now)
    coupon.refresh_from_db()

    with pytest.raises(CouponUnavailable):
        redeem([coupon], member, now, reference="SO2")

    assert untouched(coupon)


def test_a_channel_that_the_template_does_not_name_is_refused(now):
    member = make_member()
    coupon = make_coupon(member, template=make_template(channels=["mall"]))

    with pytest.raises(CouponUnavailable):
        redeem([coupon], member, now, channel="store")

    assert untouched(coupon)


# --- giving back -----------------------------------------------------------------------------
def test_a_release_gives_the_coupon_back_as_it_was(now):
    member = make_member()
    coupon = make_coupon(member)
    lock([coupon], member, now)

    assert coupon_release(reference="SO1", now=now) == 1
    assert coupon_release(reference="SO1", now=now) == 0

    before = coupon.valid_until
    coupon.refresh_from_db()
    assert (coupon.state, coupon.locked_by, coupon.locked_fen) == ("claimed", "", 0)
    assert coupon.valid_until == before
    lock([coupon], member, now, reference="SO2")


def test_a_release_touches_nothing_of_other_orders(now):
    member = make_member()
    coupon = make_coupon(member)
    lock([coupon], member, now)

    assert coupon_release(reference="SO2", now=now) == 0

    coupon.refresh_from_db()
    assert coupon.state == "locked"


def test_a_refund_returns_the_coupon_once_and_lets_it_live_thirty_days(now):
    member = make_member()
    coupon = make_coupon(member, template=make_template(valid_days=30), now=now)
    later = now + timedelta(days=29)
    redeem([coupon], member, later)

    assert coupon_return(reference="SO1", now=later) == 1
    assert coupon_return(reference="SO1", now=later) == 0

    coupon.refresh_from_db()
    assert (coupon.state, coupon.used_at) == ("returned", None)
    assert coupon.valid_until == later + timedelta(days=30)
    assert Redemption.objects.get().reversed_at == later


def test_a_refund_never_shortens_a_validity(now):
    member = make_member()
    coupon = make_coupon(member, template=make_template(valid_days=90), now=now)
    redeem([coupon], member, now)

    coupon_return(reference="SO1", now=now)

    coupon.refresh_from_db()
    assert coupon.valid_until == now + timedelta(days=90)


def test_a_template_that_keeps_its_coupons_gives_none_back(now):
    member = make_member()
    coupon = make_coupon(member, template=make_template(on_refund="keep"))
    redeem([coupon], member, now)

    assert coupon_return(reference="SO1", now=now) == 0

    coupon.refresh_from_db()
    assert coupon.state == "used"
    assert Redemption.objects.get().reversed_at is None


def test_a_returned_coupon_can_be_locked_released_and_used_again(now):
    member = make_member()
    coupon = make_coupon(member)
    redeem([coupon], member, now)
    coupon_return(reference="SO1", now=now)

    lock([coupon], member, now, reference="SO2")
    coupon_release(reference="SO2", now=now)
    redeem([coupon], member, now, reference="SO3")

    assert history(coupon) == [
        ("", "claimed"),
        ("claimed", "used"),
        ("used", "returned"),
        ("returned", "locked"),
        ("locked", "returned"),
        ("returned", "used"),
    ]
    assert Redemption.objects.filter(reversed_at__isnull=True).count() == 1


# --- budget ----------------------------------------------------------------------------------
def test_a_budget_is_taken_by_the_lock_and_not_again_by_the_use(now):
    member, template = make_member(), make_template(budget_fen=5_000, per_member=2)
    coupon = make_coupon(member, template=template)

    lock([coupon], member, now)
    template.refresh_from_db()
    assert template.spent_fen == 2_000
    redeem([coupon], member, now)

    template.refresh_from_db()
    assert template.spent_fen == 2_000


def test_a_use_that_costs_less_than_its_lock_gives_the_rest_back(now):
    member, template = make_member(), make_template(budget_fen=5_000)
    coupon = make_coupon(member, template=template)
    lock([coupon], member, now, amount_fen=2_000)

    redeem([coupon], member, now, amount_fen=1_500)

    template.refresh_from_db()
    assert template.spent_fen == 1_500


@pytest.mark.parametrize("act", [lock, redeem])
def test_more_than_the_budget_is_refused(now, act):
    member, template = make_member(), make_template(budget_fen=3_999, per_member=2)
    first, second = make_coupon(member, template=template), make_coupon(member, template=template)
    act([first], member, now)

    with pytest.raises(BudgetExhausted):
        act([second], member, now, reference="SO2")

    second.refresh_from_db()
    assert second.state == "claimed"
    template.refresh_from_db()
    assert template.spent_fen == 2_000
    assert history(second) == [("", "claimed")]


def test_two_coupons_of_one_order_share_the_budget(now):
    member, template = make_member(), make_template(budget_fen=3_999, per_member=2)
    coupons = [make_coupon(member, template=template) for _n in range(2)]

    with pytest.raises(BudgetExhausted):
        lock(coupons, member, now)

    template.refresh_from_db()
    assert template.spent_fen == 0


def test_what_is_given_back_can_be_spent_again(now):
    member, template = make_member(), make_template(budget_fen=2_000, per_member=2)
    first, second = make_coupon(member, template=template), make_coupon(member, template=template)
    lock([first], member, now)
    coupon_release(reference="SO1", now=now)
    redeem([second], member, now, reference="SO2")
    coupon_return(reference="SO2", now=now)

    template.refresh_from_db()
    assert template.spent_fen == 0
    lock([first], member, now, reference="SO3")


def test_a_template_without_a_budget_is_not_touched_by_an_order(now):
    member, template = make_member(), make_template()
    lock([make_coupon(member, template=template)], member, now)

    template.refresh_from_db()
    assert template.spent_fen == 0


# --- the end ---------------------------------------------------------------------------------
def test_coupons_past_their_validity_end(now):
    member = make_member()
    over = make_coupon(member, template=make_template(valid_days=1), now=now - timedelta(hours=23))
    alive, held = make_coupon(member), make_coupon(member, template=make_template(valid_days=1))
    lock([held], member, now)
    later = now + timedelta(hours=2)

    assert coupon_expire(now=later) == 1
    assert coupon_expire(now=later) == 0

    states = dict(Coupon.objects.values_list("pk", "state"))
    assert states == {over.pk: "expired", alive.pk: "claimed", held.pk: "locked"}
    assert history(over) == [("", "claimed"), ("claimed", "expired")]


def test_numbers_lead_to_coupons(now):
    member = make_member()
    first, second = make_coupon(member), make_coupon(member)

    assert coupon_ids(nos=[first.no, second.no, "none"]) == {
        first.no: first.pk,
        second.no: second.pk,
    }
