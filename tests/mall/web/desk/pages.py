"""The desk's pages, as somebody with a phone uses them."""

from django.urls import reverse

from stores.models import Pickup

QUEUE = reverse("desk:queue")
SCAN = reverse("desk:scan")


def pickup_of(order):
    return Pickup.objects.get(order_no=order.no)


def mark_ready(client, order, **extra):
    return client.post(reverse("desk:ready", args=[order.no]), **extra)


def scan(client, code, **extra):
    return client.post(SCAN, {"code": code}, **extra)
