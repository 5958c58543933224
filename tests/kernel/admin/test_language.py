"""No page of the operations site shows a name in English to a Chinese reader."""

import re

import pytest
from django.contrib import admin
from django.urls import reverse

from tests.factories import make_user, staff_client
from tests.kernel.admin.world import Sale

pytestmark = [pytest.mark.django_db, pytest.mark.corrupts]

# The switch of language calls each language by its own name.
OWN_NAMES = {"English"}


def _names(html: str) -> set[str]:
    """Texts of elements that are nothing but capitalised English words: names of fields, buttons
    and headings. What the world of the test calls its rows is written otherwise."""
    html = re.sub(r"<(script|style|template)\b[\s\S]*?</\1>", "", html)
    html = re.sub(r"<[^>]*material-symbols[^>]*>[^<]*<", "<", html)
    texts = {" ".join(text.split()) for text in re.findall(r">([^<>]+)<", html)}
    return {text for text in texts if re.fullmatch(r"[A-Z][a-z]+( [a-z]+)*:?", text)}


def test_lists_and_pages_are_in_chinese():
    Sale()
    client = staff_client(make_user(superuser=True))
    found = {}
    for model in admin.site._registry:
        opts = model._meta
        page = f"admin:{opts.app_label}_{opts.model_name}"
        addresses = [reverse(f"{page}_changelist")]
        row = model._default_manager.first()
        # A session has no page of its own.
        if row is not None and opts.label != "kernel.Session":
            addresses.append(reverse(f"{page}_change", args=[row.pk]))
        for address in addresses:
            left = _names(client.get(address).content.decode()) - OWN_NAMES
            if left:
                found[address] = sorted(left)
    assert found == {}


def test_the_search_for_english_names_finds_them():
    page = "<th>Attribution line title</th><td>编号</td><label>Amount fen:</label><b>TEA-1</b>"
    assert _names(page) == {"Attribution line title", "Amount fen:"}
