"""One sale, from a guide's code to a returned unit, through public endpoints and pages only.

``./run journey`` runs it against a running instance and prints each step; the journey test runs
the same against a server of its own. It knows addresses and logins, nothing of the inside.
"""

import uuid
from collections.abc import Callable, Sequence
from typing import Any

from tests.journeys.client import Api, Browser, JourneyFailed, eventually, expect, yuan
from tests.journeys.client import text_of as words
from tests.journeys.story import BRAND_APP, MALL_APP, NEAR, Story


class Sale(Story):
    def __post_init__(self) -> None:
        super().__post_init__()
        self.api = Api(self.url)
        self.guide, self.desk = Browser(self.url), Browser(self.url)

    def script(self) -> Sequence[Callable[[], None]]:
        return (
            self.arrive,
            self.scan_a_guides_code,
            self.browse,
            self.claim_and_top_up,
            self.quote_and_place,
            self.pay,
            self.reactions,
            self.collect,
            self.give_one_back,
            self.guide_sees_it,
        )

    # -- the steps --------------------------------------------------------------------------

    def arrive(self) -> None:
        """A shopper logs in by mini-program code and binds the phone"""
        self.person = self.person_new()
        phone = self.wechat.post("users", name=self.person)["phone"]
        self.log_in(self.api, self.person)
        self.phone_bind(self.api, self.person)
        me = self.api.get("me")
        self.tell(f"member {me['no']}, phone {me['phone']}")
        expect(phone[-4:] in str(me["phone"]), f"the phone is not bound: {me}")
        self.api.command("me/consents", {"kind": "messages", "version": "1"}, ok=(200, 201))

        other = Api(self.url)
        self.log_in(other, self.person, BRAND_APP)
        expect(other.get("me")["no"] == me["no"], "the second mini-program is another member")
        self.tell("a second mini-program with the same unionid reaches the same member")
        stranger = Api(self.url)
        stranger.token = "0" * 32
        stranger.request("GET", "/api/v1/me", ok=(401,))
        self.seen["me"] = me

    def scan_a_guides_code(self) -> None:
        """The shopper scans a guide's product code"""
        login = self.login_of("guide")
        self.guide.sign_in("/guide/", login["username"], login["password"])
        product = self._product()
        self.guide.open("/guide/codes/")
        page = self.guide.submit("/guide/codes/new/", product=product["code"])
        token = self._token_on(page)
        image = self.guide.http.get(f"/guide/codes/{token}/image/")
        expect(image.content.startswith(b"\x89PNG"), "no picture of the code")
        made = [c for c in self.wechat.list("codes") if token in c["scene"]]
        expect(made, "WeChat was not asked for the mini-program code")
        self.tell(f"小程序码 {token} for {product['name']}: {len(image.content)} bytes of PNG")
        touch = self.api.command("touches", {"token": made[-1]["scene"]})
        self.tell(f"touch recorded for guide {touch['guide']['name']}")
        self.seen |= {"token": token, "product": product, "guide": touch["guide"]["name"]}

    def _token_on(self, page: str) -> str:
        import re

        found = re.search(r"/guide/codes/([0-9A-Z]{16})/", page)
        expect(found, "the page shows no code")
        assert found is not None
        return found[1]

    def _product(self) -> dict[str, Any]:
        """A product with a SKU that the nearest store has two of, at ¥50 or more."""
        if self.search:
            found = self.api.get("products", q=self.search)["results"]
        else:
            found = self.api.get("products", page_size=50)["results"]
        expect(found, f"the search for {self.search!r} finds nothing")
        stores = self.api.get("stores", **NEAR)["results"]
        for store in (s for s in stores if s["pickup_enabled"]):
            for row in found:
                detail = self.api.get(f"products/{row['code']}", store=store["code"])
                for sku in detail["skus"]:
                    if sku["available"] >= 3 and sku["price_fen"] >= 5_000:
                        self.seen |= {"store": store, "sku": sku}
                        return detail
        raise JourneyFailed("no store near has two pieces of anything found")

    def browse(self) -> None:
        """Categories, search in Chinese, stores near with their price and stock"""
        categories = self.api.get("categories")["results"]
        product, store, sku = self.seen["product"], self.seen["store"], self.seen["sku"]
        self.tell(f"{len(categories)} categories at the top")
        two = product["name"][:2]
        hits = self.api.get("products", q=two, page_size=100)["results"]
        expect(product["code"] in {h["code"] for h in hits}, f"searching {two} misses it")
        self.tell(f"searching “{two}” finds {len(hits)} products")
        near = self.api.get("stores", **NEAR, sku=sku["code"])["results"]
        near = [s for s in near if s["distance_m"] is not None]
        distances = [s["distance_m"] for s in near]
        expect(distances == sorted(distances), "stores are not sorted by distance")
        for s in near[:3]:
            self.tell(
                f"{s['name']}: {s['distance_m']} m, {yuan(s['offer']['price_fen'])},"
                f" {s['offer']['available']} left"
            )
        expect(store["code"] in {s["code"] for s in near}, "the nearest store is not listed")
        bad = self.api.request("GET", "/api/v1/products/no-such", ok=(404,))
        expect(bad["errors"][0]["code"], "an unknown product has no error code")

    def claim_and_top_up(self) -> None:
        """Claims a coupon; buys a stored-value card with a bonus, paid by WeChat Pay"""
        store = self.seen["store"]
        coupon = self._coupon_that_fits(store)
        self.tell(f"coupon {coupon['no']}: {coupon['name']}")
        self.seen["coupon"] = coupon

        products = self.api.get("card-products")["results"]
        product = min(products, key=lambda p: p["price_fen"])
        expect(product["bonus_fen"] > 0, "the card has no bonus")
        basket = {"store": store["code"], "card_product": product["code"]}
        quote = self.api.request("POST", "/api/v1/quotes", json=basket)
        placed = self.api.command("orders", {**basket, "quote_version": quote["version"]})
        self.pay_by_wechat(self.api, self.person, placed["no"])
        cards = eventually(lambda: self.api.get("me/cards")["results"], "the card")
        self.card = cards[0]
        expect(
            self.card["principal_fen"] == product["price_fen"]
            and self.card["bonus_fen"] == quote["lines"][0]["bonus_fen"] >= product["bonus_fen"],
            f"the card holds {self.card}",
        )
        self.tell(
            f"card {self.card['no']}: {yuan(self.card['principal_fen'])} principal"
            f" + {yuan(self.card['bonus_fen'])} bonus"
        )

    def _coupon_that_fits(self, store: dict[str, Any]) -> dict[str, Any]:
        lines = [{"sku": self.seen["sku"]["code"], "quantity": 2}]
        for template in self.api.get("coupon-templates")["results"]:
            costs = template.get("points_price")
            if costs or template["operator"]["code"] != store["operator"]["code"]:
                continue
            coupon = self.api.command(f"coupon-templates/{template['code']}/claim")
            basket = {"store": store["code"], "lines": lines, "coupons": [coupon["no"]]}
            if not self.api.request("POST", "/api/v1/quotes", json=basket)["refused_coupons"]:
                return {**coupon, "name": template["name"]}
        raise JourneyFailed(f"no coupon fits at {store['name']}")

    def quote_and_place(self) -> None:
        """Cart, quote with every discount on its lines, a pickup order part card, part WeChat"""
        store, sku = self.seen["store"], self.seen["sku"]
        self.api.request(
            "PUT",
            "/api/v1/cart",
            json={"store": store["code"], "sku": sku["code"], "quantity": 2},
        )
        cart = self.api.get("cart", store=store["code"])
        expect(cart["lines"][0]["quantity"] == 2, f"the cart holds {cart}")
        card_value = self.card["principal_fen"] + self.card["bonus_fen"]
        basket = {
            "store": store["code"],
            "lines": [{"sku": sku["code"], "quantity": 2}],
            "coupons": [self.seen["coupon"]["no"]],
            "use_card": True,
            "card": self.card["no"],
            "card_fen": min(card_value, sku["price_fen"]),
        }
        quote = self.api.request("POST", "/api/v1/quotes", json=basket)
        for line in quote["lines"]:
            for d in line["discounts"]:
                self.tell(f"{d['title']}: -{yuan(d['amount_fen'])} on {line['title']}")
            expect(
                line["net_fen"]
                == line["gross_fen"] - sum(d["amount_fen"] for d in line["discounts"])
                and line["net_fen"] == sum(line["tenders_fen"]),
                f"a line does not add up: {line}",
            )
        expect(
            quote["total_fen"] == sum(t["amount_fen"] for t in quote["tenders"]),
            "the tenders do not add up",
        )
        expect(quote["to_pay_fen"] > 0 and quote["card_fen"] > 0, f"tenders: {quote['tenders']}")
        stale = self.api.command("orders", {**basket, "quote_version": "stale"}, ok=(409,))
        expect(stale["errors"][0]["code"] == "quote_changed", f"a stale quote: {stale}")
        key = uuid.uuid4().hex
        body = {**basket, "quote_version": quote["version"], "source_token": self.seen["token"]}
        placed = self.api.command("orders", body, key=key)
        again = self.api.command("orders", body, key=key)
        expect(again == placed, "the same Idempotency-Key made another order")
        self.tell(
            f"order {placed['no']}: {yuan(quote['gross_fen'])} - {yuan(quote['discount_fen'])}"
            f" = {yuan(quote['total_fen'])}; card {yuan(quote['card_fen'])},"
            f" WeChat {yuan(quote['to_pay_fen'])}"
        )
        self.seen |= {"order": placed["no"], "quote": quote}

    def pay(self) -> None:
        """Pays; the signed, encrypted callback arrives twice and counts once"""
        no = self.seen["order"]
        payment = self.pay_by_wechat(self.api, self.person, no)
        order = self._order()
        expect(len(order["transaction_ids"]) == 1, f"captured: {order['transaction_ids']}")
        self.wechat.post("redeliver", reference=payment)
        self.wechat.post("drain")
        delivered = [d for d in self.wechat.list("callbacks") if d.get("reference") == payment]
        expect(delivered, "no callback was recorded by WeChat")
        forged = self.wechat.post("forge", reference=payment)
        self.tell(f"forged callbacks are refused: {forged}")
        order = self._order()
        expect(
            len(order["transaction_ids"]) == 1 and order["state"] in ("paid", "completed"),
            f"after the second callback: {order['state']} {order['transaction_ids']}",
        )

    def _order(self) -> dict[str, Any]:
        return self.api.get(f"orders/{self.seen['order']}")

    def reactions(self) -> None:
        """The order's event opens the pickup, accrues points and commission, and notifies"""
        pickup = eventually(lambda: self._order()["pickup"], "the pickup")
        points = eventually(
            lambda: self.api.get("me/points")["points"] or None, "points for the order"
        )
        self.tell(f"{points} points; pickup code {pickup['digits']}")
        openid = self.wechat.post("users", name=self.person)["openids"][MALL_APP]
        message = eventually(
            lambda: [m for m in self.wechat.list("messages") if m["openid"] == openid] or None,
            "a message to the shopper",
        )
        self.tell(f"{len(message)} message(s) reached the shopper's WeChat")
        self.seen["points"] = points

    def collect(self) -> None:
        """Store staff mark it ready, scan the code and hand it over; a second scan says when"""
        store = self.seen["store"]
        login = self.login_of("desk", store["code"])
        self.desk.sign_in("/desk/", login["username"], login["password"])
        no, pickup = self.seen["order"], self._order()["pickup"]
        page = self.desk.open("/desk/", q=no)
        expect(no in page, f"the desk does not show {no}")
        self.desk.submit(f"/desk/orders/{no}/ready/")
        expect(self._order()["pickup"]["state"] == "ready", "it is not ready")
        self.desk.open("/desk/")
        page = self.desk.submit("/desk/scan/", code=pickup["token"])
        order = self._order()
        expect(order["state"] == "completed", f"after the hand-over: {order['state']}")
        self.tell(f"handed over: {words(page)[:90]}…")
        self.desk.open("/desk/")
        page = self.desk.submit("/desk/scan/", code=pickup["token"], ok=(200, 409))
        again = words(page)
        # Once in the head of the page, once in the answer.
        name = login["note"].split("·")[-1]
        expect(again.count(name) >= 2, f"the second scan does not say by whom: {again[:300]}")
        self.tell(f"second scan: {again[:160]}")

    def give_one_back(self) -> None:
        """One of the two units is returned: everything comes back in proportion, to the fen"""
        before = self._order()
        line = before["lines"][0]
        card_before = self._card()
        self.api.command(
            f"orders/{before['no']}/after-sales",
            {"reason": "尺码不合适", "lines": [{"position": line["position"], "quantity": 1}]},
        )
        self.desk.open(f"/desk/orders/{before['no']}/")
        self.desk.submit(
            f"/desk/orders/{before['no']}/after-sale/", decision="approve", reason="验收无误"
        )

        def all_done() -> dict[str, Any] | None:
            order = self._order()
            done = order["refunds"] and all(r["state"] == "done" for r in order["refunds"])
            return order if done else None

        after = eventually(all_done, "the refunds", seconds=40)
        back = {r["to"]: r["amount_fen"] for r in after["refunds"]}
        half = line["net_fen"] // 2
        expect(sum(back.values()) == half, f"{back} is not {half}")
        for tender in after["tenders"]:
            part = back.get(tender["kind"], 0)
            # In proportion to the tender, to the fen: no part is a whole fen off.
            exact = tender["amount_fen"] * half / line["net_fen"]
            expect(abs(part - exact) < 1, f"{tender['kind']}: {part} of {tender['amount_fen']}")
            self.tell(f"{yuan(part)} of {yuan(tender['amount_fen'])} back to {tender['kind']}")
        card_after = self._card()
        for kind in ("principal", "bonus"):
            gained = card_after[f"{kind}_fen"] - card_before[f"{kind}_fen"]
            expect(gained == back.get(f"card_{kind}", 0), f"the card's {kind} gained {gained}")
        expect(after["lines"][0]["refunded_quantity"] == 1, "one unit")
        coupon = self.api.get("me/coupons")["results"]
        mine = [c for c in coupon if c["no"] == self.seen["coupon"]["no"]]
        expect(mine and mine[0]["state"] == "used", "half an order returned keeps the coupon used")
        left = eventually(
            lambda: self._points_if(lambda p: p < self.seen["points"]), "points to come back"
        )
        expect(left in (self.seen["points"] // 2, (self.seen["points"] + 1) // 2), f"points {left}")
        self.tell(f"points {self.seen['points']} → {left}; the coupon stays used by its policy")
        self.seen["half"] = half

    def _points_if(self, right: Callable[[int], bool]) -> int | None:
        points = self.api.get("me/points")["points"]
        return points if right(points) else None

    def _card(self) -> dict[str, Any]:
        return self.api.get(f"me/cards/{self.card['no']}")

    def guide_sees_it(self) -> None:
        """The guide sees today's sales, the customer, the commission and why it is that much"""
        no = self.seen["order"]

        def explained() -> str | None:
            page = words(self.guide.open("/guide/commission/"))
            return page if no in page and "-¥" in page else None

        page = eventually(explained, "the commission and its clawback")
        self.tell(page[page.index(no) - 40 : page.index(no) + 260])
        today = words(self.guide.open("/guide/"))
        self.tell(f"today: {today[:200]}")
        customers = words(self.guide.open("/guide/customers/"))
        tail = str(self.seen["me"]["phone"])[-4:]
        expect(tail in customers, "the customer is not in the guide's list")
        self.tell(f"the customer …{tail} is in the list")
