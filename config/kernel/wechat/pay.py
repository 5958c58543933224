"""WeChat Pay v3 behind a gateway of ours.

``wechatpayv3`` signs, verifies and decrypts. Ours are the base address, the time limits, the
bounded share of threads, typed results and errors, and what the SDK leaves to its user: a
callback's age, its merchant, and serials it has never heard of (the SDK would ask WeChat for a
certificate, so anyone could make us call out).
"""

import json
import secrets
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, TypeVar

import requests
from django.conf import settings
from wechatpayv3 import SignType, WeChatPay, WeChatPayType
from wechatpayv3.utils import aes_decrypt, load_public_key, rsa_verify

from config.kernel.clock import SHANGHAI

from . import errors
from .facts import RefundFact, Trade, refund_read, trade_read
from .slots import gateway_slot, on_loopback, timeouts

T = TypeVar("T")
NOTIFICATION_WINDOW = timedelta(minutes=5)
_SIGNATURE_TYPE = "WECHATPAY2-SHA256-RSA2048"
_PROBE = "WECHATPAY/SIGNTEST/"
_MISCONFIGURED = {"SIGN_ERROR", "NO_AUTH", "MCH_NOT_EXISTS", "APPID_MCHID_NOT_MATCH"}
_REFUSALS: dict[str, type[errors.GatewayRefused]] = {
    "ORDER_NOT_EXIST": errors.GatewayOrderMissing,
    "RESOURCE_NOT_EXISTS": errors.GatewayOrderMissing,
    "ORDERPAID": errors.GatewayOrderPaid,
    "ORDER_CLOSED": errors.GatewayOrderClosed,
    "OUT_TRADE_NO_USED": errors.GatewayNumberUsed,
    "USERPAYING": errors.GatewayUserPaying,
}


@dataclass(frozen=True, slots=True)
class Notification:
    """A callback that WeChat Pay signed for this merchant within the last five minutes.

    ``id`` stays the same when it is sent again. ``resource`` is decrypted; ``raw`` is the body as
    it came.
    """

    id: str
    event_type: str
    mchid: str
    resource: dict[str, Any]
    raw: bytes = field(repr=False)

    def trade(self) -> Trade:
        """The resource of a ``TRANSACTION.*`` event; raises NotificationUnreadable."""
        return _readable(trade_read, self.resource)

    def refund(self) -> RefundFact:
        """The resource of a ``REFUND.*`` event; raises NotificationUnreadable."""
        return _readable(refund_read, self.resource)


