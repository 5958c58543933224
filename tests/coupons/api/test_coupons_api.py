"""Coupons through HTTP: what can be claimed, claiming, the wallet."""

from datetime import timedelta
from operator import itemgetter

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from config.kernel.models import IdempotencyKey
from coupons.guards import coupon_redeem
from coupons.models import Coupon, Template
from members.models import Tag
from tests.factories import (
    api_client,
    make_category,
    make_coupon,
    make_member,
    make_operator,
    make_template,
)

pytestmark = pytest.mark.django_db
TEMPLATES = "/api/v1/coupon-templates"


def codes(answer) -> list[str]:
    return [row["code"] for row in answer.json()["results"]]


def test_anyone_sees_what_can_be_claimed_now(now):
    make_template(code="later", claim_from=now + timedelta(days=1))
    make_template(code="past", claim_until=now - timedelta(minutes=1))
    make_template(code="private", public=False)
    make_template(code="open")
    gone = make_template(code="gone", quota=1)
    make_coupon(make_member(), template=gone)
    archived = make_template(code="archived")
    Template.objects.filter(pk=archived.pk).update(archived_at=now)

    assert codes(api_client().get(TEMPLATES)) == ["open"]


def test_a_template_says_what_it_is_worth_and_for_what(now):
    scope = {"v": 1, "all": [{"fact": "brand", "op": "eq", "value": "br1"}]}
    make_template(
        code="twenty",
        operator=make_operator(code="sh", name="上海公司"),
        scope=scope,
        threshold_fen=10_000,
        quota=7,
    )

    (row,) = api_client().get(TEMPLATES, headers={"Accept-Language": "en"}).json()["results"]

    assert row.pop("claim_until").endswith("+08:00")
    assert row == {
        "code": "twenty",
        "name": row["name"],
        "kind": "amount",
        "value": 2_000,
        "max_discount_fen": None,
        "threshold_fen": 10_000,
        "scope_words": "brand is br1",
        "channels": ["mall", "store"],
        "operator": {"code": "sh", "name": "上海公司"},
        "valid_until": None,
        "valid_days": 30,
        "per_member": 1,
        "per_day": None,
        "for_words": "",
        "points_price": None,
        "left": 7,
        "mine": 0,
    }


def test_what_a_coupon_is_for_is_said_by_name_in_one_statement_however_many_there_are():
    make_category(code="tea", name="茶叶")
    make_category(code="cup", name="茶具")
    member = make_member()
    for code in ("tea", "cup", "tea"):
        scope = {"v": 1, "all": [{"fact": "category", "op": "in", "value": [code]}]}
        make_coupon(member, template=make_template(scope=scope))
    client = api_client(member)

    for path, pick in (
        (TEMPLATES, lambda row: row),
        ("/api/v1/me/coupons", itemgetter("template")),
    ):
        with CaptureQueriesContext(connection) as captured:
            rows = client.get(path, headers={"Accept-Language": "en"}).json()["results"]
        assert [pick(row)["scope_words"] for row in rows] == [
            "category is one of 茶叶",
            "category is one of 茶具",
            "category is one of 茶叶",
        ], path
        assert len(captured) == 3, path


def test_whom_a_coupon_is_for_is_said_by_name():
    Tag.objects.create(code="vip", name="贵宾")
    rule = {"v": 1, "all": [{"fact": "tags", "op": "in", "value": ["vip"]}]}
    make_template(code="few", claim_for=rule)
    client = api_client(make_member())

    (row,) = client.get(TEMPLATES, headers={"Accept-Language": "en"}).json()["results"]
    refused = client.command(f"{TEMPLATES}/few/claim", {}, HTTP_ACCEPT_LANGUAGE="en")

    assert row["for_words"].endswith("is one of 贵宾")
    assert refused.json()["errors"][0]["code"] == "coupon_not_for_you"
    assert "贵宾" in refused.json()["errors"][0]["detail"]
    assert Coupon.objects.count() == 0


