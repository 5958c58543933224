"""The dialog of a command for many rows, as staff use it."""

from mall.models import Order

ORDERS = "/admin/mall/order/"
BRANDS = "/admin/mall/brand/"
OFFERS = "/admin/mall/storeoffer/"


def choose(client, url, name, rows=(), across=False, query=""):
    """What the list's own form sends."""
    data = {"action": f"bulk-{name}", "_selected_action": [row.pk for row in rows], "index": 0}
    return client.post(f"{url}{query}", {**data, "select_across": "1" if across else "0"})


def confirm(client, dialog, reason="清理", **changes):
    """What the dialog's form sends."""
    context = dialog.context
    data = {"seen": context["seen"], "reason": reason, "select_across": "0"}
    if context["across"]:
        data["select_across"] = "1"
    else:
        data["_selected_action"] = context["pks"]
    return client.post(context["confirm"], {**data, **changes})


def states():
    return list(Order.objects.order_by("pk").values_list("state", flat=True))
