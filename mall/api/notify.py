"""Where WeChat Pay calls back. Only what is signed for the merchant in the path is believed."""

from typing import ClassVar

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.permissions import AllowAny
from rest_framework.response import Response
from rest_framework.views import APIView

from config.kernel import clock
from config.kernel.errors import DomainError
from config.kernel.wechat.pay import notification_parse
from mall.api import examples as ex
from mall.api.serializers import NotifyOutput
from mall.services.payment_apply import payment_notify
from mall.services.refund_send import refund_notify


class NotifyInput(serializers.Serializer):
    """The signed envelope; its resource is encrypted."""

    id = serializers.CharField()
    event_type = serializers.CharField()
    resource = serializers.DictField()


class NotifyView(APIView):
    authentication_classes: list[type] = []
    permission_classes = [AllowAny]
    throttle_classes: list[type] = []
    service = staticmethod(payment_notify)

    def post(self, request, mchid: str):
        now = clock.now()
        try:
            notification = notification_parse(
                mchid=mchid, headers=request.headers, body=request._request.body, now=now
            )
            self.service(notification=notification, now=now)
        except DomainError as error:
            status = error.status if error.status >= 400 else 400
            return Response({"code": "FAIL", "message": error.code}, status=status)
        return Response({"code": "SUCCESS", "message": "OK"})


@extend_schema(tags=["wechat"], request=NotifyInput, responses=NotifyOutput)
class PaymentNotifyView(NotifyView):
    """A payment's callback. Applied once, however often it comes; WeChat Pay alone can sign it,
    so there is nothing here for a client."""

    examples: ClassVar = {"POST": ex.NOTIFIED}
    operations: ClassVar = {"POST": "wechat_payment_notify"}


@extend_schema(tags=["wechat"], request=NotifyInput, responses=NotifyOutput)
class RefundNotifyView(NotifyView):
    """A refund's callback. Like that of a payment."""

    examples: ClassVar = {"POST": ex.NOTIFIED}
    operations: ClassVar = {"POST": "wechat_refund_notify"}

    service = staticmethod(refund_notify)