def test_a_template_without_a_scope_is_for_everything():
    make_template()

    (row,) = api_client().get(TEMPLATES, headers={"Accept-Language": "en"}).json()["results"]

    assert row["scope_words"] == "everything"


def test_a_member_sees_how_many_they_have():
    member, template = make_member(), make_template()
    make_coupon(member, template=template)
    make_coupon(make_member(), template=template)

    (row,) = api_client(member).get(TEMPLATES).json()["results"]

    assert (row["mine"], row["left"]) == (1, 98)


def test_lists_take_a_fixed_number_of_statements():
    member = make_member()
    for _n in range(3):
        make_coupon(member)
    client = api_client(member)

    for path in (TEMPLATES, "/api/v1/me/coupons"):
        with CaptureQueriesContext(connection) as captured:
            assert len(client.get(path).json()["results"]) == 3
        assert len(captured) == 2, path


def test_the_list_goes_on_by_cursor():
    for n in range(3):
        make_template(code=f"t{n}")

    first = api_client().get(f"{TEMPLATES}?page_size=2")
    second = api_client().get(first.json()["next"])

    assert (codes(first), codes(second)) == (["t2", "t1"], ["t0"])


def test_a_member_claims_a_coupon():
    member, template = make_member(), make_template(code="twenty")

    answer = api_client(member).command(f"{TEMPLATES}/twenty/claim", {"source_token": "FROMGUIDE"})

    assert answer.status_code == 201
    coupon = Coupon.objects.get(member=member, template=template)
    assert answer.json()["no"] == coupon.no
    assert coupon.source_token == "FROMGUIDE"


def test_the_quota_that_everybody_waits_for_is_taken_last():
    make_template(code="twenty", quota=1)
    claim = f"{TEMPLATES}/twenty/claim"

    with CaptureQueriesContext(connection) as captured:
        assert api_client(make_member()).command(claim).status_code == 201
    taken = [q["sql"] for q in captured if not q["sql"].startswith(("RELEASE", "COMMIT"))]
    refused = api_client(make_member()).command(claim)

    assert "INSERT INTO kernel_idempotencykey" in taken[-2]
    assert "UPDATE coupons_template SET issued" in taken[-1]
    assert refused.json()["errors"][0]["code"] == "coupon_sold_out"
    assert IdempotencyKey.objects.count() == Coupon.objects.count() == 1


def test_a_repeat_with_the_same_key_claims_once():
    member = make_member()
    make_template(code="twenty", per_member=5)
    client = api_client(member)

    first = client.command(f"{TEMPLATES}/twenty/claim", key="key-0001")
    again = client.command(f"{TEMPLATES}/twenty/claim", key="key-0001")

    assert (first.status_code, again.status_code) == (201, 201)
    assert again.json() == first.json()
    assert again["Idempotency-Replayed"] == "true"
    assert Coupon.objects.count() == 1


@pytest.mark.parametrize(
    ("more", "code"),
    [
        ({"quota": 0}, "coupon_sold_out"),
        ({"per_member": 0}, "coupon_limit_reached"),
        ({"valid_until": 0}, "coupon_claim_closed"),
    ],
)
def test_refusals_are_409_with_their_code(now, more, code):
    if "valid_until" in more:
        more = {"valid_until": now - timedelta(minutes=1)}
    make_template(code="twenty", **more)

    answer = api_client(make_member()).command(f"{TEMPLATES}/twenty/claim")

    assert (answer.status_code, answer.json()["errors"][0]["code"]) == (409, code)
    assert Coupon.objects.count() == 0


@pytest.mark.parametrize("code", ["private", "unknown"])
def test_what_is_not_public_cannot_be_claimed_by_guessing(code):
    make_template(code="private", public=False)

    answer = api_client(make_member()).command(f"{TEMPLATES}/{code}/claim")

    assert answer.status_code == 404
    assert answer.json()["errors"][0]["code"] == "coupon_template_unknown"


