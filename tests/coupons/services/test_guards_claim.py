"""The guards of claims and of the end of coupons, one transaction at a time."""

from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from config.kernel.models import Event
from coupons.guards import (
    ClaimClosed,
    PerMemberLimit,
    QuotaExhausted,
    TemplateUnknown,
    coupon_claim,
    coupon_expire,
    coupon_ids,
)
from coupons.models import Coupon, Template
from tests.coupons.services.guarding import claim, history, lock
from tests.factories import make_coupon, make_member, make_template

pytestmark = pytest.mark.django_db


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
