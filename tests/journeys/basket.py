"""A basket that a guide prepares: sent, opened by whoever gets the link, ordered once, paid, and
why it earned. Public endpoints and pages only.
"""

import re
from collections.abc import Callable, Sequence

from tests.journeys.client import Api, Browser, eventually, expect, yuan
from tests.journeys.client import text_of as words
from tests.journeys.story import Story

PAGE = "/guide/baskets/"


class Prepared(Story):
    def __post_init__(self) -> None:
        super().__post_init__()
        self.customer, self.friend = Api(self.url), Api(self.url)
        self.guide = Browser(self.url)

    def script(self) -> Sequence[Callable[[], None]]:
        return (
            self.put_it_together,
            self.open_the_link,
            self.order_it_once,
            self.the_guide_reads_why,
        )

    # -- the steps --------------------------------------------------------------------------

    def put_it_together(self) -> None:
        """A guide finds an article of the store, sees what it would cost and sends the basket"""
        login = self.login_of("guide")
        self.guide.sign_in("/guide/", login["username"], login["password"])
        page = self.guide.open(f"{PAGE}new/")
        store = _value(page, "store")
        sku = self._article(store)
        form = {"store": store, "key": _value(page, "key"), "sku": sku, "n": "2"}
        self.guide.open(f"{PAGE}new/")
        draft = self.guide.submit(f"{PAGE}new/", **form)
        total = re.search(r'id="total">([^<]+)<', draft)
        expect(total, "the basket has no price")
        assert total is not None
        sent = self.guide.submit(f"{PAGE}new/", **form, note="为您留的", days="3", send="1")
        token = re.search(r"\?basket=([0-9A-Z]{16})", sent)
        expect(token, f"nothing was sent: {words(sent)[:200]}")
        assert token is not None
        self.tell(f"2 × {sku}, {total[1]} for somebody new: basket {token[1]}")
        self.seen |= {"token": token[1], "total": total[1]}

    def _article(self, store: str) -> str:
        """An article that the store sells and has five of, by the words of the catalogue."""
        found = self.customer.get("products", page_size=20)["results"]
        for row in found:
            detail = self.customer.get(f"products/{row['code']}", store=store)
            for sku in detail["skus"]:
                if sku["available"] < 5:
                    continue
                page = self.guide.open(f"{PAGE}articles/", q=sku["code"], store=store)
                expect(f'value="{sku["code"]}"' in page, f"{sku['code']} is not found by its code")
                return str(sku["code"])
        raise AssertionError("the store has nothing of the first page")

    def open_the_link(self) -> None:
        """Whoever has the link opens it: names, today's prices, the guide and the note"""
        self.person = self.person_new()
        self.log_in(self.customer, self.person)
        token = self.seen["token"]
        self.customer.command("touches", {"token": token})
        basket = self.customer.get(f"baskets/{token}")
        expect(basket["state"] == "opened" and basket["note"] == "为您留的", f"{basket}")
        self.tell(f"{basket['guide']['name']} at {basket['store']['name']}")
        self.seen["basket"] = basket
        unknown = self.customer.request("GET", "/api/v1/baskets/NOSUCH", ok=(404,))
        expect(unknown["errors"][0]["code"] == "basket_unknown", f"{unknown}")

    def order_it_once(self) -> None:
        """The usual quote and order; the same basket is not ordered again, and not by a friend"""
        basket = self.seen["basket"]
        address = f"baskets/{basket['token']}/orders"
        wanted = {
            "store": basket["store"]["code"],
            "lines": [{"sku": x["sku"], "quantity": x["quantity"]} for x in basket["lines"]],
        }
        quote = self.customer.request("POST", "/api/v1/quotes", json=wanted)
        expect(yuan(quote["total_fen"]) == self.seen["total"], "the guide saw another price")
        body = {**wanted, "quote_version": quote["version"]}
        placed = self.customer.command(address, body)
        again = self.customer.command(address, body, ok=(409,))
        expect(again["errors"][0]["code"] == "basket_ordered", f"a second order: {again}")
        self.log_in(self.friend, self.person_new())
        late = self.friend.request("GET", f"/api/v1/baskets/{basket['token']}", ok=(409,))
        expect(late["errors"][0]["code"] == "basket_ordered", f"the friend sees {late}")
        self.pay_by_wechat(self.customer, self.person, placed["no"])
        self.tell(f"order {placed['no']}: {yuan(placed['total_fen'])}")
        self.seen["order"] = placed["no"]

    def the_guide_reads_why(self) -> None:
        """The list says that it was paid; the commission names the basket"""
        no, token = self.seen["order"], self.seen["token"]
        listed = words(self.guide.open(PAGE, state="paid"))
        expect(no in listed, f"the list does not show {no}")

        def explained() -> str | None:
            page = words(self.guide.open("/guide/commission/"))
            return page if no in page and token in page else None

        page = eventually(explained, "the commission of the basket")
        self.tell(page[page.index(token) - 60 : page.index(token) + 80])


def _value(page: str, name: str) -> str:
    found = re.search(rf'name="{name}" value="([^"]+)"', page)
    if found is None:
        found = re.search(rf'name="{name}".*?value="([^"]+)"', page, re.DOTALL)
    expect(found, f"the page has no {name}")
    assert found is not None
    return found[1]