class PayGateway:
    """One merchant's WeChat Pay. Get it from :func:`gateway`.

    Every call raises GatewayBusy or GatewayMisconfigured (nothing happened, try again later),
    GatewayUnavailable (it may have happened) or GatewayRefused and its subclasses (it did not
    happen now; the subclass says what holds).
    """

    def __init__(self, mchid: str, entry: Mapping[str, Any], base_url: str) -> None:
        self.mchid = mchid
        self._apiv3_key: str = entry["apiv3_key"]
        self._key_id: str = entry["wechatpay_public_key_id"]
        self._public_key = load_public_key(entry["wechatpay_public_key"])
        self._sdk = WeChatPay(
            wechatpay_type=WeChatPayType.MINIPROG,
            mchid=mchid,
            private_key=entry["private_key"],
            cert_serial_no=entry["serial_no"],
            appid=entry["appids"][0],
            apiv3_key=entry["apiv3_key"],
            public_key=entry["wechatpay_public_key"],
            public_key_id=entry["wechatpay_public_key_id"],
            # An empty proxy overrides the environment's, which cannot reach loopback.
            proxy={"http": "", "https": ""} if on_loopback(base_url) else None,
        )
        self._sdk._core._gate_way = base_url.rstrip("/")
        # A serial that is not ours would make the SDK fetch certificates: a second call that
        # nobody asked for. In public-key mode there are none to fetch.
        self._sdk._core._update_certificates = lambda: None

    def prepay_jsapi(
        self,
        *,
        appid: str,
        out_trade_no: str,
        amount_fen: int,
        description: str,
        openid: str,
        notify_url: str,
        expires_at: datetime,
    ) -> dict[str, str]:
        """What ``wx.requestPayment`` takes. Repeating a call with the same facts is harmless.

        Raises GatewayOrderPaid, GatewayOrderClosed, GatewayNumberUsed beside the usual.
        """
        answer = self._call(
            self._sdk.pay,
            pay_type=WeChatPayType.JSAPI,
            appid=appid,
            out_trade_no=out_trade_no,
            description=description[:127],
            amount={"total": amount_fen, "currency": "CNY"},
            payer={"openid": openid},
            notify_url=notify_url,
            time_expire=_rfc3339(expires_at),
        )
        package = f"prepay_id={_field(answer, 'prepay_id')}"
        timestamp, nonce = str(int(time.time())), secrets.token_hex(16)
        return {
            "timeStamp": timestamp,
            "nonceStr": nonce,
            "package": package,
            "signType": "RSA",
            "paySign": self._sdk.sign([appid, timestamp, nonce, package], SignType.RSA_SHA256),
        }

    def prepay_native(
        self,
        *,
        appid: str,
        out_trade_no: str,
        amount_fen: int,
        description: str,
        notify_url: str,
        expires_at: datetime,
    ) -> str:
        """The ``weixin://`` address to show as a QR code."""
        answer = self._call(
            self._sdk.pay,
            pay_type=WeChatPayType.NATIVE,
            appid=appid,
            out_trade_no=out_trade_no,
            description=description[:127],
            amount={"total": amount_fen, "currency": "CNY"},
            notify_url=notify_url,
            time_expire=_rfc3339(expires_at),
        )
        return _field(answer, "code_url")

    def pay_code(
        self,
        *,
        appid: str,
        out_trade_no: str,
        amount_fen: int,
        description: str,
        auth_code: str,
        store_no: str,
    ) -> Trade:
        """Take money from a payment code (18 digits) shown at a till; there is no callback.

        GatewayUserPaying: query until it is decided. GatewayUnavailable: query, then ``reverse``.
        """
        answer = self._call(
            self._sdk.pay,
            pay_type=WeChatPayType.CODEPAY,
            appid=appid,
            out_trade_no=out_trade_no,
            description=description[:127],
            amount={"total": amount_fen, "currency": "CNY"},
            payer={"auth_code": auth_code},
            scene_info={"store_info": {"out_id": store_no}},
        )
        return _answered(trade_read, answer)

    def reverse(self, out_trade_no: str, *, appid: str) -> None:
        """Undo a payment by code, whatever became of it."""
        self._call(self._sdk.codepay_reverse, out_trade_no=out_trade_no, appid=appid)

    def query(self, out_trade_no: str) -> Trade:
        """The truth about a payment; raises GatewayOrderMissing when it was never created."""
        trade = _answered(trade_read, self._call(self._sdk.query, out_trade_no=out_trade_no))
        if trade.mchid != self.mchid or trade.out_trade_no != out_trade_no:
            raise errors.GatewayUnavailable
        return trade

    def close(self, out_trade_no: str) -> None:
        """Make a payment impossible; closing twice is harmless. Raises GatewayOrderPaid."""
        self._call(self._sdk.close, out_trade_no=out_trade_no)

    def refund(
        self,
        *,
        out_trade_no: str,
        out_refund_no: str,
        amount_fen: int,
        total_fen: int,
        reason: str,
        notify_url: str,
    ) -> RefundFact:
        """Ask for ``amount_fen`` of a payment of ``total_fen`` back. The reply means accepted only.

        The same ``out_refund_no`` refunds once, however often it is sent. WeChat takes up to 50
        refunds per payment, within 365 days.
        """
        answer = self._call(
            self._sdk.refund,
            out_trade_no=out_trade_no,
            out_refund_no=out_refund_no,
            amount={"refund": amount_fen, "total": total_fen, "currency": "CNY"},
            reason=reason[:80] or None,
            notify_url=notify_url,
        )
        return _answered(refund_read, answer)

    def refund_query(self, out_refund_no: str) -> RefundFact:
        """The truth about a refund; raises GatewayOrderMissing when it never arrived."""
        return _answered(
            refund_read, self._call(self._sdk.query_refund, out_refund_no=out_refund_no)
        )

    def bill_fetch(self, date: str) -> tuple[bytes, str]:
        """The gzipped bill of a day (``2026-11-22``, Chinese time) and the SHA-1 of its text."""
        answer = self._call(self._sdk.trade_bill, bill_date=date)
        content = self._call(self._sdk.download_bill, url=_field(answer, "download_url"))
        if not isinstance(content, bytes):
            raise errors.GatewayUnavailable
        return content, _field(answer, "hash_value")

    def notification_parse(
        self, *, headers: Mapping[str, str], body: bytes, now: datetime
    ) -> Notification:
        """Believe a callback or raise NotificationInvalid (or a subclass that says why)."""
        lowered = {name.lower(): value for name, value in headers.items()}
        signature = lowered.get("wechatpay-signature", "")
        if signature.startswith(_PROBE):
            raise errors.NotificationProbe
        if (
            lowered.get("wechatpay-signature-type", _SIGNATURE_TYPE) != _SIGNATURE_TYPE
            or lowered.get("wechatpay-serial") != self._key_id
        ):
            raise errors.NotificationInvalid
        timestamp, nonce = lowered.get("wechatpay-timestamp", ""), lowered.get("wechatpay-nonce")
        if not (timestamp.isascii() and timestamp.isdigit() and len(timestamp) <= 12):
            raise errors.NotificationInvalid
        if abs(now.timestamp() - int(timestamp)) > NOTIFICATION_WINDOW.total_seconds():
            raise errors.NotificationStale
        try:
            text = body.decode("utf-8")
        except UnicodeDecodeError:
            raise errors.NotificationInvalid from None
        if not rsa_verify(timestamp, nonce, text, signature, self._public_key):
            raise errors.NotificationInvalid
        return self._notification_read(text, body)

    def _notification_read(self, text: str, body: bytes) -> Notification:
        try:
            envelope = json.loads(text)
            sealed = envelope["resource"]
            if sealed["algorithm"] != "AEAD_AES_256_GCM":
                raise errors.NotificationUnreadable
            plain = aes_decrypt(
                nonce=sealed["nonce"],
                ciphertext=sealed["ciphertext"],
                associated_data=sealed.get("associated_data") or "",
                apiv3_key=self._apiv3_key,
            )
            if plain is None:
                raise errors.NotificationUnreadable
            resource = json.loads(plain)
            notification = Notification(
                id=envelope["id"],
                event_type=envelope["event_type"],
                mchid=resource["mchid"],
                resource=resource,
                raw=body,
            )
        except (ValueError, KeyError, TypeError, AttributeError):
            raise errors.NotificationUnreadable from None
        if notification.mchid != self.mchid:
            raise errors.NotificationInvalid
        return notification

    def _call(self, method: Callable[..., tuple[int, Any]], **arguments: Any) -> Any:
        """The answer of one SDK call, decoded; None when it has no content."""
        with gateway_slot():
            self._sdk._core._timeout = timeouts()
            try:
                status, content = method(**arguments)
            except requests.RequestException:
                raise errors.GatewayUnavailable from None
            except Exception as error:
                # The SDK raises nothing narrower when an answer's signature does not verify; what
                # was asked may have happened.
                raise errors.GatewayUnavailable from error
        if status == 204:
            return None
        if status == 200 and isinstance(content, bytes):
            return content
        try:
            answer = json.loads(content)
            code, text = str(answer.get("code", "")), str(answer.get("message", ""))
        except (ValueError, AttributeError):
            raise errors.GatewayUnavailable from None
        if status >= 500:
            raise errors.GatewayUnavailable
        if status == 429:
            raise errors.GatewayBusy
        if code in _MISCONFIGURED:
            raise errors.GatewayMisconfigured(code, text)
        if status >= 300:
            raise _REFUSALS.get(code, errors.GatewayRefused)(code, text)
        return answer


