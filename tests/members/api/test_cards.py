from datetime import timedelta

import pytest

from config.kernel.actors import SYSTEM
from config.kernel.clock import SHANGHAI, local_date
from members.cards import card_split
from members.guards import card_hold, card_spend
from members.models import PointLot
from members.selectors import card_lots
from members.services.card_close import card_close_refund
from members.services.card_freeze import card_freeze
from members.services.card_holder import card_transfer_holder
from members.services.card_identity import card_identity_record
from members.services.card_payback import card_payback_pay
from members.services.points_settle import PointsTarget, points_settle
from tests.factories import (
    api_client,
    make_card,
    make_card_product,
    make_member,
    make_operator,
    make_topup,
    make_user,
    publish_policy,
)

pytestmark = pytest.mark.django_db


@pytest.fixture
def member():
    return make_member()


@pytest.fixture
def card(member):
    operator = make_operator(code="issuer", name="申悦百货")
    return make_card(member, principal_fen=10_000, bonus_fen=1_000, operator=operator)


def spend(card, amount, now, reference="SO1"):
    parts = card_split(card_lots(member_id=card.member_id), amount)
    card_spend(parts=parts, reference=reference, acceptor_code="shop", now=now)


def hold(card, amount, now):
    card_hold(
        card_id=card.pk,
        parts=card_split(card_lots(member_id=card.member_id), amount),
        reference="SO2",
        expires_at=now + timedelta(minutes=15),
        actor=SYSTEM,
        now=now,
    )


def test_cards_show_their_value_and_what_is_held(member, card, now):
    spend(card, 5_500, now)
    hold(card, 1_100, now)
    (shown,) = api_client(member).get("/api/v1/me/cards").json()["results"]
    assert shown["no"] == card.no
    assert (shown["operator"], shown["state"], shown["expires_at"]) == ("申悦百货", "active", None)
    amounts = {name: shown[name] for name in shown if name.endswith("_fen")}
    assert amounts == {
        "principal_fen": 5_000,
        "bonus_fen": 500,
        "held_fen": 1_100,
        "value_fen": 5_500,
        "spendable_fen": 4_400,
    }
    (lot,) = shown["lots"]
    assert (lot["principal_fen"], lot["bonus_fen"], lot["held_fen"]) == (5_000, 500, 1_100)


def test_cards_take_four_statements_however_many(member, card, django_assert_num_queries):
    for _n in range(3):
        make_card(member)
    client = api_client(member)
    with django_assert_num_queries(4):
        assert len(client.get("/api/v1/me/cards").json()["results"]) == 4


def test_a_frozen_card_is_shown_but_not_spendable(member, card, now):
    card_freeze(card_id=card.pk, reason="lost", actor=SYSTEM, now=now)
    shown = api_client(member).get(f"/api/v1/me/cards/{card.no}").json()
    assert (shown["state"], shown["value_fen"], shown["spendable_fen"]) == ("frozen", 11_000, 0)


def test_a_closed_card_shows_what_of_it_has_been_paid_back(member, card, now):
    # given a purchase and a top-up, both paid in cash
    card_identity_record(
        member_id=member.pk, name="张三丰", number="11010519491231002X", actor=SYSTEM, now=now
    )
    make_topup(card, principal_fen=20_000, bonus_fen=0, now=now)
    payback = card_close_refund(card_id=card.pk, reason="?", actor=SYSTEM, now=now)
    line = payback.lines.get(amount_fen=10_000)

    # when finance has paid one of them out
    today = local_date(now)
    card_payback_pay(
        line_id=line.pk,
        reference="B-1",
        paid_on=today,
        user_id=make_user().pk,
        reason="?",
        actor=SYSTEM,
        now=now,
    )

    # then
    shown = api_client(member).get(f"/api/v1/me/cards/{card.no}").json()
    assert (shown["state"], shown["value_fen"]) == ("closed", 0)
    (back,) = shown["paybacks"]
    assert (back["no"], back["amount_fen"], back["paid_fen"]) == (payback.no, 30_000, 10_000)
    assert back["parts"] == [
        {"way": "transfer", "amount_fen": 10_000, "state": "paid", "paid_on": today.isoformat()},
        {"way": "transfer", "amount_fen": 20_000, "state": "waiting", "paid_on": None},
    ]


def test_the_statement_of_a_card(member, card, now, django_assert_num_queries):
    spend(card, 5_500, now)
    client = api_client(member)
    with django_assert_num_queries(4):
        page = client.get(f"/api/v1/me/cards/{card.no}/entries").json()
    lines = [(x["what"], x["part"], x["amount_fen"], x["balance_fen"]) for x in page["results"]]
    assert lines == [
        ("card.spend", "bonus", -500, 5_500),
        ("card.spend", "principal", -5_000, 6_000),
        ("card.bonus", "bonus", 1_000, 11_000),
        ("card.issue", "principal", 10_000, 10_000),
    ]
    assert page["results"][0]["reference"] == "SO1"
    assert page["next"] is None


def test_the_statement_begins_when_the_card_became_mine(member, card, now):
    spend(card, 5_500, now)
    friend, later = make_member(), now + timedelta(hours=1)
    card_transfer_holder(
        card_id=card.pk, to_member_id=friend.pk, reason="gift", actor=SYSTEM, now=later
    )
    parts = card_split(card_lots(member_id=friend.pk), 550)
    card_spend(parts=parts, reference="SO3", acceptor_code="shop", now=later)
    page = api_client(friend).get(f"/api/v1/me/cards/{card.no}/entries").json()
    # what was on it before is in the balance alone
    assert [(x["reference"], x["balance_fen"]) for x in page["results"]] == [
        ("SO3", 4_950),
        ("SO3", 5_000),
    ]
    assert api_client(member).get(f"/api/v1/me/cards/{card.no}/entries").status_code == 404


