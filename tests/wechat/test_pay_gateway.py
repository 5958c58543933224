"""The WeChat Pay gateway against the fake: payments, refunds, bills, and a gateway that fails."""

import time
from datetime import UTC, datetime, timedelta

import pytest

from config.kernel.wechat import errors, pay
from config.kernel.wechat.bill import bill_parse, bill_read
from config.sandbox.wechat.accounts import APPID, MCHID, SECOND_APPID, SECOND_MCHID


def _prepay_arguments(shopper, receiver, **changes):
    return {
        "appid": APPID,
        "out_trade_no": "PAY-DIRECT-1",
        "amount_fen": 1000,
        "description": "白茶 50g",
        "openid": shopper["openids"][APPID],
        "notify_url": receiver.url,
        "expires_at": datetime.now(UTC) + timedelta(minutes=15),
    } | changes


def _refund_arguments(number, receiver, **changes):
    return {
        "out_trade_no": number,
        "out_refund_no": f"R-{number}",
        "amount_fen": 400,
        "total_fen": 1000,
        "reason": "退一件",
        "notify_url": receiver.url,
    } | changes


def test_the_miniprogram_can_pay_with_what_prepay_returns(wechat, shopper, receiver):
    gateway = pay.gateway(MCHID)
    parameters = gateway.prepay_jsapi(**_prepay_arguments(shopper, receiver))

    wechat.post("request_payment", **parameters)

    trade = gateway.query("PAY-DIRECT-1")
    assert (trade.state, trade.amount_fen, trade.currency) == ("SUCCESS", 1000, "CNY")
    assert trade.openid == shopper["openids"][APPID]
    assert trade.paid
    assert trade.transaction_id is not None
    assert trade.success_at is not None


@pytest.mark.parametrize("name", ["timeStamp", "nonceStr", "paySign"])
def test_the_miniprogram_cannot_pay_with_other_parameters(wechat, shopper, receiver, name):
    parameters = pay.gateway(MCHID).prepay_jsapi(**_prepay_arguments(shopper, receiver))

    with pytest.raises(Exception, match="支付验证签名失败"):
        wechat.post("request_payment", **parameters | {name: "0" + parameters[name][1:-1] + "0"})

    assert pay.gateway(MCHID).query("PAY-DIRECT-1").state == "NOTPAY"


def test_repeating_a_prepay_is_harmless_and_other_facts_are_refused(wechat, shopper, receiver):
    gateway = pay.gateway(MCHID)
    first = gateway.prepay_jsapi(**_prepay_arguments(shopper, receiver))
    later = datetime.now(UTC) + timedelta(minutes=20)
    second = gateway.prepay_jsapi(**_prepay_arguments(shopper, receiver, expires_at=later))

    with pytest.raises(errors.GatewayNumberUsed):
        gateway.prepay_jsapi(**_prepay_arguments(shopper, receiver, amount_fen=999))

    assert first["package"] == second["package"]
    assert [order["total"] for order in wechat.get("orders")] == [1000]


def test_prepay_after_payment_says_paid(shopper, receiver, wechat):
    gateway = pay.gateway(MCHID)
    gateway.prepay_jsapi(**_prepay_arguments(shopper, receiver))
    wechat.post("pay", out_trade_no="PAY-DIRECT-1")

    with pytest.raises(errors.GatewayOrderPaid):
        gateway.prepay_jsapi(**_prepay_arguments(shopper, receiver))
    with pytest.raises(errors.GatewayOrderPaid):
        gateway.close("PAY-DIRECT-1")


def test_a_closed_order_cannot_be_paid_and_closes_twice(wechat, shopper, receiver, prepay):
    gateway = pay.gateway(MCHID)
    number = prepay()

    gateway.close(number)
    gateway.close(number)

    assert gateway.query(number).state == "CLOSED"
    with pytest.raises(Exception, match="CLOSED"):
        wechat.post("pay", out_trade_no=number)
    with pytest.raises(errors.GatewayOrderClosed):
        gateway.prepay_jsapi(**_prepay_arguments(shopper, receiver, out_trade_no=number))


