"""The shop front as files: small, local, complete in both languages, leading to every face."""

import re
from pathlib import Path

import pytest
from django.conf import settings
from django.contrib.staticfiles import finders
from django.test import Client

from config.web import SHOP_FIRST, SHOP_LATER

SHOP = Path(settings.BASE_DIR) / "templates" / "static" / "shop"
SOURCES = {path.stem: path.read_text(encoding="utf-8") for path in SHOP.glob("*.js")}
FIRST_LOAD = 100 * 1024


def _page(**headers: str) -> str:
    return Client().get("/", headers=headers).content.decode()


@pytest.mark.django_db
def test_the_front_page_leads_to_all_faces():
    page = _page()
    for door in ("/admin/", "/guide/", "/desk/", "/api/v1/docs/", "/api/v1/schema/"):
        assert f'href="{door}"' in page


@pytest.mark.django_db
def test_the_page_names_the_sandbox_only_where_there_is_one(settings):
    assert 'data-sandbox="1"' in _page()
    settings.SANDBOX_WECHAT_URL = ""
    assert "data-sandbox" not in _page()


@pytest.mark.django_db
def test_the_first_load_is_small_and_local():
    page = _page()
    found = re.findall(r'<(?:script|link|img)[^>]*? (?:src|href)="([^"]+)"', page)
    assert len(found) > len(SHOP_FIRST)
    assert all(address.startswith("/static/") for address in found)
    files = {finders.find(address.removeprefix("/static/")) for address in found}
    size = len(page.encode()) + sum(Path(str(file)).stat().st_size for file in files)
    assert size <= FIRST_LOAD, f"{size} bytes"


def test_what_the_first_page_needs_is_loaded_at_once_and_nothing_from_elsewhere():
    assert set(SOURCES) == {*SHOP_FIRST, *SHOP_LATER}
    for name, text in SOURCES.items():
        at_once = re.findall(r'^import .*? from "(.+?)";$', text, re.MULTILINE)
        on_demand = re.findall(r'\bimport\("(.+?)"\)', text)
        for address in at_once + on_demand:
            assert re.fullmatch(r"\./\w+\.js", address), f"{name}: {address}"
            assert address[2:-3] in SOURCES
        if name in SHOP_FIRST:
            assert {address[2:-3] for address in at_once} <= set(SHOP_FIRST)
    for name, text in SOURCES.items():
        addresses = set(re.findall(r"https?://[^\"'`\s]+", text))
        assert addresses <= {"http://www.w3.org/2000/svg"}, f"{name}: {addresses}"


def test_the_shop_uses_the_public_api_alone():
    """Besides the API it speaks to allauth's login and to what plays WeChat; nothing else."""
    named = {
        address
        for text in SOURCES.values()
        for address in re.findall(
            r"[\"'`](/(?:api|_allauth|sandbox|admin|desk|guide)[^\"'`$]*)", text
        )
    }
    assert named == {
        "/api/v1/",
        "/_allauth/app/v1/auth/provider/token",
        "/sandbox/",
        # Links for people, not calls.
        "/desk/",
        "/api/v1/docs/",
        "/api/v1/docs/first-call/",
    }
    assert {name for name, text in SOURCES.items() if "fetch(" in text} == {"api", "wechat"}


def test_every_sentence_has_its_chinese():
    words = SOURCES["words"]
    known = set(re.findall(r'"((?:[^"\\]|\\.)+)":\s*\n?\s*"(?=[^"]*)', words))
    used = {
        sentence
        for name, text in SOURCES.items()
        if name != "words"
        for sentence in re.findall(r'\bt\("((?:[^"\\]|\\.)+)"', text)
    }
    assert len(used) > 80
    assert used - known == set()
    for sentence, chinese in re.findall(r'"((?:[^"\\]|\\.)+)":\s*"((?:[^"\\]|\\.)*)"', words):
        assert re.search(r"[\u4e00-\u9fff]", chinese) or sentence == "“{words}”"
        fields, given = (set(re.findall(r"\{(\w+)\}", x)) for x in (sentence, chinese))
        # Chinese counts a discount the other way round.
        assert given == fields or (fields, given) == ({"n"}, {"zhe"}), sentence
