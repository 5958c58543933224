"""Guides give coupons to their own customers, as many as their employer lets them."""

from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from config.kernel.actors import SYSTEM
from config.kernel.models import Event
from coupons.guards import PerMemberLimit, QuotaExhausted
from coupons.models import Coupon, Template
from guides.guards import AllowanceUsedUp
from guides.handouts import period_start
from guides.models import CouponAllowance, CouponHandout, Guide, HandoutCount
from guides.services.code_create import GuideInactive
from guides.services.coupon_hand_out import AllowanceUnknown, NotYourCustomer, coupon_hand_out
from tests.factories import make_binding, make_guide, make_member, make_template

pytestmark = pytest.mark.django_db
SHANGHAI = ZoneInfo("Asia/Shanghai")


@pytest.fixture
def customer(guide):
    member = make_member()
    make_binding(member=member, guide=guide)
    return member


@pytest.fixture
def allowance(guide):
    template = make_template(operator=guide.operator, public=False, per_member=3)
    return CouponAllowance.objects.create(
        template=template, operator=guide.operator, period="day", per_guide=2
    )


@pytest.fixture
def give(guide, allowance, customer, now):
    def hand_out(key, **said):
        wanted = {
            "guide_id": guide.pk,
            "allowance_id": allowance.pk,
            "member_id": customer.pk,
            "now": now,
        }
        return coupon_hand_out(key=key, actor=SYSTEM, **(wanted | said))

    return hand_out


def nothing_given() -> bool:
    return not (
        Coupon.objects.exists() or HandoutCount.objects.exists() or CouponHandout.objects.exists()
    )


def test_a_customer_has_the_coupon_and_it_is_known_from_whom(give, guide, allowance, customer):
    handout = give("click001")

    coupon = Coupon.objects.get()
    assert (coupon.member, coupon.template) == (customer, allowance.template)
    assert (coupon.source, coupon.source_token) == ("guide", guide.no)
    assert (handout.coupon, handout.guide, handout.member) == (coupon, guide, customer)
    event = Event.objects.get(kind="guides.coupon_handed_out")
    assert (event.subject_id, event.payload["coupon_id"]) == (handout.pk, coupon.pk)


def test_a_second_click_gives_the_same_one_and_takes_nothing_more(give):
    first, again = give("click001"), give("click001")

    assert again == first
    assert HandoutCount.objects.get().used == Coupon.objects.count() == 1


def test_the_allowance_ends_and_begins_anew(give, now):
    give("click001"), give("click002")
    with pytest.raises(AllowanceUsedUp):
        give("click003")
    assert Coupon.objects.count() == 2

    give("click004", now=now + timedelta(days=1))
    assert sorted(HandoutCount.objects.values_list("used", flat=True)) == [1, 2]


def test_an_allowance_that_was_raised_lets_more_be_given(give, allowance):
    give("click001"), give("click002")
    CouponAllowance.objects.update(per_guide=3)

    give("click003")
    assert (HandoutCount.objects.get().used, HandoutCount.objects.get().at_most) == (3, 3)


def test_each_guide_has_an_allowance_of_their_own(give, colleague, now):
    member = make_member()
    make_binding(member=member, guide=colleague)
    give("click001"), give("click002")

    give("click003", guide_id=colleague.pk, member_id=member.pk)
    assert Coupon.objects.count() == 3


def test_a_refusal_of_the_coupon_takes_nothing_of_the_allowance(give):
    Template.objects.update(per_member=0)
    with pytest.raises(PerMemberLimit):
        give("click001")
    Template.objects.update(per_member=1, quota=0)
    with pytest.raises(QuotaExhausted):
        give("click001")
    assert nothing_given()


def test_only_own_customers_are_given_one(give, guide, now):
    stranger, left, myself = make_member(), make_member(), make_member()
    make_binding(member=left, guide=guide, until=now - timedelta(hours=1))
    Guide.objects.filter(pk=guide.pk).update(member=myself)
    make_binding(member=myself, guide=guide)
    for member in (stranger, left, myself):
        with pytest.raises(NotYourCustomer):
            give("click001", member_id=member.pk)
    assert nothing_given()


def test_the_allowance_of_another_employer_is_none(give, customer):
    other = make_guide()
    with pytest.raises(AllowanceUnknown):
        give("click001", guide_id=other.pk)
    CouponAllowance.objects.update(archived_at=datetime(2026, 1, 1, tzinfo=SHANGHAI))
    with pytest.raises(AllowanceUnknown):
        give("click001")
    assert nothing_given()


def test_who_is_no_guide_any_more_gives_none(give, guide, now):
    Guide.objects.filter(pk=guide.pk).update(active_until=now)
    with pytest.raises(GuideInactive):
        give("click001")
    assert nothing_given()


@pytest.mark.parametrize(
    ("period", "moment", "since"),
    [
        ("day", "2026-03-04T23:59", date(2026, 3, 4)),
        ("week", "2026-03-08T23:59", date(2026, 3, 2)),
        ("week", "2026-03-09T00:00", date(2026, 3, 9)),
        ("month", "2026-03-31T23:59", date(2026, 3, 1)),
    ],
)
def test_when_a_period_begins_in_shanghai(period, moment, since):
    assert period_start(period, datetime.fromisoformat(f"{moment}:00+08:00")) == since
