"""Other ways to a coupon through HTTP: codes that are typed, walls, friends."""

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from config.kernel.numbers import code_shown
from coupons.models import Coupon
from coupons.redeem_codes import redeem_code
from coupons.services.code_pool import code_pool_create, code_pool_make
from coupons.services.coupon_scan import place_code_issue
from tests.factories import api_client, make_coupon, make_member, make_template

pytestmark = pytest.mark.django_db
API = "/api/v1"


@pytest.fixture
def client():
    member = make_member(nickname="林小满")
    return api_client(member)


def refused(answer, status, code):
    assert (answer.status_code, answer.json()["errors"][0]["code"]) == (status, code)


def test_a_code_is_typed_as_it_comes(client, now):
    template = make_template(public=False)
    pool = code_pool_create(template_id=template.pk, name="团购", count=1, now=now)
    code_pool_make(pool_id=pool.pk)
    typed = code_shown(redeem_code(pool.no, 1)).lower().replace("0", "o").replace("1", "l")

    answer = client.command(f"{API}/coupon-codes", {"code": typed})

    assert answer.status_code == 201, answer.json()
    assert answer.json()["no"] == Coupon.objects.get().no
    refused(client.command(f"{API}/coupon-codes", {"code": typed}), 409, "coupon_code_used")
    assert Coupon.objects.count() == 1


def test_a_guesser_is_stopped(client):
    for n in range(10):
        refused(
            client.command(f"{API}/coupon-codes", {"code": f"WRONG{n}"}), 404, "coupon_code_unknown"
        )

    refused(client.command(f"{API}/coupon-codes", {"code": "WRONG"}), 429, "coupon_code_guesses")


def test_a_code_on_a_wall_is_scanned(client, now):
    code = place_code_issue(template_id=make_template(public=False).pk, place="一楼", now=now)

    answer = client.command(f"{API}/coupon-scans", {"token": code.token})

    assert answer.status_code == 201
    (mine,) = client.get(f"{API}/me/coupons").json()["results"]
    assert (mine["no"], mine["source"], mine["giftable"]) == (answer.json()["no"], "scan", False)
    refused(client.command(f"{API}/coupon-scans", {"token": "NONE"}), 404, "code_invalid")


def test_a_coupon_goes_to_a_friend(client):
    template = make_template(gift_days=3)
    member, friend = make_member(nickname="阿明"), make_member()
    coupon, giver = make_coupon(member, template=template), api_client(member)
    assert giver.get(f"{API}/me/coupons").json()["results"][0]["giftable"] is True

    gift = giver.command(f"{API}/me/coupon-gifts", {"coupon": coupon.no, "greeting": "喝茶"})
    token = gift.json()["token"]
    shown = client.get(f"{API}/coupon-gifts/{token}").json()
    assert (shown["giver"], shown["template"]["code"], shown["greeting"]) == (
        "阿明",
        template.code,
        "喝茶",
    )
    refused(giver.command(f"{API}/coupon-gifts/{token}/accept"), 409, "coupon_gift_own")

    taken = api_client(friend).command(f"{API}/coupon-gifts/{token}/accept")

    assert (taken.status_code, taken.json()["no"]) == (200, coupon.no)
    coupon.refresh_from_db()
    assert coupon.member == friend
    refused(client.get(f"{API}/coupon-gifts/{token}"), 404, "not_found")
    no = gift.json()["no"]
    refused(giver.command(f"{API}/me/coupon-gifts/{no}/take-back"), 409, "coupon_gift_ended")
    (listed,) = giver.get(f"{API}/me/coupon-gifts").json()["results"]
    assert (listed["state"], listed["coupon"]) == ("accepted", coupon.no)


def test_the_list_of_gifts_takes_two_statements():
    member = make_member()
    giver = api_client(member)
    for _n in range(3):
        coupon = make_coupon(member, template=make_template(gift_days=3))
        giver.command(f"{API}/me/coupon-gifts", {"coupon": coupon.no})

    with CaptureQueriesContext(connection) as captured:
        assert len(giver.get(f"{API}/me/coupon-gifts").json()["results"]) == 3

    assert len(captured) == 2
