"""The client of api.weixin.qq.com against the fake: every trap that the documentation warns of."""

import logging
import threading
import time
from datetime import UTC, datetime

import httpx
import pytest

from config.kernel.wechat import api, errors
from config.sandbox.wechat.accounts import APPID, MCHID, SECOND_APPID


def test_login_code_names_the_openid_and_the_unionid(wechat, shopper):
    code = wechat.post("js_code", appid=APPID, user="xiaoming")["js_code"]

    session = api.code_to_session(appid=APPID, code=code)

    assert session == api.Session(openid=shopper["openids"][APPID], unionid=shopper["unionid"])
    assert "session_key" not in repr(session)


def test_second_miniprogram_has_another_openid_and_the_same_unionid(wechat, shopper):
    sessions = [
        api.code_to_session(
            appid=appid, code=wechat.post("js_code", appid=appid, user="xiaoming")["js_code"]
        )
        for appid in (APPID, SECOND_APPID)
    ]

    assert sessions[0].openid != sessions[1].openid
    assert sessions[0].unionid == sessions[1].unionid == shopper["unionid"]


def test_login_code_works_once(wechat, shopper):
    code = wechat.post("js_code", appid=APPID, user="xiaoming")["js_code"]
    api.code_to_session(appid=APPID, code=code)

    with pytest.raises(errors.WechatCodeInvalid) as refused:
        api.code_to_session(appid=APPID, code=code)

    assert refused.value.code == "wechat_code_invalid"
    assert refused.value.errcode == 40163


@pytest.mark.parametrize(("seconds", "valid"), [(299, True), (301, False)])
def test_login_code_lives_five_minutes(wechat, shopper, seconds, valid):
    code = wechat.post("js_code", appid=APPID, user="xiaoming")["js_code"]
    wechat.post("behaviour", clock_offset=seconds)

    if valid:
        assert api.code_to_session(appid=APPID, code=code).openid == shopper["openids"][APPID]
    else:
        with pytest.raises(errors.WechatCodeInvalid):
            api.code_to_session(appid=APPID, code=code)


def test_login_code_belongs_to_its_miniprogram(wechat, shopper):
    code = wechat.post("js_code", appid=APPID, user="xiaoming")["js_code"]

    with pytest.raises(errors.WechatCodeInvalid):
        api.code_to_session(appid=SECOND_APPID, code=code)


def test_phone_code_is_not_a_login_code(wechat, shopper):
    login = wechat.post("js_code", appid=APPID, user="xiaoming")["js_code"]
    phone = wechat.post("phone_code", appid=APPID, user="xiaoming")["code"]

    with pytest.raises(errors.WechatCodeInvalid):
        api.phone_number(appid=APPID, code=login)
    assert api.phone_number(appid=APPID, code=phone) == "+8613800138000"
    with pytest.raises(errors.WechatCodeInvalid):
        api.phone_number(appid=APPID, code=phone)


def test_risky_user_is_blocked(wechat, shopper):
    code = wechat.post("js_code", appid=APPID, user="xiaoming", blocked=True)["js_code"]

    with pytest.raises(errors.WechatUserBlocked):
        api.code_to_session(appid=APPID, code=code)


@pytest.mark.parametrize(
    ("errcode", "expected"),
    [
        (-1, "wechat_busy"),
        (45011, "wechat_busy"),
        (40125, "wechat_misconfigured"),
        (99999, "wechat_refused"),
    ],
)
def test_errcodes_have_stable_codes(wechat, errcode, expected):
    wechat.post("behaviour", error={"errcode": errcode})

    with pytest.raises(errors.WechatError) as refused:
        api.code_to_session(appid=APPID, code="any")

    assert (refused.value.code, refused.value.errcode) == (expected, errcode)


def test_wrong_secret_is_a_matter_of_configuration(wechat, settings):
    programs = {APPID: {"secret": "wrong", "name": "商城"}}
    settings.WECHAT = wechat.config | {"miniprograms": programs}

    with pytest.raises(errors.WechatMisconfigured):
        api.code_to_session(appid=APPID, code="any")
    with pytest.raises(errors.WechatMisconfigured):
        api.code_to_session(appid="wx-unknown", code="any")


def test_hanging_wechat_is_given_up_in_time(wechat, settings):
    settings.GATEWAY_TIMEOUT_SECONDS = 0.4
    wechat.post("behaviour", hang=3)

    started = time.monotonic()
    with pytest.raises(errors.WechatUnavailable):
        api.code_to_session(appid=APPID, code="any")

    assert time.monotonic() - started < 1


def test_unreachable_wechat_is_unavailable(wechat, settings):
    settings.WECHAT = wechat.config | {"api_base": "http://127.0.0.1:1/"}

    with pytest.raises(errors.WechatUnavailable):
        api.code_to_session(appid=APPID, code="any")


def test_body_is_utf8_whatever_its_content_type_says(wechat):
    # text/plain without a charset would be Latin-1 by the letter of HTTP
    wechat.post("behaviour", error={"errcode": 0, "errmsg": "好"})

    assert api._call("GET", "sns/jscode2session")["errmsg"] == "好"


def test_secrets_and_tokens_stay_out_of_the_log(wechat, shopper, caplog):
    caplog.set_level(logging.DEBUG)
    code = wechat.post("phone_code", appid=APPID, user="xiaoming")["code"]
    api.phone_number(appid=APPID, code=code)
    login = wechat.post("js_code", appid=APPID, user="xiaoming")["js_code"]
    api.code_to_session(appid=APPID, code=login)

    for secret in (wechat.config["miniprograms"][APPID]["secret"], api.access_token(APPID), login):
        assert secret not in caplog.text


