"""Callbacks of WeChat Pay: what is believed, what is not, and how unreliable they are."""

import json
import os
import signal
import subprocess
import sys
import time
from datetime import UTC, datetime, timedelta

import pytest
import requests

from config.kernel.wechat import errors, pay
from config.sandbox.wechat import FakeWechat
from config.sandbox.wechat.accounts import APPID, MCHID, SECOND_MCHID
from config.sandbox.wechat.callbacks import FORGERIES


def _parse(headers, body, *, mchid=MCHID, now=None):
    return pay.notification_parse(
        mchid=mchid, headers=headers, body=body, now=now or datetime.now(UTC)
    )


def test_a_payment_is_announced_signed_and_encrypted(wechat, shopper, receiver, paid):
    number = paid(amount_fen=1234)

    (headers, body), notification = receiver.got[0], receiver.parsed(0)

    assert number.encode() not in body
    assert headers["Wechatpay-Serial"].startswith("PUB_KEY_ID_")
    assert (notification.event_type, notification.mchid) == ("TRANSACTION.SUCCESS", MCHID)
    assert notification.raw == body
    trade = notification.trade()
    assert (trade.out_trade_no, trade.state, trade.amount_fen, trade.currency) == (
        number,
        "SUCCESS",
        1234,
        "CNY",
    )
    assert trade.openid == shopper["openids"][APPID]
    assert trade == pay.gateway(MCHID).query(number)


def test_headers_are_found_in_any_case(receiver, paid):
    paid()
    headers, body = receiver.got[0]

    lower = _parse({name.lower(): value for name, value in headers.items()}, body)

    assert lower.id == receiver.parsed(0).id


@pytest.mark.parametrize(
    "name",
    ["Wechatpay-Signature", "Wechatpay-Timestamp", "Wechatpay-Nonce", "Wechatpay-Serial"],
)
def test_a_changed_or_missing_header_is_refused(receiver, paid, name):
    paid()
    headers, body = receiver.got[0]
    value = headers[name]
    changed = str(int(value) - 1) if name.endswith("Timestamp") else "A" + value[2:] + "A"

    with pytest.raises(errors.NotificationInvalid) as refused:
        _parse(headers | {name: changed}, body)
    assert refused.value.code == "notification_invalid"
    with pytest.raises(errors.NotificationInvalid):
        _parse({k: v for k, v in headers.items() if k != name}, body)


def test_a_changed_body_is_refused(receiver, paid):
    paid()
    headers, body = receiver.got[0]

    for changed in (body.replace(b"SUCCESS", b"SUCCES5"), body + b" ", b"\xff" + body, b""):
        with pytest.raises(errors.NotificationInvalid):
            _parse(headers, changed)


@pytest.mark.parametrize(
    ("seconds", "believed"),
    [(-301, False), (-299, True), (299, True), (301, False), (86400, False)],
)
def test_a_callback_counts_for_five_minutes(receiver, paid, seconds, believed):
    paid()
    headers, body = receiver.got[0]
    signed_at = datetime.fromtimestamp(int(headers["Wechatpay-Timestamp"]), UTC)
    now = signed_at + timedelta(seconds=seconds)

    if believed:
        assert _parse(headers, body, now=now).mchid == MCHID
    else:
        with pytest.raises(errors.NotificationStale):
            _parse(headers, body, now=now)


@pytest.mark.parametrize(
    ("kind", "code"),
    [
        ("key", "notification_invalid"),
        ("serial", "notification_invalid"),
        ("body", "notification_invalid"),
        ("stale", "notification_stale"),
        ("probe", "notification_probe"),
    ],
)
def test_forged_callbacks_are_refused(wechat, receiver, paid, kind, code):
    number = paid()
    receiver.got.clear()

    wechat.post("forge", reference=number, kind=kind)

    with pytest.raises(errors.NotificationInvalid) as refused:
        receiver.parsed()
    assert refused.value.code == code


def test_a_callback_under_an_unknown_serial_makes_us_call_nobody(
    wechat, receiver, paid, monkeypatch
):
    number = paid()
    wechat.post("forge", reference=number, kind="serial")
    calls = []
    monkeypatch.setattr(requests, "get", lambda *a, **k: calls.append(a))

    with pytest.raises(errors.NotificationInvalid):
        receiver.parsed()

    assert calls == []


def test_a_callback_for_one_merchant_is_not_taken_for_another(receiver, paid):
    paid()
    headers, body = receiver.got[0]

    with pytest.raises(errors.NotificationInvalid):
        _parse(headers, body, mchid=SECOND_MCHID)
    with pytest.raises(errors.MerchantUnknown):
        _parse(headers, body, mchid="1999999999")


def test_merchants_that_share_a_key_are_still_told_apart(wechat, settings, receiver, paid):
    paid()
    headers, body = receiver.got[0]
    merchants = {SECOND_MCHID: wechat.config["merchants"][MCHID]}
    settings.WECHAT = wechat.config | {"merchants": merchants}

    with pytest.raises(errors.NotificationInvalid) as refused:
        _parse(headers, body, mchid=SECOND_MCHID)

    assert refused.value.code == "notification_invalid"


def test_a_wrong_apiv3_key_is_reported_as_unreadable(wechat, settings, receiver, paid):
    paid()
    entry = wechat.config["merchants"][MCHID] | {"apiv3_key": "0" * 32}
    settings.WECHAT = wechat.config | {"merchants": {MCHID: entry}}

    with pytest.raises(errors.NotificationUnreadable):
        receiver.parsed()


