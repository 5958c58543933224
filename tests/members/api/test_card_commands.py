"""Members stop their cards, give them away and see what a top-up would give."""

from datetime import timedelta

import pytest

from config.kernel.actors import SYSTEM
from config.kernel.numbers import code_shown
from members.activation import activation_code
from members.models import Card, CardGift
from members.services.card_gift import card_gift_offer
from members.states import CardState
from tests.factories import (
    api_client,
    make_card,
    make_card_batch,
    make_member,
    make_operator,
    make_store,
    make_tier,
    make_topup_offer,
)

pytestmark = pytest.mark.django_db


@pytest.fixture
def member():
    return make_member()


@pytest.fixture
def card(member):
    return make_card(member, principal_fen=10_000, bonus_fen=1_000)


@pytest.mark.parametrize(("what", "state"), [("freeze", "frozen"), ("lost", "lost")])
def test_a_member_stops_their_card(member, card, what, state):
    client, url = api_client(member), f"/api/v1/me/cards/{card.no}/{what}"

    answer = client.command(url, {"reason": "手机丢了"}, key="a-key-of-mine")
    repeated = client.command(url, {"reason": "手机丢了"}, key="a-key-of-mine")

    assert (answer.status_code, answer.json()) == (200, {"no": card.no, "state": state})
    assert repeated.json() == answer.json()
    card.refresh_from_db()
    assert card.state == state
    again = client.command(url)
    assert (again.status_code, again.json()["errors"][0]["code"]) == (409, "illegal_transition")


@pytest.mark.parametrize("what", ["freeze", "lost"])
def test_nobody_stops_anothers_card(card, what):
    answer = api_client(make_member()).command(f"/api/v1/me/cards/{card.no}/{what}")
    assert answer.status_code == 404
    card.refresh_from_db()
    assert card.state == CardState.ACTIVE


def test_a_card_is_given_to_a_friend(member, card):
    # given a friend who was sent the link
    friend = make_member()
    giver, taker = api_client(member), api_client(friend)
    offered = giver.command("/api/v1/me/gifts", {"card": card.no, "greeting": "生日快乐"})
    assert offered.status_code == 201, offered.json()
    gift = offered.json()
    assert (gift["state"], gift["value_fen"], gift["greeting"]) == ("offered", 11_000, "生日快乐")

    # when
    shown = taker.get(f"/api/v1/gifts/{gift['token']}").json()
    accepted = taker.command(f"/api/v1/gifts/{gift['token']}/accept")

    # then
    assert (shown["value_fen"], shown["greeting"], shown["name"]) == (
        11_000,
        "生日快乐",
        card.product.name,
    )
    assert (accepted.status_code, accepted.json()) == (200, {"no": card.no, "state": "active"})
    card.refresh_from_db()
    assert card.member == friend
    (row,) = giver.get("/api/v1/me/gifts").json()["results"]
    assert (row["no"], row["state"]) == (gift["no"], "accepted")
    assert taker.get("/api/v1/me/gifts").json()["results"] == []
    assert taker.get(f"/api/v1/gifts/{gift['token']}").status_code == 404
    assert giver.get(f"/api/v1/me/cards/{card.no}").status_code == 404


def test_a_gift_is_taken_back(member, card):
    client = api_client(member)
    gift = client.command("/api/v1/me/gifts", {"card": card.no}).json()

    stranger = api_client(make_member()).command(f"/api/v1/me/gifts/{gift['no']}/take-back")
    back = client.command(f"/api/v1/me/gifts/{gift['no']}/take-back")

    assert stranger.status_code == 404
    assert (back.status_code, back.json()["state"]) == (200, "taken_back")
    late = api_client(make_member()).command(f"/api/v1/gifts/{gift['token']}/accept")
    assert late.status_code in (404, 409)
    assert Card.objects.get().member == member


def test_gifts_refuse_what_is_not_ones_own(member, card):
    stranger = api_client(make_member())
    refused = stranger.command("/api/v1/me/gifts", {"card": card.no})
    assert refused.status_code == 404
    client = api_client(member)
    gift = client.command("/api/v1/me/gifts", {"card": card.no}).json()
    own = client.command(f"/api/v1/gifts/{gift['token']}/accept")
    assert (own.status_code, own.json()["errors"][0]["code"]) == (409, "card_gift_own")
    twice = client.command("/api/v1/me/gifts", {"card": card.no})
    assert (twice.status_code, twice.json()["errors"][0]["code"]) == (409, "card_not_usable")
    assert stranger.get("/api/v1/gifts/NOSUCHTOKEN").status_code == 404
    assert CardGift.objects.get().state == "offered"


