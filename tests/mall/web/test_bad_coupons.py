"""What is held before a desk and is wrong: said in both languages, and nothing is changed."""

import html
import re
from datetime import timedelta
from types import SimpleNamespace

import pytest
from django.urls import reverse
from django.utils import translation

from config.kernel.errors import DomainError
from coupons.models import Coupon, Template
from mall.services.quote import CouponNotApplicable
from mall.services.redemption_confirm import RedemptionExists
from mall.services.redemption_scan import CouponUnknown
from members.guards_code import MemberCodeInvalid, VisitOver
from members.services.member_code_issue import member_code_issue
from tests.factories import (
    make_coupon,
    make_member,
    make_operator,
    make_staff,
    make_store,
    make_template,
    staff_client,
)
from tests.fuzz.digest import contents, difference

pytestmark = pytest.mark.django_db
SCAN = reverse("desk:coupons")
BASKET = reverse("desk:coupon_basket")
REDEEM = reverse("desk:coupon_redeem")


@pytest.fixture
def desk(now) -> SimpleNamespace:
    """A clerk of a store, a member there and coupons of theirs, each wrong in its way."""
    store = make_store(operator=make_operator(code="acc"), name="南京东路店")
    member, ours = make_member(), {"operator": store.operator, "value": 1_000}
    templates = {
        "good": make_template(**ours),
        "late": make_template(**ours),
        "early": make_template(**ours),
        "mall": make_template(**ours, channels=["mall"]),
        "foreign": make_template(value=1_000),
        "stopped": make_template(**ours),
    }
    rows = {name: make_coupon(member, template=row) for name, row in templates.items()}
    day = timedelta(days=1)
    change = Coupon.objects.filter
    change(pk=rows["late"].pk).update(valid_from=now - 9 * day, valid_until=now - day)
    change(pk=rows["early"].pk).update(valid_from=now + day)
    Template.objects.filter(pk=templates["stopped"].pk).update(stopped_at=now, use_stopped_at=now)
    staff = make_staff(store=store, since=now - day)
    return SimpleNamespace(
        store=store,
        member=member,
        client=staff_client(staff),
        no={name: row.no for name, row in rows.items()},
        stranger=make_coupon(make_member(), template=templates["good"]).no,
    )


def refused(desk, path: str, form: dict, error: DomainError, english: str) -> None:
    """The same refusal in both languages, and no row of any table is another."""
    before = contents()
    for language in ("en", "zh-hans"):
        answer = desk.client.post(path, form, headers={"Accept-Language": language})
        with translation.override(language):
            words = str(error)
        assert answer.status_code == error.status, answer.content.decode()
        text = re.sub(r"\s+", " ", html.unescape(answer.content.decode()))
        assert words in text
        assert (english in text) is (language == "en")
    assert difference(before, contents()) == []


@pytest.mark.parametrize(
    ("name", "reason", "english"),
    [
        ("late", "it has expired", "it has expired"),
        ("early", "its time has not come yet", "its time has not come yet"),
        ("mall", "not valid at this store", "not valid at this store"),
        ("foreign", "not valid at this store", "not valid at this store"),
        ("stopped", "its use has been stopped", "its use has been stopped"),
    ],
)
def test_a_coupon_that_this_store_does_not_take_says_why(desk, name, reason, english):
    no = desk.no[name]
    error = CouponNotApplicable(coupon=no, reason=translation.gettext_lazy(reason))

    refused(desk, SCAN, {"code": no}, error, english)


@pytest.mark.parametrize(
    ("written", "error"),
    [
        (lambda no: "C" + "7" * 16, CouponUnknown),
        (lambda no: no[:-1], MemberCodeInvalid),
        (lambda no: no + "7", MemberCodeInvalid),
        # Cyrillic, Greek, full width, Arabic digits, marks that nobody sees.
        (lambda no: "С" + no[1:], MemberCodeInvalid),
        (lambda no: no[:-1] + "Α", MemberCodeInvalid),
        (lambda no: no[:-1] + "７", MemberCodeInvalid),
        (lambda no: no[:-1] + "٧", MemberCodeInvalid),
        (lambda no: no[:8] + "\u200b" + no[8:], MemberCodeInvalid),
        (lambda no: "\u202e" + no, MemberCodeInvalid),
        (lambda no: "", MemberCodeInvalid),
        (lambda no: "🧧" * 17, MemberCodeInvalid),
        (lambda no: no * 9, MemberCodeInvalid),
        (lambda no: "' OR 1=1 --", MemberCodeInvalid),
    ],
)
def test_what_is_no_code_is_none_however_it_looks(desk, written, error):
    english = "There is no such thing here" if error is CouponUnknown else "This code is not valid"

    refused(desk, SCAN, {"code": written(desk.no["good"])}, error(), english)


def test_letters_that_people_misread_are_what_was_meant(desk):
    no = desk.no["good"].replace("0", "o").replace("1", "l").lower()

    answer = desk.client.post(SCAN, {"code": f" {no[:9]} {no[9:]} "})

    assert answer.status_code == 200
    assert desk.no["good"] in answer.content.decode()


def redeem_form(desk, now, **said):
    code = member_code_issue(member_id=desk.member.pk, now=now).digits
    page = desk.client.post(SCAN, {"code": code}).content.decode()
    [visit] = set(re.findall(r'name="visit" value="(\w+)"', page))
    form = {"visit": visit, "coupon": desk.no["good"], "amount": "50", "preview": "1"}
    page = desk.client.post(BASKET, form).content.decode()
    [token] = set(re.findall(r'name="token" value="(\w+)"', page))
    return {**form, "token": token, "discount_fen": "1000", **said}


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("foreign", "not valid at this store"),
        ("mall", "not valid at this store"),
        ("late", "it has expired"),
        ("stranger", "it is not yours"),
    ],
)
def test_a_form_with_another_coupon_in_it_redeems_nothing(desk, now, name, words):
    no = desk.stranger if name == "stranger" else desk.no[name]
    form = redeem_form(desk, now, coupon=no)
    error = CouponNotApplicable(coupon=no, reason=translation.gettext_lazy(words))

    refused(desk, REDEEM, form, error, words)


def test_a_number_that_was_redeemed_for_takes_no_other_sale(desk, now):
    form = redeem_form(desk, now)
    assert desk.client.post(REDEEM, form).status_code == 302
    [ticket] = desk.store.couponticket_set.all()
    state = translation.gettext_lazy("redeemed")
    error = RedemptionExists(no=ticket.no, state=state)

    refused(desk, REDEEM, form | {"amount": "60"}, error, "was used before")


def test_a_visit_of_another_desk_is_over_here(desk, now):
    form = redeem_form(desk, now)
    other = make_staff(store=make_store(operator=desk.store.operator), since=now)
    desk.client = staff_client(other)

    for path in (BASKET, REDEEM):
        refused(desk, path, form, VisitOver(), "Scan the member's code again.")


def test_nul_is_no_text_at_all(desk):
    before = contents()

    for path in (SCAN, BASKET, REDEEM):
        answer = desk.client.post(path, {"code": "C\x00", "coupon": "C\x00"})
        assert answer.status_code == 400
    assert difference(before, contents()) == []