def test_an_order_past_its_deadline_is_closed(wechat, prepay):
    number = prepay()
    wechat.post("behaviour", clock_offset=901)

    assert pay.gateway(MCHID).query(number).state == "CLOSED"


def test_unknown_orders_and_refunds_are_missing(wechat):
    with pytest.raises(errors.GatewayOrderMissing):
        pay.gateway(MCHID).query("NEVER-CREATED")
    with pytest.raises(errors.GatewayOrderMissing):
        pay.gateway(MCHID).refund_query("NEVER-CREATED")
    with pytest.raises(errors.MerchantUnknown):
        pay.gateway("1999999999")


def test_one_merchant_does_not_see_the_orders_of_another(prepay):
    number = prepay()

    with pytest.raises(errors.GatewayOrderMissing):
        pay.gateway(SECOND_MCHID).query(number)


def test_openid_of_another_miniprogram_is_refused(wechat, shopper, receiver):
    openid = shopper["openids"][SECOND_APPID]

    with pytest.raises(errors.GatewayRefused) as refused:
        pay.gateway(MCHID).prepay_jsapi(**_prepay_arguments(shopper, receiver, openid=openid))

    assert refused.value.gateway_code == "PARAM_ERROR"
    assert wechat.get("orders") == []


def test_native_gives_an_address_for_a_qr_code(wechat, shopper, receiver):
    arguments = _prepay_arguments(shopper, receiver)
    del arguments["openid"]

    assert pay.gateway(MCHID).prepay_native(**arguments).startswith("weixin://wxpay/bizpayurl?pr=")
    wechat.post("pay", out_trade_no="PAY-DIRECT-1", user="xiaoming")
    assert pay.gateway(MCHID).query("PAY-DIRECT-1").openid == shopper["openids"][APPID]


def test_payment_code_pays_at_once_and_only_once(wechat, shopper):
    code = wechat.post("auth_code", user="xiaoming")["auth_code"]
    gateway = pay.gateway(MCHID)
    arguments = {
        "appid": APPID,
        "amount_fen": 800,
        "description": "门店收款",
        "auth_code": code,
        "store_no": "S001",
    }

    trade = gateway.pay_code(out_trade_no="POS-000001", **arguments)

    assert (trade.state, trade.amount_fen) == ("SUCCESS", 800)
    with pytest.raises(errors.GatewayRefused) as refused:
        gateway.pay_code(out_trade_no="POS-000002", **arguments)
    assert refused.value.gateway_code == "AUTH_CODE_INVALID"


def test_payment_code_that_waits_for_a_password_is_queried_and_reversed(wechat, shopper):
    code = wechat.post("auth_code", user="xiaoming", password=True)["auth_code"]
    gateway = pay.gateway(MCHID)

    with pytest.raises(errors.GatewayUserPaying):
        gateway.pay_code(
            appid=APPID,
            out_trade_no="POS-000003",
            amount_fen=800,
            description="门店收款",
            auth_code=code,
            store_no="S001",
        )
    assert gateway.query("POS-000003").state == "USERPAYING"
    gateway.reverse("POS-000003", appid=APPID)
    assert gateway.query("POS-000003").state == "REVOKED"


def test_a_request_signed_with_another_key_decides_nothing(wechat, settings):
    theirs = wechat.config["merchants"][SECOND_MCHID]["private_key"]
    merchants = {MCHID: wechat.config["merchants"][MCHID] | {"private_key": theirs}}
    settings.WECHAT = wechat.config | {"merchants": merchants}

    with pytest.raises(errors.GatewayMisconfigured) as refused:
        pay.gateway(MCHID).query("PAY-DIRECT-1")

    assert refused.value.gateway_code == "SIGN_ERROR"
    assert not isinstance(refused.value, errors.GatewayRefused)


def test_an_answer_with_a_wrong_signature_is_not_believed(wechat, prepay):
    number = prepay()
    wechat.post("behaviour", bad_signature=True)

    with pytest.raises(errors.GatewayUnavailable):
        pay.gateway(MCHID).query(number)