def test_the_statement_comes_in_pages(member, card, now):
    spend(card, 5_500, now)
    client = api_client(member)
    first = client.get(f"/api/v1/me/cards/{card.no}/entries?page_size=3").json()
    second = client.get(first["next"]).json()
    assert [len(first["results"]), len(second["results"])] == [3, 1]
    assert (second["results"][0]["what"], second["results"][0]["balance_fen"]) == (
        "card.issue",
        10_000,
    )


def test_the_statement_of_a_period(member, card, now):
    # given a spend a second before midnight of Shanghai, and one at midnight
    midnight = now.astimezone(SHANGHAI).replace(hour=0, minute=0, second=0) + timedelta(days=3)
    spend(card, 1_100, midnight - timedelta(seconds=1), "SO1")
    spend(card, 2_200, midnight, "SO2")
    client, url = api_client(member), f"/api/v1/me/cards/{card.no}/entries"
    before, day = (midnight - timedelta(days=1)).date(), midnight.date()

    shown = {
        (since, until): [
            (x["reference"], x["balance_fen"])
            for x in client.get(url, {"since": since, "until": until}).json()["results"]
        ]
        for since, until in ((before, before), (day, day))
    }

    assert shown[before, before] == [("SO1", 9_900), ("SO1", 10_000)]
    assert shown[day, day] == [("SO2", 7_700), ("SO2", 7_900)]
    refused = client.get(url, {"since": "yesterday"})
    assert refused.status_code == 400
    assert refused.json()["errors"][0]["attr"] == "since"


def test_the_statement_as_a_file(member, card, now, django_assert_num_queries):
    spend(card, 5_500, now, "=cmd")
    client = api_client(member)
    with django_assert_num_queries(4):
        answer = client.get(
            f"/api/v1/me/cards/{card.no}/entries.csv", headers={"Accept-Language": "en"}
        )
        text = b"".join(answer.streaming_content).decode()
    assert answer["Content-Disposition"] == f'attachment; filename="card-{card.no}.csv"'
    head, *lines = text.lstrip("\ufeff").splitlines()
    assert head == ("at,what,part,amount (¥),amount (fen),balance (¥),balance (fen),order number")
    assert [line.split(",", 1)[1] for line in lines[:-2]] == [
        f"bought,principal,100.00,10000,100.00,10000,{card.lots.get().reference}",
        f"bonus granted,bonus,10.00,1000,110.00,11000,{card.lots.get().reference}",
    ]
    assert [line.split(",", 1)[1] for line in lines[-2:]] == [
        "paid with,principal,-50.00,-5000,60.00,6000,'=cmd",
        "paid with,bonus,-5.00,-500,55.00,5500,'=cmd",
    ]
    stranger = api_client(make_member()).get(f"/api/v1/me/cards/{card.no}/entries.csv")
    assert stranger.status_code == 404


@pytest.mark.parametrize("path", ["/api/v1/me/cards/{no}", "/api/v1/me/cards/{no}/entries"])
def test_somebody_elses_card_does_not_exist(card, path):
    answer = api_client(make_member()).get(path.format(no=card.no))
    assert answer.status_code == 404
    assert answer.json()["errors"][0]["code"] == "not_found"


@pytest.mark.parametrize(
    "path", ["cards", "cards/SC1", "cards/SC1/entries", "points", "points/entries", "memberships"]
)
def test_without_a_login_nothing_is_shown(path):
    assert api_client().get(f"/api/v1/me/{path}").status_code == 401


def test_points_with_their_lots_and_the_debt(member, now, django_assert_num_queries):
    publish_policy(
        kind="points",
        body={"v": 1, "fen_per_point": 100, "lot_days": 365, "min_days_after_return": 30},
    )
    for reference in ("SO1", "SO2"):
        target = PointsTarget(member.pk, member.no, reference, 10_000, now)
        points_settle([target], now=now)
    client = api_client(member)
    with django_assert_num_queries(3):
        shown = client.get("/api/v1/me/points").json()
    assert (shown["points"], shown["debt"]) == (200, 0)
    lots = [(x["points"], x["reference"]) for x in shown["lots"]]
    assert lots == [(100, "SO1"), (100, "SO2")]
    assert PointLot.objects.count() == 2


def test_who_never_earned_has_no_points(member):
    assert api_client(member).get("/api/v1/me/points").json() == {
        "points": 0,
        "debt": 0,
        "lots": [],
    }


def test_card_products_on_sale_are_public(django_assert_num_queries):
    operator = make_operator(name="申悦百货")
    make_card_product(operator=operator, code="big", price_fen=100_000, bonus_fen=15_000)
    small = make_card_product(operator=operator, code="small", price_fen=20_000, bonus_fen=0)
    gone = make_card_product(code="gone")
    gone.on_sale = False
    gone.save()
    with django_assert_num_queries(1):
        shown = api_client().get("/api/v1/card-products").json()["results"]
    assert [x["code"] for x in shown] == ["small", "big"]
    assert shown[0] == {
        "code": "small",
        "name": small.name,
        "operator": "申悦百货",
        "named": True,
        "price_fen": 20_000,
        "min_fen": None,
        "max_fen": None,
        "bonus_fen": 0,
        "value_fen": 20_000,
    }