def test_gifts_are_listed_at_a_fixed_cost(member, now, django_assert_num_queries):
    client = api_client(member)
    for _n in range(3):
        card_gift_offer(
            card_id=make_card(member).pk,
            member_id=member.pk,
            actor=SYSTEM,
            now=now,
        )
        with django_assert_num_queries(2):
            client.get("/api/v1/me/gifts")
    assert len(client.get("/api/v1/me/gifts").json()["results"]) == 3


def test_the_offers_that_are_open_to_a_card(now, django_assert_num_queries):
    # given offers of the issuer for all, for a tier, of one store; one that is over, one foreign
    gold, operator = make_tier(code="gold"), make_operator()
    store = make_store(operator=operator, code="here")
    card = make_card(make_member(), operator=operator)
    for_all = make_topup_offer(operator=operator, steps=[(50_000, 4_000), (100_000, 10_000)])
    make_topup_offer(operator=operator, steps=[(1, 1)]).tiers.add(gold)
    here = make_topup_offer(operator=operator, steps=[(1, 1)])
    here.stores.add(store)
    make_topup_offer(operator=operator, steps=[(1, 1)], ends_at=now - timedelta(days=1))
    make_topup_offer(operator=make_operator(), steps=[(1, 1)])
    client, url = api_client(card.member), f"/api/v1/me/cards/{card.no}/topup-offers"

    with django_assert_num_queries(4):
        at_store = client.get(url, {"store": "here"}).json()["results"]
    anywhere = client.get(url).json()["results"]

    assert [x["code"] for x in at_store] == [for_all.code, here.code]
    assert anywhere == [
        {
            "code": for_all.code,
            "name": for_all.name,
            "steps": [
                {"from_fen": 50_000, "bonus_fen": 4_000},
                {"from_fen": 100_000, "bonus_fen": 10_000},
            ],
            "once_per_member": False,
            "ends_at": None,
        }
    ]
    assert client.get(url, {"store": "nowhere"}).status_code == 404
    assert api_client(make_member()).get(url).status_code == 404


@pytest.mark.parametrize(
    "path",
    ["me/gifts", "gifts/X", "me/cards/X/topup-offers", "me/cards/X/entries.csv", "me/wallet"],
)
def test_without_a_login_there_is_nothing(path):
    assert api_client().get(f"/api/v1/{path}").status_code == 401


@pytest.mark.parametrize(
    "path",
    ["me/gifts", "me/gifts/X/take-back", "gifts/X/accept", "me/cards/X/freeze", "me/cards/X/lost"],
)
def test_without_a_login_nothing_is_done(path):
    assert api_client().command(f"/api/v1/{path}").status_code == 401


@pytest.fixture
def batch(now):
    """Three unnamed cards of ¥500.00, sold to a company."""
    return make_card_batch(count=3, now=now)


def test_a_code_of_a_company_becomes_my_card_once(member, batch):
    # given
    client, code = api_client(member), code_shown(activation_code(batch.no, 1)).lower()

    # when
    made = client.command("/api/v1/card-codes", {"code": code}, HTTP_X_DEVICE_ID="dev-1")
    again = client.command("/api/v1/card-codes", {"code": code})
    friend = api_client(make_member()).command("/api/v1/card-codes", {"code": code})

    # then
    card = Card.objects.get(member=member)
    assert (made.status_code, made.json()) == (201, {"no": card.no, "state": "active"})
    lot = card.lots.get()
    assert (lot.principal.balance, lot.bonus.balance) == (50_000, 0)
    assert len(lot.source) == 64 and "dev-1" not in lot.source
    for refused in (again, friend):
        assert (refused.status_code, refused.json()["errors"][0]["code"]) == (
            409,
            "activation_used",
        )
    assert Card.objects.count() == 1


def test_a_code_that_is_none_makes_nothing(member, batch):
    answer = api_client(member).command("/api/v1/card-codes", {"code": "7Q2M-0XK4-9RTB-W5HD"})
    assert (answer.status_code, answer.json()["errors"][0]["code"]) == (404, "activation_unknown")
    assert not Card.objects.exists()
