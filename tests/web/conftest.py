"""A real chromium before a real server, the fake WeChat beside it and a worker at work."""

import os
import shutil
from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from config.sandbox.wechat import FakeWechat
from mall.models import Sku
from stores.models import Store
from tests.factories import (
    make_card_product,
    make_category,
    make_operator,
    make_product,
    make_stock,
    make_store,
    make_template,
)
from tests.journeys.worker import worker
from tests.web.faces import House, make_house

# The names that ./run looks for.
_NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
CHROMIUM = next(filter(None, map(shutil.which, _NAMES)), "/usr/bin/chromium")


@pytest.fixture(scope="session")
def browser_type_launch_args(browser_type_launch_args):
    """The system's chromium; it runs as whoever runs the tests, root in a container."""
    # Playwright's loop lives in this thread; Django's guard would take the tests for async code.
    os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "true"
    return {
        **browser_type_launch_args,
        "executable_path": CHROMIUM,
        "args": ["--no-sandbox", "--disable-gpu"],
    }


@pytest.fixture(scope="session")
def browser_context_args(browser_context_args):
    """A phone of a Chinese shopper."""
    return {
        **browser_context_args,
        "locale": "zh-CN",
        "viewport": {"width": 375, "height": 740},
    }


@dataclass
class Shop:
    url: str
    fake: FakeWechat


@pytest.fixture
def shop(transactional_db, live_server, settings, tmp_path) -> Iterator[Shop]:
    """One store that sells tea in two sizes and a scarf, with a coupon and a card to be had."""
    settings.PUBLIC_URL = live_server.url
    operator = make_operator(code="yushang", name="屿上百货")
    store = make_store(operator=operator, code="sh-nanjing", name="南京东路店")
    food = make_category(code="food", name="饮食")
    tea = make_product(
        code="TEA", name="明前龙井", skus=[26_800, 59_800], category=food, keywords="绿茶"
    )
    scarf = make_product(code="SCARF", name="真丝方巾", skus=[35_900], category=food)
    for sku in [*tea.skus.order_by("id"), *scarf.skus.all()]:
        make_stock(store=store, sku=sku, on_hand=9)
    make_template(operator=operator, code="welcome-20", value=3_000, threshold_fen=20_000)
    make_card_product(operator=operator, code="card-500", price_fen=50_000, bonus_fen=3_000)
    with FakeWechat(tmp_path / "wechat") as fake:
        settings.WECHAT = fake.config
        settings.SANDBOX_WECHAT_URL = fake.base_url
        with worker():
            yield Shop(live_server.url, fake)


@pytest.fixture
def house(shop) -> House:
    """The people of that store: its manager, a guide with a customer, the head of the group."""
    store = Store.objects.get()
    return make_house(url=shop.url, store=store, sku=Sku.objects.get(price_fen=26_800))


@pytest.fixture
def complaints(page) -> list[str]:
    """What the browser's console has complained of so far."""
    heard: list[str] = []
    page.on("pageerror", lambda error: heard.append(str(error)))
    page.on("console", lambda line: heard.append(line.text) if line.type == "error" else None)
    return heard
