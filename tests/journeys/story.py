"""What every journey has: where the mall is, who may log in, and how a step is told."""

import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from tests.journeys.client import Api, Browser, Wechat, eventually, expect, yuan

MALL_APP, BRAND_APP = "wx0000000000mall01", "wx0000000000mall02"
NEAR = {"latitude": "31.2304", "longitude": "121.4737"}


@dataclass
class Story:
    """The state of one run. ``logins`` are those of run.json: face, username, password."""

    url: str
    wechat_url: str
    logins: list[dict[str, Any]]
    search: str = ""
    say: Callable[[str], None] = print
    steps: int = 0
    seen: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.wechat = Wechat(self.wechat_url)

    def script(self) -> Sequence[Callable[[], None]]:
        """The steps in their order; the first line of each one's docstring is its title."""
        raise NotImplementedError

    def run(self) -> None:
        for step in self.script():
            self.steps += 1
            self.say(f"\n{self.steps}. {(step.__doc__ or '').strip().splitlines()[0]}")
            step()

    def close(self) -> None:
        """Hang up: a server's threads wait for their clients to go."""
        for client in vars(self).values():
            if isinstance(client, Api | Browser | Wechat):
                client.http.close()

    def tell(self, text: str) -> None:
        self.say(f"   {text}")

    def login_of(self, face: str, store: str = "") -> dict[str, Any]:
        """The first login of a face, of a store if one is named."""
        found = [x for x in self.logins if x["face"] == face and store in ("", x.get("store"))]
        expect(found, f"no demo login for {face} {store}".rstrip())
        return found[0]

    def person_new(self) -> str:
        """Somebody who has WeChat; messages of ours may reach them."""
        name = f"shopper-{uuid.uuid4().hex[:8]}"
        self.wechat.post("users", name=name)
        for template in ("order_paid", "pickup_ready", "refund_done"):
            self.wechat.post("subscribe", user=name, template=template, n=3)
        return name

    def log_in(self, api: Api, person: str, appid: str = MALL_APP) -> None:
        api.login(appid, self.wechat.post("js_code", user=person, appid=appid)["js_code"])

    def phone_bind(self, api: Api, person: str) -> None:
        code = self.wechat.post("phone_code", user=person, appid=MALL_APP)["code"]
        api.command("me/phone", {"app_id": MALL_APP, "phone_code": code})

    def pay_by_wechat(self, api: Api, person: str, order_no: str) -> str:
        """Returns the number of the payment; the order is paid then."""
        answer = api.command(f"orders/{order_no}/pay", {"app_id": MALL_APP})
        expect(answer["params"]["paySign"], "no signed parameters for wx.requestPayment")
        self.wechat.post("pay", out_trade_no=answer["payment"], user=person)
        eventually(
            lambda: api.get(f"orders/{order_no}")["state"] in ("paid", "completed") or None,
            "the payment's callback",
        )
        self.tell(f"{yuan(answer['amount_fen'])} paid by WeChat: {answer['payment']}")
        return str(answer["payment"])
