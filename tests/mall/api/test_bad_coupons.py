"""What members and tills send that is wrong: its stable code in both languages, nothing changed,
and never a fault of ours."""

import random
from datetime import timedelta

import pytest

from config.kernel.models import Event
from coupons.models import Coupon, CouponGift, CouponTicket, RedeemCode, Redemption, Template
from coupons.redeem_codes import redeem_code
from coupons.services.code_pool import code_pool_create, code_pool_make
from mall.models import Order
from members.services.member_code_issue import member_code_issue
from tests.factories import (
    api_client,
    make_coupon,
    make_member,
    make_product,
    make_stock,
    make_template,
    make_terminal,
    till_client,
)

pytestmark = pytest.mark.django_db
API = "/api/v1"
FEN = 2_147_483_647
NUL, LONG, BIDI = "C\x00OUPON", "C" * 40_000, "\u202eCOUPON\u200b"


@pytest.fixture
def coupons(store, member, now) -> dict[str, str]:
    """Name → number."""
    ours = {"operator": store.operator, "value": 1_000}
    tea = {"v": 1, "all": [{"fact": "sku", "op": "eq", "value": "tea"}]}
    templates = {
        "good": make_template(**ours, budget_fen=5_000),
        "dear": make_template(**ours, threshold_fen=9_000),
        "pieces": make_template(**ours, threshold_pieces=9),
        "tea": make_template(**ours, scope=tea),
        "mall": make_template(**ours, channels=["mall"]),
        "foreign": make_template(value=1_000),
        "late": make_template(**ours),
        "poor": make_template(**ours, budget_fen=999),
        "night": make_template(**ours, weekdays=[(now.isoweekday() + 2) % 7 + 1]),
        "used": make_template(**ours),
        "store": make_template(**ours, channels=["store"]),
    }
    found = {name: make_coupon(member, template=template) for name, template in templates.items()}
    Coupon.objects.filter(pk=found["late"].pk).update(
        valid_from=now - timedelta(days=9), valid_until=now - timedelta(days=1)
    )
    stranger = make_coupon(make_member(), template=templates["good"])
    return {name: row.no for name, row in found.items()} | {"stranger": stranger.no}


def counts() -> tuple:
    """What a refusal leaves as it was."""
    tables = (CouponTicket, Redemption, Coupon, CouponGift, Order, Event)
    return (
        *(table.objects.count() for table in tables),
        sorted(Coupon.objects.values_list("pk", "state", "member_id", "locked_by")),
        sorted(Template.objects.values_list("pk", "issued", "spent_fen")),
        RedeemCode.objects.filter(coupon__isnull=False).count(),
    )


def visit_of(till, member, now) -> str:
    code = member_code_issue(member_id=member.pk, now=now)
    return till.command(f"{API}/pos/members", {"code": code.token}).json()["visit"]


def refused(send, status: int, code: str) -> dict[str, str]:
    """The same refusal in both languages, and nothing changed; returns what was said."""
    before, said = counts(), {}
    for language in ("en", "zh-hans"):
        answer = send(language)
        error = answer.json()["errors"][0]
        assert (answer.status_code, error["code"]) == (status, code), answer.json()
        said[language] = error["detail"]
    assert said["en"] != said["zh-hans"]
    assert counts() == before
    return said


def till_sends(till, path, body):
    number = iter(range(9))

    def send(language):
        key = f"bad-{id(body)}-{next(number)}"
        return till.command(path, body, key=key, HTTP_ACCEPT_LANGUAGE=language)

    return send


@pytest.mark.parametrize(
    ("name", "code", "words"),
    [
        ("dear", "coupon_not_applicable", "¥40.00 more"),
        ("pieces", "coupon_not_applicable", "8 pcs more"),
        ("tea", "coupon_not_applicable", "nothing in the basket"),
        ("mall", "coupon_not_applicable", "not valid at this store"),
        ("foreign", "coupon_not_applicable", "not valid at this store"),
        ("late", "coupon_not_applicable", "it has expired"),
        ("stranger", "coupon_not_applicable", "it is not yours"),
        ("night", "coupon_not_applicable", "not at this time"),
        ("poor", "coupon_budget_exhausted", "used up"),
    ],
)
def test_a_till_is_told_why_a_coupon_is_refused(till, member, coupons, now, name, code, words):
    body = {
        "ticket_no": "T-1",
        "visit": visit_of(till, member, now),
        "coupons": [coupons[name]],
        "amount_fen": 5_000,
    }

    said = refused(till_sends(till, f"{API}/pos/coupons/redeem", body), 409, code)

    assert words in said["en"]


