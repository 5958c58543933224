"""What is wrong with what a guide's page is sent: said in both languages, and nothing is given."""

import html
from datetime import timedelta

import pytest

from coupons.models import Template
from guides.models import CouponAllowance, Guide
from tests.factories import make_binding, make_coupon, make_member, make_template, staff_client
from tests.fuzz.digest import contents, difference

pytestmark = pytest.mark.django_db
PAGE = "/guide/coupons/"


@pytest.fixture
def allowance(guide):
    template = make_template(operator=guide.operator, public=False, quota=5)
    return CouponAllowance.objects.create(
        template=template, operator=guide.operator, period="week", per_guide=1
    )


@pytest.fixture
def customer(guide):
    member = make_member()
    make_binding(member=member, guide=guide)
    return member


def archived(allowance, customer, guide, now):
    CouponAllowance.objects.update(archived_at=now)


def sold_out(allowance, customer, guide, now):
    Template.objects.update(quota=0)


def closed(allowance, customer, guide, now):
    Template.objects.update(claim_until=now - timedelta(minutes=1))


def had(allowance, customer, guide, now):
    make_coupon(customer, template=allowance.template)


def stopped(allowance, customer, guide, now):
    Template.objects.update(stopped_at=now)


def unbound(allowance, customer, guide, now):
    customer.bindings.update(until=now - timedelta(minutes=1))


def used_up(allowance, customer, guide, now):
    CouponAllowance.objects.update(per_guide=0)


def oneself(allowance, customer, guide, now):
    Guide.objects.filter(pk=guide.pk).update(member=customer)


@pytest.mark.parametrize(
    ("wrong", "english", "chinese"),
    [
        (archived, "You have no such coupons to give.", "您没有可发放的此券。"),
        (unbound, "You give coupons to your own customers only.", "只能向自己的专属顾客发券。"),
        (oneself, "You give coupons to your own customers only.", "只能向自己的专属顾客发券。"),
        (used_up, "as many of these coupons as you may in this period", "已全部发完"),
        (sold_out, "All coupons of this kind have been claimed.", "优惠券已领完。"),
        (closed, "This coupon cannot be claimed now.", "领取时间"),
        (stopped, "This coupon cannot be claimed now.", "领取时间"),
        (had, "as many of these coupons as one member may", "上限"),
    ],
    ids=lambda value: getattr(value, "__name__", ""),
)
def test_a_coupon_that_cannot_be_given_says_why(
    guide, allowance, customer, now, wrong, english, chinese
):
    wrong(allowance, customer, guide, now)
    client, before = staff_client(guide.user), contents()

    for n, (language, words) in enumerate((("en", english), ("zh-hans", chinese))):
        form = {"member": customer.pk, "key": f"click{n:04d}"}
        answer = client.post(
            f"{PAGE}{allowance.pk}/give/",
            form,
            follow=True,
            headers={"Accept-Language": language},
        )
        assert words in html.unescape(answer.content.decode())

    assert difference(before, contents()) == []


@pytest.mark.parametrize(
    "key",
    ["", "short", "x" * 33, "ключ-ключ", "ｃｌｉｃｋ００１！", "click 001", "a:b:c:d:e", "%00" * 4],
)
@pytest.mark.parametrize("member", ["", "-1", "１２", "1e9", "x", "9" * 40, "customer"])
def test_a_form_that_no_page_holds_is_no_page(guide, allowance, customer, key, member):
    client, before = staff_client(guide.user), contents()
    form = {"member": customer.pk if member == "customer" else member, "key": key}

    assert client.post(f"{PAGE}{allowance.pk}/give/", form).status_code == 404
    assert difference(before, contents()) == []
