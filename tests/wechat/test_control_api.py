"""The fake's control API over HTTP, as curl and the demo use it."""

import httpx
import pytest

from config.kernel.wechat import api
from config.sandbox.wechat.accounts import APPID, MCHID


@pytest.fixture
def control(wechat):
    with httpx.Client(base_url=wechat.base_url, trust_env=False) as client:
        yield client


def test_a_person_is_made_once_and_found_again(control):
    first = control.post("/_control/users", json={"name": "xiaohong"}).json()
    again = control.post("/_control/users", json={"name": "xiaohong"}).json()

    assert first == again
    assert control.get("/_control/users", params={"name": "xiaohong"}).json() == [first]
    assert len(set(first["openids"].values())) == 2


def test_paying_over_http_moves_the_order(control, prepay):
    number = prepay()

    paid = control.post("/_control/pay", json={"out_trade_no": number}).json()
    twice = control.post("/_control/pay", json={"out_trade_no": number})

    assert (paid["trade_state"], paid["mchid"]) == ("SUCCESS", MCHID)
    assert (twice.status_code, twice.json()["code"]) == (400, "ORDERPAID")
    (order,) = control.get("/_control/orders", params={"out_trade_no": number}).json()
    assert order["state"] == "SUCCESS"


def test_nonsense_is_refused_and_changes_nothing(control):
    before = control.get("/_control/behaviour").json()

    for path, body in [
        ("behaviour", {"dupplicate": 1}),
        ("js_code", {"user": "nobody"}),
        ("nothing", {}),
    ]:
        answer = control.post(f"/_control/{path}", json=body)
        assert answer.status_code == 400
        assert answer.json()["error"]

    assert control.get("/_control/behaviour").json() == before


def test_behaviour_adds_up_until_it_is_deleted(control):
    control.post("/_control/behaviour", json={"duplicate": 2})
    control.post("/_control/behaviour", json={"delay": 1})

    both = control.get("/_control/behaviour").json()
    restored = control.delete("/_control/behaviour").json()

    assert (both["duplicate"], both["delay"]) == (2, 1)
    assert (restored["duplicate"], restored["delay"]) == (0, 0)


def test_pages_of_other_sites_cannot_control(control, prepay):
    number = prepay()

    answer = control.post(
        "/_control/pay", json={"out_trade_no": number}, headers={"Origin": "https://evil.example"}
    )

    assert answer.status_code == 403
    assert control.get("/_control/orders").json()[0]["state"] == "NOTPAY"


def test_codes_can_be_looked_at(control):
    png = api.miniprogram_code(appid=APPID, scene="t=1", page="pages/index")

    (code,) = control.get("/_control/codes").json()

    assert control.get(code["png"]).content == png
    assert code["png"] in control.get("/").text
