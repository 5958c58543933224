"""Paying over the API against a WeChat that signs, hangs and fails after it succeeded."""

import pytest

from config.kernel.models import Event, IdempotencyKey
from mall.models import Order, Payment
from tests.factories import api_client, make_external_id, make_member
from tests.mall.sales import plain_order

pytestmark = pytest.mark.django_db
APP = {"app_id": "wx0000000000mall01"}
PREPAY = "/v3/pay/transactions/jsapi"


@pytest.fixture
def order(now, openid) -> Order:
    return plain_order(now=now, openid=openid)


@pytest.fixture
def pay(order):
    """Press "pay" in the mini-program, with a key of its own unless one is given."""
    client = api_client(order.member)
    # A 503 is an answer here, not an exception of the test's.
    client.raise_request_exception = False

    def press(*, key: str = ""):
        return client.command(f"/api/v1/orders/{order.no}/pay", APP, key=key)

    return press


def code(answer) -> str:
    return answer.json()["errors"][0]["code"]


def test_the_parameters_open_wechat_pay(order, pay, wechat, letter_box):
    # when
    answer = pay()

    # then WeChat takes our signature over them, and knows what is to be paid
    assert answer.status_code == 200, answer.json()
    payment = Payment.objects.get()
    assert (answer.json()["payment"], answer.json()["amount_fen"]) == (payment.no, 10_000)
    wechat.post("request_payment", **answer.json()["params"])
    wechat.drain()
    trade = wechat.get("orders")[0]
    assert (trade["out_trade_no"], trade["total"], trade["state"]) == (
        payment.no,
        10_000,
        "SUCCESS",
    )
    assert trade["openid"] == payment.payer_openid
    assert [x.path for x in letter_box.letters] == ["/api/v1/wechat/notify/1900000001/payments"]
    assert payment.state == "pending"
    states = Event.objects.filter(subject_type="payment").order_by("pk")
    assert list(states.values_list("to_state", flat=True)) == ["created", "pending"]


def test_a_refreshed_page_gets_the_same_payment(order, pay, wechat):
    first, again, other = pay(key="key-0000001"), pay(key="key-0000001"), pay()

    assert first.status_code == again.status_code == other.status_code == 200
    assert first.json() == again.json() == other.json()
    assert Payment.objects.count() == 1
    assert len(wechat.get("orders")) == 1


def test_a_gateway_that_hangs_leaves_the_order_payable(order, pay, wechat, settings):
    # given a WeChat that answers after our patience
    settings.GATEWAY_TIMEOUT_SECONDS = 0.4
    wechat.post("behaviour", hang=0.6, times=1, path=PREPAY)

    # when
    refused = pay(key="key-0000001")

    # then
    assert (refused.status_code, code(refused)) == (503, "gateway_unavailable")
    payment = Payment.objects.get()
    assert (payment.state, payment.prepay) == ("created", {})
    order.refresh_from_db()
    assert order.state == "placed"
    assert IdempotencyKey.objects.count() == 1

    # and the same request goes through when WeChat is back
    settings.GATEWAY_TIMEOUT_SECONDS = 4
    again = pay(key="key-0000001")
    assert (again.status_code, again.json()["payment"]) == (200, payment.no)
    wechat.post("request_payment", **again.json()["params"])


@pytest.mark.parametrize("fault", ["fail_after_success", "bad_signature"])
def test_an_answer_that_is_lost_is_asked_for_again(order, pay, wechat, fault):
    # given a WeChat that makes the payment and does not say so
    wechat.post("behaviour", **{fault: True}, times=1, path=PREPAY)

    # when
    refused, again = pay(), pay()

    # then there is one payment at both ends
    assert (refused.status_code, code(refused)) == (503, "gateway_unavailable")
    assert again.status_code == 200
    assert Payment.objects.get().state == "pending"
    assert [x["out_trade_no"] for x in wechat.get("orders")] == [again.json()["payment"]]
    wechat.post("request_payment", **again.json()["params"])


def test_a_gateway_that_limits_us_is_busy(order, pay, wechat):
    error = {"status": 429, "code": "FREQUENCY_LIMITED"}
    wechat.post("behaviour", error=error, times=1, path=PREPAY)

    refused = pay()

    assert (refused.status_code, code(refused)) == (503, "gateway_busy")
    assert Payment.objects.get().state == "created"
    assert pay().status_code == 200


def test_who_never_logged_in_through_this_mini_program_cannot_pay_in_it(order, wechat):
    answer = api_client(order.member).command(
        f"/api/v1/orders/{order.no}/pay", {"app_id": "wx0000000000mall99"}
    )

    assert (answer.status_code, code(answer)) == (400, "payer_unknown")
    assert Payment.objects.count() == 0


def test_a_payment_opened_in_one_mini_program_is_not_offered_in_another(order, pay, wechat):
    # given a member of two mini-programs who opened the payment in the first
    other = "wx0000000000mall02"
    make_external_id(member=order.member, value="openid-elsewhere", app_id=other)
    first = pay()

    # when
    client = api_client(order.member)
    refused = client.command(f"/api/v1/orders/{order.no}/pay", {"app_id": other})

    # then
    assert (refused.status_code, code(refused)) == (409, "payment_elsewhere")
    assert Payment.objects.get().no == first.json()["payment"]
    assert pay().json() == first.json()


def test_an_order_is_paid_by_its_member_alone(order, wechat):
    stranger = api_client(make_member())

    answer = stranger.command(f"/api/v1/orders/{order.no}/pay", APP)

    assert (answer.status_code, code(answer)) == (404, "order_unknown")
    assert Payment.objects.count() == 0
    assert wechat.get("orders") == []


def test_a_cancelled_order_is_not_paid(order, pay, wechat):
    # given an order that was cancelled with the payment sheet open
    pay()
    client = api_client(order.member)
    assert client.command(f"/api/v1/orders/{order.no}/cancel").status_code == 200

    # when / then
    refused = pay()
    assert (refused.status_code, code(refused)) == (409, "order_not_payable")
    assert Payment.objects.count() == 1
