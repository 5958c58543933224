"""An order that is sent: the fee, the desk that ships it, a coupon for points that takes the next
fee off, and goods given back before they leave. Public endpoints and pages only.
"""

from collections.abc import Callable, Sequence
from typing import Any

from tests.journeys.client import Api, Browser, eventually, expect, text_of, yuan
from tests.journeys.story import NEAR, Story

ADDRESS = {
    "recipient": "李小明",
    "phone": "13800001234",
    "adcode": "440305",
    "region": "广东省 深圳市 南山区",
    "detail": "科技园 1 号 501 室",
}
COUPON = "free-freight"


class Delivery(Story):
    def __post_init__(self) -> None:
        super().__post_init__()
        self.api, self.desk = Api(self.url), Browser(self.url)

    def script(self) -> Sequence[Callable[[], None]]:
        return (
            self.say_where_to,
            self.ship_and_receive,
            self.save_the_freight,
            self.give_it_back_in_time,
        )

    # -- the steps --------------------------------------------------------------------------

    def say_where_to(self) -> None:
        """What sending costs by region, and where nothing is sent; placed with an address, paid"""
        self.person = self.person_new()
        self.log_in(self.api, self.person)
        self.basket = self._basket()
        collected = self._quote()
        sent = self._quote(delivery={"adcode": ADDRESS["adcode"]})
        expect(sent["freight_fen"] > 0, "sending costs nothing")
        expect(
            sent["total_fen"] == collected["total_fen"] + sent["freight_fen"],
            f"{sent['total_fen']} for {collected['total_fen']} and the freight",
        )
        nowhere = {**self.basket, "delivery": {"adcode": "650102"}}
        refused = self.api.request("POST", "/api/v1/quotes", json=nowhere, ok=(409,))
        expect(refused["errors"][0]["code"] == "region_not_served", f"{refused}")
        self.tell(f"{yuan(sent['freight_fen'])} to {ADDRESS['region']}")
        self.no = self._order(sent["version"])
        self.seen["freight_fen"] = sent["freight_fen"]

    def ship_and_receive(self) -> None:
        """The desk sees it masked, ships it with a number; the member says that it is there"""
        login = self.login_of("desk", self.basket["store"])
        self.desk.sign_in("/desk/", login["username"], login["password"])

        def listed() -> str | None:
            page = text_of(self.desk.open("/desk/", q=self.no))
            return page if self.no in page else None

        page = eventually(listed, "the order at the desk")
        expect(ADDRESS["detail"] not in page, "the list shows the whole address")

        def to_be_shipped() -> str | None:
            page = self.desk.open(f"/desk/orders/{self.no}/")
            return page if f"/desk/orders/{self.no}/ship/" in page else None

        page = eventually(to_be_shipped, "the parcel at the desk")
        expect(ADDRESS["detail"] in page, "the order does not show its address")
        self.desk.submit(
            f"/desk/orders/{self.no}/ship/", carrier="顺丰速运", tracking_no="SF1020304050"
        )
        parcel = self.api.get(f"orders/{self.no}")["delivery"]
        expect(parcel["tracking_no"] == "SF1020304050", f"the parcel is {parcel}")
        done = self.api.command(f"orders/{self.no}/received")
        expect(done["state"] == "completed", f"the order is {done['state']}")
        self.tell(f"{parcel['carrier']} {parcel['tracking_no']}: received")

    def save_the_freight(self) -> None:
        """Points of the first order become a coupon, which takes the next one's freight off"""
        coupon = eventually(self._exchanged, "points enough for the coupon")
        quote = self._quote(delivery={"adcode": ADDRESS["adcode"]}, coupons=[coupon["no"]])
        off = [d["amount_fen"] for d in quote["discounts"] if d["reference"] == coupon["no"]]
        expect(off == [self.seen["freight_fen"]], f"the coupon takes {off} off")
        collected = self._quote(coupons=[coupon["no"]])["refused_coupons"]
        expect(collected[0]["reason"] == "freight", f"a pickup says {collected}")
        self.no = self._order(quote["version"], coupons=[coupon["no"]])
        self.seen |= {"coupon": coupon["no"], "paid_fen": quote["to_pay_fen"]}
        self.tell(f"{coupon['no']}: {yuan(off[0])} off")

    def give_it_back_in_time(self) -> None:
        """All of it is asked back before it is shipped: the desk approves, and no parcel goes"""
        line = {"position": 0, "quantity": self.basket["lines"][0]["quantity"]}
        self.api.command(f"orders/{self.no}/after-sales", {"reason": "不要了", "lines": [line]})
        self.desk.open(f"/desk/orders/{self.no}/")
        self.desk.submit(f"/desk/orders/{self.no}/after-sale/", decision="approve", reason="未发货")
        back = eventually(self._cancelled, "the order given back")
        expect(back["refunded_fen"] == self.seen["paid_fen"], f"{back['refunded_fen']} came back")
        expect(back["delivery"]["state"] == "cancelled", f"the parcel is {back['delivery']}")
        usable = self.api.get("me/coupons", state="usable")["results"]
        expect(self.seen["coupon"] in {c["no"] for c in usable}, "the coupon did not come back")
        self.tell(f"{yuan(back['refunded_fen'])} and the coupon are back")

    # -- what they need ---------------------------------------------------------------------

    def _basket(self) -> dict[str, Any]:
        """Pieces worth ¥100 or more of something that a shop with a desk has plenty of."""
        desks = {x.get("store") for x in self.logins if x["face"] == "desk"}
        stores = self.api.get("stores", **NEAR)["results"]
        for store in (s for s in stores if s["pickup_enabled"] and s["code"] in desks):
            for row in self.api.get("products", page_size=20)["results"]:
                detail = self.api.get(f"products/{row['code']}", store=store["code"])
                for sku in detail["skus"]:
                    pieces = -(-10_000 // sku["price_fen"])
                    if sku["available"] >= 2 * pieces and pieces <= 3:
                        lines = [{"sku": sku["code"], "quantity": pieces}]
                        return {"store": store["code"], "lines": lines}
        raise AssertionError("no shop with a desk has enough of anything")

    def _quote(self, **more: Any) -> dict[str, Any]:
        return self.api.request("POST", "/api/v1/quotes", json={**self.basket, **more})

    def _order(self, version: str, **more: Any) -> str:
        body = {**self.basket, **more, "delivery": ADDRESS, "quote_version": version}
        placed = self.api.command("orders", body)
        self.pay_by_wechat(self.api, self.person, placed["no"])
        return str(placed["no"])

    def _exchanged(self) -> dict[str, Any] | None:
        address = f"coupon-templates/{COUPON}/exchange"
        answer = self.api.command(address, {"points": 50}, ok=(200, 201, 409))
        return answer if "no" in answer else None

    def _cancelled(self) -> dict[str, Any] | None:
        order = self.api.get(f"orders/{self.no}")
        return order if order["state"] == "cancelled" else None
