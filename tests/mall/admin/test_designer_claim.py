"""Who may have a coupon: one field of the designer for each fact that a claim is asked for."""

import pytest

from coupons.member_facts import validate
from mall.admin.designer_claim import claim_read, claim_written
from mall.models import DiscountDraft
from members.models import Tag
from tests.factories import make_operator, make_store, make_user, staff_client
from tests.kernel.admin.test_policy_forms import errors_of, shown
from tests.mall.admin.test_designer import begun, design, issue, worth

pytestmark = pytest.mark.django_db


def clause(fact, op, value):
    return {"fact": fact, "op": op, "value": value}


ALL = {
    "v": 1,
    "all": [
        clause("tier", "in", ["none"]),
        clause("price_level", "in", ["gold"]),
        clause("tags", "in", ["vip"]),
        clause("tags", "not_in", ["staff"]),
        clause("home_store", "in", ["here"]),
        clause("member_days", "gte", 0),
        clause("member_days", "lte", 30),
        clause("orders", "gte", 0),
        clause("orders", "lte", 5),
        clause("payments_failed", "lte", 2),
        clause("first_order", "eq", 1),
        clause("member_phone", "eq", 1),
    ],
}


@pytest.fixture
def client():
    return staff_client(make_user(superuser=True))


@pytest.fixture
def operator():
    operator = make_operator(code="op")
    make_store(operator=operator, code="here", name="人民广场店")
    return operator


def where(**more):
    return {"channels": ["mall", "store"], "action": "save", **more}


def claim_of(draft):
    return DiscountDraft.objects.get(pk=draft.pk).values["claim_for"]


def test_what_the_fields_say_is_read_back_as_it_was(db):
    validate(ALL)
    assert claim_written(claim_read(ALL)) == ALL
    assert claim_written({}) == claim_read({}) == {}
    one = {"v": 1, "all": [clause("tier", "eq", "gold")]}
    assert claim_read(one) == {"claim_tiers": ["gold"]}


@pytest.mark.parametrize(
    "rule",
    [
        {"v": 1, "any": [clause("tier", "in", ["gold"]), clause("orders", "gte", 3)]},
        {"v": 1, "all": [{"not": clause("tier", "in", ["gold"])}]},
        {"v": 1, "all": [clause("first_order", "eq", 0)]},
        {"v": 1, "all": [clause("orders", "gte", 1), clause("orders", "gte", 3)]},
        {"v": 1, "all": [clause("tier", "not_in", ["gold"])]},
    ],
)
def test_what_they_cannot_say_is_not_read(rule):
    assert claim_read(rule) is None


def test_who_may_have_one_is_designed_and_said_in_words(client, operator, now):
    # given
    draft = begun(client)
    client.post(design(draft, "worth"), worth(operator))
    # when
    typed = where(claim_stores=["here"], claim_days_to="0", claim_first="on", claim_phone="on")
    assert client.post(design(draft, "where"), typed).url == design(draft, "when")
    # then
    assert claim_of(draft) == {
        "v": 1,
        "all": [
            clause("home_store", "in", ["here"]),
            clause("member_days", "lte", 0),
            clause("first_order", "eq", 1),
            clause("member_phone", "eq", 1),
        ],
    }
    fields = shown(client, design(draft, "where"))
    assert (fields["claim_days_to"], fields["claim_first"]) == ("0", "on")
    client.post(design(draft, "when"), issue(now))
    page = client.get(design(draft, "publish")).content.decode()
    where_and_since = "会员所属门店属于人民广场店 (here) 且 入会天数不高于0"
    assert f"{where_and_since} 且 还没有下过单 且 已绑定手机" in page


@pytest.mark.parametrize(
    ("typed", "wrong"),
    [
        ({"claim_days_from": "9", "claim_days_to": "8"}, "claim_days_to"),
        ({"claim_orders_from": "2", "claim_orders_to": "1"}, "claim_orders_to"),
        ({"claim_orders_from": "1", "claim_first": "on"}, "claim_first"),
        ({"claim_days_from": "-1"}, "claim_days_from"),
        ({"claim_stores": ["elsewhere"]}, "claim_stores"),
        ({"claim_tags": ["vip"], "claim_no_tags": ["vip"]}, "claim_no_tags"),
    ],
)
def test_what_nobody_can_meet_is_refused(client, operator, typed, wrong):
    Tag.objects.create(code="vip", name="贵宾")
    draft = begun(client)

    answer = client.post(design(draft, "where"), where(**typed))

    assert set(errors_of(answer)) == {wrong}
    assert "claim_for" not in DiscountDraft.objects.get(pk=draft.pk).values


def test_a_rule_that_the_fields_cannot_say_stays_until_it_is_let_go(client, operator):
    # given
    rule = {"v": 1, "any": [clause("tier", "in", ["gold"]), clause("orders", "gte", 3)]}
    draft = begun(client)
    values = {**draft.values, "claim_for": rule}
    DiscountDraft.objects.filter(pk=draft.pk).update(values=values)
    fields = shown(client, design(draft, "where"))
    assert fields["keep_claim"] == "on"

    # when, then
    client.post(design(draft, "where"), where(keep_claim="on"))
    assert claim_of(draft) == rule
    client.post(design(draft, "where"), where(claim_orders_from="3"))
    assert claim_of(draft) == {"v": 1, "all": [clause("orders", "gte", 3)]}


def test_a_promotion_asks_nobody_who_may_have_one(client, operator):
    draft = begun(client, kind="promotion")
    assert "claim_days_to" not in shown(client, design(draft, "where"))
