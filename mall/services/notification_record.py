"""A verified message of the gateway is kept as it came, once per id."""

from datetime import datetime

from config.kernel.wechat.pay import Notification as GatewayNotification
from mall.models import Notification


def notification_record(*, notification: GatewayNotification, now: datetime) -> Notification:
    """The row of this notification id; a concurrent twin waits here for the first's commit."""
    return Notification.objects.get_or_create(
        gateway_id=notification.id,
        defaults={
            "mchid": notification.mchid,
            "event_type": notification.event_type,
            "resource": notification.resource,
            "received_at": now,
        },
    )[0]
