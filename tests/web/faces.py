"""The people behind the faces, and what they find there, for the tests in a browser."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from time import monotonic, sleep

from playwright.sync_api import Page

from config.kernel.actors import SYSTEM, Actor
from config.kernel.models import User
from config.kernel.relay import drain
from coupons.models import Template
from guides.models import CouponAllowance, Guide
from mall.models import Order, Sku
from mall.services.aftersale import aftersale_request
from mall.services.order_handover import order_handover, order_ready
from members.models import Member
from stores.models import Pickup, Store
from stores.services.pickup_token import pickup_token
from tests.factories import (
    make_binding,
    make_guide,
    make_member,
    make_staff,
    make_template,
    make_user,
    moment,
    staff_client,
)
from tests.factories.orders import pay_order, place_order
from tests.guides.sales import publish_rules

LIGHT_AND_DARK = ("light", "dark")


@dataclass
class House:
    """One store with its people; every sale goes through the real services."""

    url: str
    store: Store
    sku: Sku
    manager: User
    guide: Guide
    boss: User
    member: Member

    def sell(self, *, quantity: int = 2, pay: bool = True, now: datetime | None = None) -> Order:
        """An order of the guide's customer, paid, its pickup open."""
        now = now or moment()
        order = place_order(self.member, store=self.store, lines=[(self.sku, quantity)], now=now)
        if pay:
            pay_order(order, now=now)
            self.opened(order, now)
        return order

    @staticmethod
    def opened(order: Order, now: datetime) -> None:
        """Deliver what is due; what the worker has in hand by then is waited for."""
        until = monotonic() + 20
        drain(now=now)
        while not Pickup.objects.filter(order_no=order.no).exists():
            assert monotonic() < until, "no pickup was opened"
            sleep(0.05)

    def make_ready(self, order: Order) -> str:
        """The parcel is on the shelf; what its pickup code says."""
        order_ready(order_no=order.no, user=self.manager, actor=SYSTEM, now=moment())
        return self.code(order)

    def code(self, order: Order) -> str:
        return pickup_token(Pickup.objects.get(order_no=order.no))

    def hand_over(self, order: Order) -> None:
        code = self.make_ready(order)
        order_handover(text=code, user=self.manager, actor=SYSTEM, now=moment())
        drain(now=moment())
        order.refresh_from_db()

    def ask_back(self, order: Order) -> None:
        aftersale_request(
            order_no=order.no, lines=[(0, 1)], reason="罐盖压坏了", actor=SYSTEM, now=moment()
        )

    def allowance(self) -> CouponAllowance:
        """The guide may give two coupons a week."""
        template = make_template(operator=self.store.operator, public=False, per_member=9)
        Template.objects.filter(pk=template.pk).update(name="老客回馈 满100减20")
        return CouponAllowance.objects.create(
            template=template, operator=self.store.operator, period="week", per_guide=2
        )

    @staticmethod
    def actor(user: User) -> Actor:
        return Actor.user(user)

    def sign_in(self, page: Page, user: User) -> None:
        """As the sign-in page would, without it."""
        cookie = staff_client(user).cookies["sessionid"]
        page.context.add_cookies([{"name": "sessionid", "value": cookie.value, "url": self.url}])


def make_house(*, url: str, store: Store, sku: Sku) -> House:
    now = moment()
    publish_rules(effective_from=now - timedelta(days=30))
    manager = make_staff(store=store, role="manager", since=now - timedelta(days=30))
    User.objects.filter(pk=manager.pk).update(first_name="小李")
    guide = make_guide(store=store, name="小林")
    member = make_member(openid="openid-house", nickname="王小满", home_store=store)
    make_binding(member=member, guide=guide, since=now - timedelta(days=2))
    boss = make_user(superuser=True)
    return House(url, store, sku, manager, guide, boss, member)


# What a page says itself: its switch of language names each language in its own words.
_WORDS = """() => {
  const page = document.body.cloneNode(true);
  for (const away of ["[lang]", "script", "style", "template", ".mono", "[class*=symbols]",
    "form[action*=language]"])
    page.querySelectorAll(away).forEach((e) => e.remove());
  const words = [page.textContent, document.title];
  for (const e of page.querySelectorAll("*"))
    for (const name of ["aria-label", "placeholder", "title", "alt"])
      if (e.hasAttribute(name)) words.push(e.getAttribute(name));
  for (const [name, text] of Object.entries(document.getElementById("network")?.dataset ?? {}))
    words.push(text);
  return words.join("\\n");
}"""


def _lines(page: Page) -> list[str]:
    text = page.evaluate(_WORDS)
    return [" ".join(line.split()) for line in text.splitlines() if line.strip()]


def chinese_in(page: Page, data: Sequence[str] = ()) -> list[str]:
    """Lines of an English page with Chinese in them that is no datum."""
    found = []
    for line in _lines(page):
        for datum in data:
            line = line.replace(datum, "")
        if re.search(r"[\u4e00-\u9fff]", line):
            found.append(line)
    return found


def english_in(page: Page) -> list[str]:
    """Lines of a Chinese page with an English sentence in them: two small words in a row."""
    return [line for line in _lines(page) if re.search(r"\b[A-Za-z]?[a-z]+ [a-z]{2,}\b", line)]