def test_concurrent_callers_fetch_one_token(wechat, monkeypatch):
    fetches = []
    fetch = api._token_fetch

    def slow_fetch(appid, key):
        fetches.append(appid)
        time.sleep(0.1)
        return fetch(appid, key)

    monkeypatch.setattr(api, "_token_fetch", slow_fetch)
    tokens: list[str] = []
    threads = [
        threading.Thread(target=lambda: tokens.append(api.access_token(APPID))) for _ in range(6)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert fetches == [APPID]
    assert len(tokens) == 6
    assert len(set(tokens)) == 1


def test_a_token_that_was_revoked_is_renewed_once(wechat, shopper):
    old = api.access_token(APPID)
    httpx.post(
        wechat.base_url + "cgi-bin/stable_token",
        json={
            "grant_type": "client_credential",
            "appid": APPID,
            "secret": wechat.config["miniprograms"][APPID]["secret"],
            "force_refresh": True,
        },
        trust_env=False,
    )

    code = wechat.post("phone_code", appid=APPID, user="xiaoming")["code"]

    assert api.phone_number(appid=APPID, code=code) == "+8613800138000"
    assert api.access_token(APPID) != old


def test_miniprogram_code_carries_page_and_scene(wechat):
    png = api.miniprogram_code(appid=APPID, scene="t=K3X9", page="pages/product/index")

    assert png.startswith(b"\x89PNG\r\n")
    made = wechat.get("codes")[0]
    assert (made["scene"], made["page"]) == ("t=K3X9", "pages/product/index")


@pytest.mark.parametrize("scene", ["", "x" * 33, "中文", "a b", "a%20"])
def test_scene_outside_the_rules_is_refused_by_us_and_by_wechat(wechat, scene):
    with pytest.raises(ValueError, match="scene"):
        api.miniprogram_code(appid=APPID, scene=scene, page="pages/index")
    body = {"scene": scene, "page": "pages/index"}
    with pytest.raises(errors.WechatError) as refused:
        api._call_authorised(APPID, "wxa/getwxacodeunlimit", body, binary=True)

    assert refused.value.errcode == 40169
    assert wechat.get("codes") == []


def test_one_accepted_prompt_buys_one_message(wechat, shopper):
    openid = shopper["openids"][APPID]
    message = {
        "appid": APPID,
        "openid": openid,
        "template": "pickup_ready",
        "data": {"thing1": "人民广场店", "character_string2": "SO12345"},
    }

    with pytest.raises(errors.WechatNotSubscribed):
        api.subscribe_send(**message)
    wechat.post("subscribe", appid=APPID, user="xiaoming", template="pickup_ready")
    api.subscribe_send(**message)
    with pytest.raises(errors.WechatNotSubscribed):
        api.subscribe_send(**message)

    sent = wechat.get("messages")
    assert [m["openid"] for m in sent] == [openid]
    assert sent[0]["data"]["thing1"] == {"value": "人民广场店"}


def test_a_long_thing_is_shortened_and_bad_data_costs_no_credit(wechat, shopper):
    wechat.post("subscribe", appid=APPID, user="xiaoming", template="order_paid")
    openid = shopper["openids"][APPID]

    with pytest.raises(errors.WechatMessageInvalid):
        api.subscribe_send(
            appid=APPID, openid=openid, template="order_paid", data={"amount1": "十元"}
        )
    api.subscribe_send(
        appid=APPID,
        openid=openid,
        template="order_paid",
        data={"thing1": "一二三四五六七八九十" * 2 + "一", "amount2": "¥10.00"},
    )

    (message,) = wechat.get("messages")
    assert message["data"]["thing1"]["value"] == "一二三四五六七八九十一二三四五六七八九…"


@pytest.mark.parametrize(
    ("content", "suggest"), [("很好喝", "pass"), ("有点可疑", "review"), ("违禁品", "risky")]
)
def test_text_check_gives_a_verdict(wechat, shopper, content, suggest):
    verdict = api.msg_sec_check(
        appid=APPID, openid=shopper["openids"][APPID], scene=2, content=content
    )

    assert verdict.suggest == suggest


def test_pickup_is_reported_as_shipping_until_it_cannot_change(wechat, shopper, paid):
    number = paid()
    report = {
        "appid": APPID,
        "mchid": MCHID,
        "out_trade_no": number,
        "openid": shopper["openids"][APPID],
        "logistics_type": 4,
        "item_desc": "白茶 50g",
        "now": datetime.now(UTC),
    }

    api.upload_shipping_info(**report)
    api.upload_shipping_info(**report)
    with pytest.raises(errors.WechatShippingDone):
        api.upload_shipping_info(**report)

    (shipped,) = wechat.get("shipping")
    assert shipped["body"]["logistics_type"] == 4
    assert shipped["body"]["shipping_list"] == [{"item_desc": "白茶 50g"}]


def test_shipping_of_an_unpaid_order_is_refused(wechat, shopper, prepay):
    with pytest.raises(errors.WechatError) as refused:
        api.upload_shipping_info(
            appid=APPID,
            mchid=MCHID,
            out_trade_no=prepay(),
            openid=shopper["openids"][APPID],
            logistics_type=4,
            item_desc="白茶",
            now=datetime.now(UTC),
        )

    assert refused.value.errcode == 10060001
    assert wechat.get("shipping") == []