def test_one_bad_coupon_refuses_the_good_one_beside_it(till, member, coupons, now):
    body = {
        "ticket_no": "T-1",
        "visit": visit_of(till, member, now),
        "coupons": [coupons["good"], coupons["tea"]],
        "amount_fen": 5_000,
    }

    refused(till_sends(till, f"{API}/pos/coupons/redeem", body), 409, "coupon_not_applicable")


def test_a_used_coupon_says_where_and_a_replay_with_other_coupons_is_refused(
    till, store, member, coupons, now
):
    body = {
        "ticket_no": "T-1",
        "visit": visit_of(till, member, now),
        "coupons": [coupons["used"]],
        "amount_fen": 5_000,
    }
    assert till.command(f"{API}/pos/coupons/redeem", body).status_code == 201

    again = {**body, "ticket_no": "T-2"}
    said = refused(till_sends(till, f"{API}/pos/coupons/redeem", again), 409, "coupon_used")
    assert store.name in said["en"]
    other = {**body, "coupons": [coupons["good"]]}
    refused(till_sends(till, f"{API}/pos/coupons/redeem", other), 409, "redemption_exists")


def test_another_store_neither_sees_nor_undoes_a_ticket(till, member, coupons, now):
    body = {
        "ticket_no": "T-1",
        "visit": visit_of(till, member, now),
        "coupons": [coupons["good"]],
        "amount_fen": 5_000,
    }
    no = till.command(f"{API}/pos/coupons/redeem", body).json()["no"]
    other = till_client(make_terminal()[1])

    for path, sent in (
        ("reverse", {}),
        ("returns", {"return_no": "R1", "amount_fen": 100}),
    ):
        send = till_sends(other, f"{API}/pos/coupons/{no}/{path}", sent)
        refused(send, 404, "redemption_unknown")


def test_a_preview_says_what_is_missing_in_words(till, member, coupons, now):
    answer = till.post(
        f"{API}/pos/coupons/preview",
        {
            "visit": visit_of(till, member, now),
            "coupons": [coupons["dear"]],
            "amount_fen": 5_000,
        },
        format="json",
        HTTP_ACCEPT_LANGUAGE="en",
    )

    [row] = answer.json()["refused_coupons"]
    assert (row["coupon"], row["reason"], row["missing_fen"]) == (
        *(coupons["dear"], "threshold"),
        4_000,
    )
    assert row["message"] == "¥40.00 more, and it can be used"


@pytest.mark.parametrize(
    "wrong",
    [
        {"amount_fen": -1},
        {"amount_fen": 0},
        {"amount_fen": FEN + 1},
        {"amount_fen": 10**30},
        {"amount_fen": 1.5},
        {"amount_fen": "NaN"},
        {"coupons": [NUL]},
        {"coupons": [LONG]},
        {"coupons": []},
        {"coupons": "good"},
        {"coupons": ["x"] * 500},
        {"ticket_no": "T 1"},
        {"ticket_no": "Ｔ－１"},
        {"ticket_no": NUL},
        {"visit": LONG},
        {"discount_fen": -1},
        {"lines": [{"title": "x", "quantity": -1, "unit_price_fen": 1}], "amount_fen": None},
        {"lines": [{"title": NUL, "quantity": 1, "unit_price_fen": 1}], "amount_fen": None},
        {"lines": {"title": "x"}, "amount_fen": None},
    ],
)
def test_what_a_till_cannot_mean_is_invalid(till, member, coupons, now, wrong):
    body = {
        "ticket_no": "T-1",
        "visit": visit_of(till, member, now),
        "coupons": [coupons["good"]],
        "amount_fen": 5_000,
    } | wrong
    before = counts()

    answer = till.command(f"{API}/pos/coupons/redeem", body)

    assert answer.status_code == 400, answer.json()
    assert answer.json()["errors"][0]["attr"]
    assert counts() == before


@pytest.mark.parametrize(
    "typed", ["WRONG", "０００００", NUL, BIDI, "ОOOO", "🧧🧧🧧🧧", "-", " ", LONG]
)
def test_a_code_that_is_none_is_refused_however_it_looks(member, typed):
    client = api_client(member)
    before = counts()

    answer = client.command(f"{API}/coupon-codes", {"code": typed})

    code = answer.json()["errors"][0]["code"]
    assert (answer.status_code, code) in {(404, "coupon_code_unknown"), (400, code)}
    assert counts() == before


def test_letters_that_look_alike_in_other_scripts_are_no_code(member, now):
    """Latin look-alikes are what was meant; Cyrillic and Greek ones are somebody's trick."""
    pool = code_pool_create(template_id=make_template().pk, name="x", count=1, now=now)
    code_pool_make(pool_id=pool.pk)
    right = redeem_code(pool.no, 1)
    client = api_client(member)
    trick = right.translate(str.maketrans("ABEHKMPTX0", "АВЕНКМРТХО"))

    def send(language):
        return client.command(f"{API}/coupon-codes", {"code": trick}, HTTP_ACCEPT_LANGUAGE=language)

    if trick != right:
        refused(send, 404, "coupon_code_unknown")
    assert client.command(f"{API}/coupon-codes", {"code": right}).status_code == 201