def test_an_answer_under_an_unknown_serial_causes_no_second_call(wechat, settings, prepay):
    number = prepay()
    entry = wechat.config["merchants"][MCHID] | {"wechatpay_public_key_id": "PUB_KEY_ID_0"}
    settings.WECHAT = wechat.config | {"merchants": {MCHID: entry}}
    gateway = pay.gateway(MCHID)
    calls = []
    request = gateway._sdk._core.request
    gateway._sdk._core.request = lambda *a, **k: calls.append(a) or request(*a, **k)

    with pytest.raises(errors.GatewayUnavailable):
        gateway.query(number)

    assert len(calls) == 1


def test_a_hanging_gateway_is_given_up_in_time(wechat, settings, prepay):
    number = prepay()
    settings.GATEWAY_TIMEOUT_SECONDS = 0.4
    wechat.post("behaviour", hang=3)

    started = time.monotonic()
    with pytest.raises(errors.GatewayUnavailable):
        pay.gateway(MCHID).query(number)

    assert time.monotonic() - started < 1


def test_no_setting_makes_a_call_longer_than_four_seconds(settings):
    from config.kernel.wechat.slots import timeouts

    settings.GATEWAY_TIMEOUT_SECONDS = 60

    assert sum(timeouts()) == 4


def test_prepay_that_failed_after_success_is_known_to_query(wechat, shopper, receiver):
    gateway = pay.gateway(MCHID)
    wechat.post("behaviour", fail_after_success=True, times=1)

    with pytest.raises(errors.GatewayUnavailable):
        gateway.prepay_jsapi(**_prepay_arguments(shopper, receiver))

    assert gateway.query("PAY-DIRECT-1").state == "NOTPAY"


def test_refund_that_failed_after_success_is_repeated_without_harm(wechat, receiver, paid):
    number = paid()
    gateway = pay.gateway(MCHID)
    wechat.post("behaviour", fail_after_success=True, times=1)

    with pytest.raises(errors.GatewayUnavailable):
        gateway.refund(**_refund_arguments(number, receiver))
    gateway.refund(**_refund_arguments(number, receiver))
    wechat.drain()

    assert gateway.refund_query(f"R-{number}").status == "SUCCESS"
    assert [refund["amount"] for refund in wechat.get("refunds")] == [400]


def test_rate_limit_means_busy_and_server_error_means_unknown(wechat, prepay):
    number = prepay()
    wechat.post("behaviour", error={"status": 429, "code": "FREQUENCY_LIMITED"}, times=1)
    with pytest.raises(errors.GatewayBusy):
        pay.gateway(MCHID).query(number)

    wechat.post("behaviour", error={"status": 500}, times=1)
    with pytest.raises(errors.GatewayUnavailable):
        pay.gateway(MCHID).query(number)

    assert pay.gateway(MCHID).query(number).state == "NOTPAY"


def test_the_reply_to_a_refund_means_accepted_only(wechat, receiver, paid):
    number = paid()
    gateway = pay.gateway(MCHID)
    wechat.post("behaviour", refund_delay=30)

    accepted = gateway.refund(**_refund_arguments(number, receiver))

    assert (accepted.status, accepted.amount_fen, accepted.success_at) == ("PROCESSING", 400, None)
    assert gateway.refund_query(f"R-{number}").status == "PROCESSING"
    assert gateway.query(number).state == "SUCCESS"


def test_one_refund_number_refunds_once(wechat, receiver, paid):
    number = paid()
    gateway = pay.gateway(MCHID)

    first = gateway.refund(**_refund_arguments(number, receiver))
    again = gateway.refund(**_refund_arguments(number, receiver))
    with pytest.raises(errors.GatewayRefused):
        gateway.refund(**_refund_arguments(number, receiver, amount_fen=500))
    wechat.drain()

    assert first.refund_id == again.refund_id
    assert [refund["amount"] for refund in wechat.get("refunds")] == [400]
    assert gateway.query(number).state == "REFUND"
    assert gateway.query(number).paid


def test_refunds_never_exceed_the_payment(wechat, receiver, paid):
    number = paid()
    gateway = pay.gateway(MCHID)
    gateway.refund(**_refund_arguments(number, receiver, amount_fen=600))

    with pytest.raises(errors.GatewayRefused) as refused:
        gateway.refund(
            **_refund_arguments(number, receiver, amount_fen=401, out_refund_no="SECOND")
        )
    gateway.refund(**_refund_arguments(number, receiver, amount_fen=400, out_refund_no="THIRD"))

    assert refused.value.gateway_code == "INVALID_REQUEST"
    assert sum(refund["amount"] for refund in wechat.get("refunds")) == 1000


