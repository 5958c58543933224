"""The pages of the product editor, as a merchandiser uses them."""

import re

from django.urls import reverse

from config.kernel.models import Event


def url(name, *args):
    return reverse(f"admin:mall_product_{name}", args=args)


def changes():
    events = Event.objects.filter(kind="kernel.reference_changed").order_by("pk")
    return [(e.subject_type, e.payload["change"]) for e in events]


def sent(page) -> dict:
    """What the browser would send back of a page's form, untouched."""
    html = page.content.decode()
    data: dict[str, list[str]] = {}
    for tag in re.findall(r"<input[^>]+>", html):
        attrs = dict(re.findall(r'(\w+)="([^"]*)"', tag))
        if "name" not in attrs or attrs.get("type") in ("file", "submit"):
            continue
        if attrs.get("type") == "checkbox" and " checked" not in tag:
            continue
        value = attrs.get("value", "").replace("&quot;", '"').replace("&amp;", "&")
        data.setdefault(attrs["name"], []).append(value)
    for name, text in re.findall(r'<textarea name="(\w+)"[^>]*>\n?([^<]*)<', html):
        data.setdefault(name, []).append(text)
    data.pop("csrfmiddlewaretoken", None)
    return data