def test_an_order_is_told_why_a_coupon_is_refused(store, member, coupons):
    sku = make_product(skus=(5_000,)).skus.get()
    make_stock(store=store, sku=sku, on_hand=5)
    client = api_client(member)
    basket = {"store": store.code, "lines": [{"sku": sku.code, "quantity": 1}]}

    for name in ("foreign", "late", "stranger", "store"):

        def send(language, name=name):
            body = {**basket, "coupons": [coupons[name]]}
            return client.post(f"{API}/quotes", body, format="json", HTTP_ACCEPT_LANGUAGE=language)

        refused(send, 409, "coupon_not_applicable")

    body = {**basket, "coupons": [coupons["dear"]]}
    version = client.post(f"{API}/quotes", body, format="json").json()["version"]

    def place(language):
        sent = {**body, "quote_version": version}
        return client.command(f"{API}/orders", sent, HTTP_ACCEPT_LANGUAGE=language)

    assert "¥40.00 more" in refused(place, 409, "coupon_not_applicable")["en"]


def test_a_coupon_beyond_its_budget_does_not_stand_in_the_way_of_the_best(store, member, coupons):
    """The dearest of all would be refused by its budget, and the order with it."""
    sku = make_product(skus=(5_000,)).skus.get()
    make_stock(store=store, sku=sku, on_hand=5)
    Template.objects.filter(coupons__no=coupons["poor"]).update(value=1_500)
    client = api_client(member)
    body = {"store": store.code, "lines": [{"sku": sku.code, "quantity": 1}]}

    best = {**body, "best_coupons": True}
    quote = client.post(f"{API}/quotes", best, format="json", HTTP_ACCEPT_LANGUAGE="en").json()

    said = {row["coupon"]: (row["reason"], row["message"]) for row in quote["refused_coupons"]}
    assert said[coupons["poor"]] == ("budget", "the budget of this coupon is used up")
    assert quote["total_fen"] == 4_000
    placed = client.command(f"{API}/orders", {**best, "quote_version": quote["version"]})
    assert placed.status_code == 201, placed.json()

    named = {**body, "coupons": [coupons["poor"]]}
    version = client.post(f"{API}/quotes", named, format="json").json()["version"]

    def place(language):
        sent = {**named, "quote_version": version}
        return client.command(f"{API}/orders", sent, HTTP_ACCEPT_LANGUAGE=language)

    refused(place, 409, "coupon_budget_exhausted")


ODD = [
    *(None, True, 0, -1, 1, FEN, 10**24, 1.5, "", " ", "x", NUL, BIDI, "ＡＢ１２", "1e9", "T-1"),
    *([], {}, [None], [[]], ["x", "x"], [{"line": 0, "quantity": 1}], [{"quantity": 10**9}]),
]
MEMBERS = {
    "coupon-codes": ("code",),
    "coupon-scans": ("token",),
    "me/coupon-gifts": ("coupon", "greeting"),
    "me/coupon-gifts/x/take-back": (),
    "coupon-gifts/x/accept": (),
    "coupon-templates/x/claim": ("source_token",),
    "coupon-templates/x/exchange": ("points",),
    "coupon-claims/challenge": ("challenge", "code"),
    "quotes": ("store", "lines", "coupons", "best_coupons"),
}
TILLS = {
    "preview": ("visit", "coupons", "lines", "amount_fen"),
    "redeem": ("ticket_no", "visit", "code", "coupons", "lines", "amount_fen", "discount_fen"),
    "x/reverse": ("reason",),
    "x/returns": ("return_no", "units", "amount_fen", "reason"),
}


@pytest.mark.parametrize("seed", range(4))
def test_random_requests_are_answered_and_change_nothing(till, member, coupons, seed):
    """The clients of tests raise what a server would call 500."""
    dice = random.Random(seed)
    client, before = api_client(member), counts()
    paths = [(client, f"{API}/{path}", fields) for path, fields in MEMBERS.items()]
    paths += [(till, f"{API}/pos/coupons/{path}", fields) for path, fields in TILLS.items()]

    for sender, path, fields in paths * 4:
        body = {name: dice.choice(ODD) for name in fields if dice.random() < 0.9}
        answer = sender.command(path.replace("/x/", f"/{dice.choice(['x', 'C%00', '中'])}/"), body)
        assert 400 <= answer.status_code < 500, (path, body, answer.content)

    assert counts() == before
