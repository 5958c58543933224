"""What can go wrong between us and WeChat, with stable codes."""

from django.utils.translation import gettext_lazy as _

from config.kernel.errors import DomainError


class WechatError(DomainError):
    """An answer of api.weixin.qq.com that is not a success; ``errcode`` is WeChat's."""

    code = "wechat_refused"
    status = 502
    message = _("WeChat refused the request.")

    def __init__(self, errcode: int | None = None) -> None:
        super().__init__()
        self.errcode = errcode


class WechatCodeInvalid(WechatError):
    code = "wechat_code_invalid"
    status = 400
    message = _("The WeChat code is wrong, used or too old. Ask WeChat for a new one.")


class WechatUserBlocked(WechatError):
    code = "wechat_user_blocked"
    status = 403
    message = _("WeChat has blocked this user as risky.")


class WechatBusy(WechatError):
    """Too many calls, or a system that asks to be left alone for a moment."""

    code = "wechat_busy"
    status = 503
    message = _("WeChat is busy. Try again in a moment.")


class WechatUnavailable(WechatError):
    """No answer, or none that makes sense. What was asked may or may not have happened."""

    code = "wechat_unavailable"
    status = 503
    message = _("WeChat does not answer. Try again in a moment.")


class WechatMisconfigured(WechatError):
    """A wrong appid, secret, template or page: nothing a shopper can repair."""

    code = "wechat_misconfigured"
    status = 502
    message = _("The connection to WeChat is not set up correctly.")


class WechatNotSubscribed(WechatError):
    code = "wechat_not_subscribed"
    status = 409
    message = _("The user has not agreed to this message.")


class WechatMessageInvalid(WechatError):
    code = "wechat_message_invalid"
    status = 422
    message = _("WeChat does not accept the content of the message.")


class WechatShippingDone(WechatError):
    """The shipping of this payment was uploaded before and cannot be changed any more."""

    code = "wechat_shipping_done"
    status = 409
    message = _("The shipping has been reported to WeChat already.")


class GatewayBusy(DomainError):
    """Every slot for gateway calls is taken, or WeChat Pay limits us; nothing was done."""

    code = "gateway_busy"
    status = 503
    message = _("Payments are busy. Try again in a moment.")


class GatewayUnavailable(DomainError):
    """No answer, a broken one or a server error: what was asked may have happened.

    Query before doing anything under another number.
    """

    code = "gateway_unavailable"
    status = 503
    message = _("The payment service does not answer. Try again in a moment.")


class GatewayRefused(DomainError):
    """WeChat Pay answered no; ``gateway_code`` is its word for why, such as PARAM_ERROR."""

    code = "gateway_refused"
    status = 502
    message = _("The payment service refused the request.")

    def __init__(self, gateway_code: str = "", gateway_message: str = "") -> None:
        super().__init__()
        self.gateway_code = gateway_code
        self.gateway_message = gateway_message


class GatewayMisconfigured(DomainError):
    """Our signature or rights were refused, so nothing was decided about what was asked.

    Not a GatewayRefused: a refund must wait for the repair and not be given up.
    """

    code = "gateway_misconfigured"
    status = 502
    message = _("The connection to the payment service is not set up correctly.")

    def __init__(self, gateway_code: str = "", gateway_message: str = "") -> None:
        super().__init__()
        self.gateway_code = gateway_code
        self.gateway_message = gateway_message


class GatewayOrderMissing(GatewayRefused):
    """No such order or refund at WeChat Pay: it was never created there."""

    code = "gateway_order_missing"
    status = 404
    message = _("The payment service does not know this order.")


class GatewayOrderPaid(GatewayRefused):
    code = "gateway_order_paid"
    status = 409
    message = _("This order has been paid already.")


class GatewayOrderClosed(GatewayRefused):
    code = "gateway_order_closed"
    status = 409
    message = _("The time to pay this order is over.")


class GatewayNumberUsed(GatewayRefused):
    code = "gateway_number_used"
    status = 409
    message = _("This payment number has been used for something else.")


class GatewayUserPaying(GatewayRefused):
    """A payment code whose owner is typing the password; query until it is decided."""

    code = "gateway_user_paying"
    status = 409
    message = _("The customer is confirming the payment.")


class MerchantUnknown(DomainError):
    code = "merchant_unknown"
    status = 404
    message = _("There is no such merchant.")


class NotificationInvalid(DomainError):
    """A callback that WeChat Pay cannot have sent to this merchant."""

    code = "notification_invalid"
    status = 401
    message = _("The notification is not authentic.")


class NotificationStale(NotificationInvalid):
    """Signed more than five minutes from now: a replay, or a clock that is wrong."""

    code = "notification_stale"
    message = _("The notification is too old.")


class NotificationProbe(NotificationInvalid):
    """WeChat Pay's own test of whether we look at signatures."""

    code = "notification_probe"
    message = _("The notification is a test signature.")


class NotificationUnreadable(NotificationInvalid):
    """Signed by WeChat Pay, and yet not to be understood: often a wrong APIv3 key."""

    code = "notification_unreadable"
    status = 400
    message = _("The notification cannot be read.")