_gateways: dict[tuple[str, int], PayGateway] = {}
_gateways_guard = threading.Lock()


def gateway(mchid: str) -> PayGateway:
    """The gateway of a merchant of settings.WECHAT; raises MerchantUnknown."""
    entry = settings.WECHAT["merchants"].get(mchid)
    if entry is None:
        raise errors.MerchantUnknown
    base_url = settings.WECHAT["pay_base"]
    # Loading keys costs milliseconds, so gateways are kept; other settings make another one.
    facts = (mchid, hash((base_url, *sorted((k, str(v)) for k, v in entry.items()))))
    with _gateways_guard:
        if facts not in _gateways:
            _gateways[facts] = PayGateway(mchid, entry, base_url)
        return _gateways[facts]


def notification_parse(
    *, mchid: str, headers: Mapping[str, str], body: bytes, now: datetime
) -> Notification:
    """Believe a callback sent to ``mchid``'s notify address, or raise NotificationInvalid.

    Also raises MerchantUnknown. What it tells must still be matched against what was asked:
    out_trade_no, amount and currency.
    """
    return gateway(mchid).notification_parse(headers=headers, body=body, now=now)


def _answered(read: Callable[[dict[str, Any]], T], document: Any) -> T:
    try:
        return read(document)
    except (KeyError, TypeError, ValueError, AttributeError):
        raise errors.GatewayUnavailable from None


def _readable(read: Callable[[dict[str, Any]], T], document: dict[str, Any]) -> T:
    try:
        return read(document)
    except (KeyError, TypeError, ValueError, AttributeError):
        raise errors.NotificationUnreadable from None


def _field(answer: Any, name: str) -> str:
    value = answer.get(name) if isinstance(answer, dict) else None
    if not isinstance(value, str) or not value:
        raise errors.GatewayUnavailable
    return value


def _rfc3339(moment: datetime) -> str:
    return moment.astimezone(SHANGHAI).isoformat(timespec="seconds")