def test_an_unpaid_order_and_a_wrong_total_cannot_be_refunded(wechat, receiver, prepay, paid):
    gateway = pay.gateway(MCHID)

    with pytest.raises(errors.GatewayRefused):
        gateway.refund(**_refund_arguments(prepay(), receiver))
    with pytest.raises(errors.GatewayRefused):
        gateway.refund(**_refund_arguments(paid(), receiver, total_fen=999))

    assert wechat.get("refunds") == []


def test_refunds_end_after_fifty_parts(wechat, receiver, paid):
    number = paid()
    gateway = pay.gateway(MCHID)
    for part in range(50):
        gateway.refund(
            **_refund_arguments(number, receiver, amount_fen=1, out_refund_no=f"PART-{part}")
        )

    with pytest.raises(errors.GatewayRefused):
        gateway.refund(**_refund_arguments(number, receiver, amount_fen=1, out_refund_no="PART-X"))

    assert len(wechat.get("refunds")) == 50


@pytest.mark.parametrize(("days", "accepted"), [(364, True), (366, False)])
def test_refunds_end_after_a_year(wechat, receiver, paid, days, accepted):
    number = paid()
    wechat.post("behaviour", clock_offset=days * 86400)

    if accepted:
        pay.gateway(MCHID).refund(**_refund_arguments(number, receiver))
    else:
        with pytest.raises(errors.GatewayRefused):
            pay.gateway(MCHID).refund(**_refund_arguments(number, receiver))

    assert len(wechat.get("refunds")) == int(accepted)


def test_an_abnormal_refund_says_so(wechat, receiver, paid):
    number = paid()
    wechat.post("behaviour", refund_result="ABNORMAL")

    pay.gateway(MCHID).refund(**_refund_arguments(number, receiver))
    wechat.drain()

    assert pay.gateway(MCHID).refund_query(f"R-{number}").status == "ABNORMAL"
    assert receiver.parsed().event_type == "REFUND.ABNORMAL"
    assert pay.gateway(MCHID).query(number).state == "SUCCESS"


def test_the_daily_bill_lists_payments_and_refunds_to_the_fen(wechat, receiver, paid):
    number = paid(amount_fen=123456)
    pay.gateway(MCHID).refund(**_refund_arguments(number, receiver, amount_fen=5, total_fen=123456))
    day = wechat.get("orders")[0]["paid_at"]
    date = datetime.fromtimestamp(day, UTC).astimezone(pay.SHANGHAI).date().isoformat()

    payment, refund = bill_read(mchid=MCHID, date=date)

    assert (payment.out_trade_no, payment.paid_fen, payment.refund_fen) == (number, 123456, 0)
    assert (refund.out_refund_no, refund.paid_fen, refund.refund_fen) == (f"R-{number}", 0, 5)
    assert refund.transaction_id == payment.transaction_id
    assert bill_read(mchid=SECOND_MCHID, date=date) == []
    assert bill_read(mchid=MCHID, date="2020-01-01") == []


def test_a_bill_that_does_not_add_up_is_refused():
    header = "交易时间,商户订单号,微信订单号,交易状态,订单金额,商户退款单号,微信退款单号,"
    header += "申请退款金额,退款状态"
    row = "`2026-11-22 10:00:00,`PAY1,`42,`SUCCESS,`10.00,`0,`0,`0.00,`"
    names = "总交易单数,应结订单总金额,退款总金额"

    assert bill_parse(f"{header}\n{row}\n{names}\n`1,`10.00,`0.00")[0].paid_fen == 1000
    with pytest.raises(errors.GatewayUnavailable):
        bill_parse(f"{header}\n{row}\n{names}\n`1,`10.01,`0.00")
    with pytest.raises(errors.GatewayUnavailable):
        bill_parse(f"{header}\n{names}\n`1,`10.00,`0.00")