def test_duplicates_share_their_id_and_are_signed_anew(wechat, receiver, prepay):
    wechat.post("behaviour", duplicate=2)
    number = prepay()
    wechat.post("pay", out_trade_no=number)
    wechat.drain()

    assert len(receiver.got) == 3
    assert len({receiver.parsed(i).id for i in range(3)}) == 1
    assert len({headers["Wechatpay-Signature"] for headers, _ in receiver.got}) == 3


def test_a_callback_is_sent_again_until_it_is_received(wechat, receiver, prepay):
    wechat.post("behaviour", retry=[0, 0, 0])
    receiver.statuses = [500, 401]
    number = prepay()
    wechat.post("pay", out_trade_no=number)
    wechat.drain()

    assert len(receiver.got) == 3
    assert len({receiver.parsed(i).id for i in range(3)}) == 1
    assert [delivery["status"] for delivery in wechat.get("deliveries")] == [500, 401, 200]


def test_a_callback_nobody_takes_is_given_up(wechat, receiver, prepay):
    wechat.post("behaviour", retry=[0])
    receiver.statuses = [500] * 5
    number = prepay()
    wechat.post("pay", out_trade_no=number)
    wechat.drain()

    assert len(receiver.got) == 2
    assert wechat.get("callbacks")[0]["state"] == "failed"


def test_a_dropped_callback_leaves_the_truth_to_query_and_comes_when_asked(
    wechat, receiver, prepay
):
    wechat.post("behaviour", drop=True)
    number = prepay()
    wechat.post("pay", out_trade_no=number)
    wechat.drain()
    assert receiver.got == []
    assert pay.gateway(MCHID).query(number).paid

    wechat.post("redeliver", reference=number)
    wechat.drain()

    assert receiver.parsed().trade().out_trade_no == number


def test_a_delayed_callback_comes_late(wechat, receiver, prepay):
    wechat.post("behaviour", delay=0.3)
    started = time.monotonic()
    wechat.post("pay", out_trade_no=prepay())
    assert receiver.got == []
    wechat.drain()

    assert time.monotonic() - started >= 0.3
    assert len(receiver.got) == 1


def test_shuffled_callbacks_come_in_another_order(wechat, receiver, prepay):
    wechat.post("behaviour", shuffle=True)
    numbers = [prepay() for _ in range(3)]
    for number in numbers:
        wechat.post("pay", out_trade_no=number)
    wechat.drain()

    order = [receiver.parsed(i).trade().out_trade_no for i in range(3)]
    assert order == numbers[::-1]


def test_forgeries_may_come_before_the_truth(wechat, receiver, prepay):
    wechat.post("behaviour", forge=True)
    number = prepay()
    wechat.post("pay", out_trade_no=number)
    wechat.drain()

    assert len(receiver.got) == len(FORGERIES) + 1
    for index in range(len(FORGERIES)):
        with pytest.raises(errors.NotificationInvalid):
            receiver.parsed(index)
    assert receiver.parsed().trade().out_trade_no == number


def test_a_refund_is_announced_without_a_currency(wechat, receiver, paid):
    number = paid()
    pay.gateway(MCHID).refund(
        out_trade_no=number,
        out_refund_no="REFUND-1",
        amount_fen=400,
        total_fen=1000,
        reason="",
        notify_url=receiver.url,
    )
    wechat.drain()

    notification = receiver.parsed()
    refund = notification.refund()
    assert notification.event_type == "REFUND.SUCCESS"
    assert (refund.out_refund_no, refund.status) == ("REFUND-1", "SUCCESS")
    assert (refund.amount_fen, refund.total_fen) == (400, 1000)
    assert "currency" not in notification.resource["amount"]
    with pytest.raises(errors.NotificationUnreadable):
        notification.trade()


def test_a_killed_wechat_remembers_orders_and_callbacks(settings, tmp_path, receiver):
    # given a fake in its own process, with a paid order whose callback still waits
    process = subprocess.Popen(
        [sys.executable, "-m", "config.sandbox.wechat", "--port", "0", "--data-dir", tmp_path],
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert process.stdout is not None
        base_url = process.stdout.readline().split()[3].rstrip(",")
        settings.WECHAT = json.loads((tmp_path / "wechat.json").read_text("utf-8"))
        settings.GATEWAY_SLOTS = 2
        settings.GATEWAY_TIMEOUT_SECONDS = 4
        http = requests.Session()
        http.trust_env = False
        control = f"{base_url}_control/"
        user = http.post(control + "users", json={"name": "xiaoming"}).json()
        http.post(control + "behaviour", json={"delay": 1.5}).raise_for_status()
        pay.gateway(MCHID).prepay_jsapi(
            appid=APPID,
            out_trade_no="SURVIVOR",
            amount_fen=1000,
            description="白茶",
            openid=user["openids"][APPID],
            notify_url=receiver.url,
            expires_at=datetime.now(UTC) + timedelta(minutes=15),
        )
        http.post(control + "pay", json={"out_trade_no": "SURVIVOR"}).raise_for_status()
    finally:
        os.kill(process.pid, signal.SIGKILL)
        process.wait()
    assert receiver.got == []

    # when it starts again on another port
    with FakeWechat(tmp_path) as again:
        settings.WECHAT = json.loads((tmp_path / "wechat.json").read_text("utf-8"))
        assert settings.WECHAT["pay_base"] == again.base_url
        again.drain()

        # then nothing is forgotten
        assert pay.gateway(MCHID).query("SURVIVOR").paid
        assert receiver.parsed().trade().out_trade_no == "SURVIVOR"
