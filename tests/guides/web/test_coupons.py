"""The page of coupons that a guide may give: what is left, to whom, who used it."""

import re

import pytest

from coupons.guards import coupon_redeem
from coupons.models import Coupon, Template
from guides.models import CouponAllowance, CouponHandout
from tests.factories import make_binding, make_member, make_template, staff_client

pytestmark = pytest.mark.django_db
PAGE = "/guide/coupons/"


@pytest.fixture
def customer(guide):
    member = make_member(nickname="小明", phone="+8613812345678")
    make_binding(member=member, guide=guide)
    return member


@pytest.fixture
def allowance(guide):
    template = make_template(operator=guide.operator, public=False, per_member=9)
    Template.objects.filter(pk=template.pk).update(name="老客回馈")
    return CouponAllowance.objects.create(
        template=template, operator=guide.operator, period="week", per_guide=2
    )


@pytest.fixture
def client(guide):
    return staff_client(guide.user)


def form_of(client, allowance) -> dict:
    page = client.get(f"{PAGE}{allowance.pk}/").content.decode()
    return {name: re.search(rf'name="{name}" value="(\w+)"', page)[1] for name in ("member", "key")}


def test_a_guide_gives_one_and_sees_that_it_was_used(client, customer, allowance):
    assert "剩 2 张" in client.get(PAGE).content.decode()

    form = form_of(client, allowance)
    for _twice in range(2):
        answer = client.post(f"{PAGE}{allowance.pk}/give/", form, follow=True)
        assert answer.redirect_chain == [(PAGE, 302)]
    page = answer.content.decode()
    assert "已发给 小明" in page and "剩 1 张" in page

    coupon = Coupon.objects.get()
    assert CouponHandout.objects.get().coupon == coupon
    coupon_redeem(
        uses=[(coupon.pk, 2_000)],
        member_id=customer.pk,
        reference="SO1",
        channel="mall",
        now=coupon.valid_from,
    )
    assert "已使用" in client.get(PAGE).content.decode()


def test_when_all_are_given_it_says_so(client, customer, allowance):
    CouponAllowance.objects.update(per_guide=1)
    client.post(f"{PAGE}{allowance.pk}/give/", form_of(client, allowance))
    assert "已发完" in client.get(PAGE).content.decode()

    form = form_of(client, allowance)
    page = client.post(f"{PAGE}{allowance.pk}/give/", form, follow=True).content.decode()
    assert "已全部发完" in page
    assert Coupon.objects.count() == 1


def test_customers_are_searched_and_masked(client, customer, allowance, guide):
    make_binding(member=make_member(nickname="小红"), guide=guide)
    page = client.get(f"{PAGE}{allowance.pk}/", {"q": "明"}).content.decode()

    assert "小明" in page and "小红" not in page
    assert "138****5678" in page and "13812345678" not in page
    part = client.get(f"{PAGE}{allowance.pk}/", {"q": "明"}, headers={"hx-request": "true"})
    assert b"<html" not in part.content


@pytest.mark.parametrize(
    "form",
    [
        {},
        {"member": "1"},
        {"member": "x", "key": "abcdefgh"},
        {"member": "9" * 30, "key": "abcdefgh"},
        {"member": "1", "key": "abc"},
        {"member": "1", "key": "a:b:c:d:e"},
    ],
)
def test_a_form_that_nobody_was_shown_gives_nothing(client, customer, allowance, form):
    assert client.post(f"{PAGE}{allowance.pk}/give/", form).status_code == 404
    assert not Coupon.objects.exists()


def test_another_guides_customer_is_refused(client, allowance, colleague):
    member = make_member()
    make_binding(member=member, guide=colleague)
    form = {"member": member.pk, "key": "abcdefgh"}
    page = client.post(f"{PAGE}{allowance.pk}/give/", form, follow=True).content.decode()
    assert "专属顾客" in page
    assert not Coupon.objects.exists()


def test_an_allowance_of_others_is_no_page(client, allowance):
    other = CouponAllowance.objects.create(
        template=make_template(), operator=make_template().operator, period="day", per_guide=1
    )
    assert client.get(f"{PAGE}{other.pk}/").status_code == 404
    assert len(client.get(PAGE).context["allowances"]) == 1


def test_pages_cost_a_fixed_number_of_statements(
    client, guide, allowance, customer, django_assert_num_queries
):
    for _n in range(2):
        client.post(f"{PAGE}{allowance.pk}/give/", form_of(client, allowance))
    client.get(PAGE)  # the messages of what was given

    with django_assert_num_queries(5):  # session, user, guide; allowances, what was given
        assert len(client.get(PAGE).context["rows"]) == 2
    with django_assert_num_queries(5):  # … allowances, customers
        client.get(f"{PAGE}{allowance.pk}/")