def test_strangers_do_not_claim():
    make_template(code="twenty")

    assert api_client().command(f"{TEMPLATES}/twenty/claim").status_code == 401
    assert Coupon.objects.count() == 0


@pytest.fixture
def wallet(now, clock_at):
    """A member with a usable, a used, a returned and a run-out coupon, and a stranger's."""
    member = make_member()
    coupons = {name: make_coupon(member, template=make_template()) for name in ("new", "used")}
    coupons["over"] = make_coupon(member, template=make_template(valid_days=1))
    make_coupon(make_member())
    use = [(coupons["used"].pk, 100)]
    coupon_redeem(uses=use, member_id=member.pk, reference="SO1", channel="mall", now=now)
    clock_at(now + timedelta(days=2))
    return api_client(member), coupons


@pytest.mark.parametrize(
    ("state", "names"),
    [
        ("", ["over", "used", "new"]),
        ("usable", ["new"]),
        ("claimed", ["new"]),
        ("used", ["used"]),
        ("expired", ["over"]),
        ("had", ["over", "used"]),
        ("locked", []),
    ],
)
def test_the_wallet_by_state(wallet, state, names):
    client, coupons = wallet

    rows = client.get(f"/api/v1/me/coupons?state={state}" if state else "/api/v1/me/coupons")

    assert [row["no"] for row in rows.json()["results"]] == [coupons[name].no for name in names]


def test_a_coupon_in_the_wallet(wallet):
    client, coupons = wallet

    rows = {row["no"]: row for row in client.get("/api/v1/me/coupons").json()["results"]}

    shown = {name: rows[coupon.no] for name, coupon in coupons.items()}
    assert [shown[n]["state"] for n in ("new", "used", "over")] == ["claimed", "used", "expired"]
    assert [shown[n]["usable"] for n in ("new", "used", "over")] == [True, False, False]
    assert shown["new"]["template"]["value"] == 2_000
    assert "id" not in shown["new"]


def test_an_unknown_state_is_400():
    answer = api_client(make_member()).get("/api/v1/me/coupons?state=eaten")

    assert answer.status_code == 400
    assert answer.json()["errors"][0]["attr"] == "state"


def found(answer) -> list[str]:
    assert answer.status_code == 200, answer.json()
    rows = answer.json()["results"]
    return [row.get("code") or row["template"]["code"] for row in rows]


@pytest.mark.parametrize(
    ("query", "codes_found"),
    [
        ("kind=percent", ["tea"]),
        ("q=春茶", ["tea"]),
        ("q=%", []),
        ("channel=store", ["tea"]),
        ("channel=mall", ["tea", "all"]),
        ("days=7", ["tea"]),
        ("kind=percent&days=1", []),
    ],
)
def test_the_centre_and_the_wallet_are_narrowed_alike(now, query, codes_found):
    member = make_member()
    everything = make_template(code="all", channels=["mall"], per_member=2)
    soon = now + timedelta(days=5)
    tea = make_template(
        code="tea",
        kind="percent",
        claim_until=soon,
        valid_until=soon,
        valid_days=None,
        per_member=2,
    )
    Template.objects.filter(pk=tea.pk).update(name="春茶八折")
    for template in (everything, tea):
        make_coupon(member, template=template)
    client = api_client(member)

    assert found(client.get(f"{TEMPLATES}?{query}")) == codes_found
    assert found(client.get(f"/api/v1/me/coupons?{query}")) == codes_found


@pytest.mark.parametrize("query", ["kind=x", "channel=x", "days=-1", "days=x", "q=" + "x" * 41])
def test_what_cannot_be_looked_for_is_400(query):
    client = api_client(make_member())
    for path in (TEMPLATES, "/api/v1/me/coupons"):
        assert client.get(f"{path}?{query}").status_code == 400
