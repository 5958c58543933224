"""A stored-value card from its purchase to the statement of the friend who has it now: bought and
topped up with what the offer gives, paid with at a till by the code on the phone, given back in
part, given away. Public endpoints only; what every answer must be is counted here once more.
"""

import csv
import io
from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import Any

from tests.journeys.client import Api, eventually, expect, yuan
from tests.journeys.story import NEAR, Story

TOPUP_FEN, TICKET_FEN, OTHER_FEN, BACK_FEN = 20_000, 33_333, 1_200, 7_777


class Value(Story):
    def __post_init__(self) -> None:
        super().__post_init__()
        self.giver, self.friend, self.till = Api(self.url), Api(self.url), Api(self.url)
        self.people = ["", ""]

    def script(self) -> Sequence[Callable[[], None]]:
        return (
            self.two_people_arrive,
            self.buy_a_card,
            self.top_up,
            self.pay_at_the_till,
            self.the_till_asks_and_repeats,
            self.give_a_part_back,
            self.wallet_and_statement_agree,
            self.give_the_card_away,
            self.the_friend_pays,
            self.everything_agrees_again,
        )

    # -- the steps --------------------------------------------------------------------------

    def two_people_arrive(self) -> None:
        """Two friends log in and bind their phones"""
        for n, api in enumerate((self.giver, self.friend)):
            self.people[n] = self.person_new()
            self.log_in(api, self.people[n])
            self.phone_bind(api, self.people[n])
        self.tell(f"{self.giver.get('me')['no']} and {self.friend.get('me')['no']}")
        stores = self.giver.get("stores", **NEAR)["results"]
        tills = {x.get("store") for x in self.logins if x["face"] == "till"}
        here = [s for s in stores if s["code"] in tills]
        expect(here, "no shop near has a till of the demo")
        self.store = here[0]
        key = self.login_of("till", self.store["code"])["password"]
        self.till.http.headers.update({"Authorization": f"Terminal {key}", "X-Cashier": "0007"})
        self.tell(f"the till of {self.store['name']}")

    def buy_a_card(self) -> None:
        """A card is bought by WeChat Pay; the bonus is the best that product and offers give"""
        operator = self.store["operator"]["name"]
        products = self.giver.get("card-products")["results"]
        mine = [p for p in products if p["operator"] == operator]
        expect(mine, f"{operator} sells no card")
        product = min(mine, key=lambda p: p["price_fen"])
        quote = self._order({"card_product": product["code"]})
        line = quote["lines"][0]
        self.principal, self.bonus = line["net_fen"], line["bonus_fen"]
        expect(self.principal == product["price_fen"], f"the card costs {line}")
        expect(self.bonus >= product["bonus_fen"], f"less than the product gives: {line}")
        card = eventually(self._card, "the card")
        self.no = card["no"]
        self._holds(card, 1)

    def top_up(self) -> None:
        """It is topped up, with what the offer gives on top"""
        offers = self.giver.get(f"me/cards/{self.no}/topup-offers", store=self.store["code"])
        steps = [step for offer in offers["results"] for step in offer["steps"]]
        reached = [s["bonus_fen"] for s in steps if s["from_fen"] <= TOPUP_FEN]
        expect(reached, f"no offer for {yuan(TOPUP_FEN)}: {steps}")
        quote = self._order({"topup_card": self.no, "amount_fen": TOPUP_FEN})
        expect(quote["lines"][0]["bonus_fen"] == max(reached), f"not the best: {quote['lines']}")
        self.principal += TOPUP_FEN
        self.bonus += max(reached)
        self._holds(eventually(self._card, "the card"), 2)

    def pay_at_the_till(self) -> None:
        """The code on the phone is scanned at a till, and pays most of a ticket by the card"""
        code = self.giver.request("POST", "/api/v1/me/code", json={})
        scan = self.till.command("pos/members", {"code": code["token"]})
        expect(scan["cards"][0]["no"] == self.no, f"the till sees {scan['cards']}")
        again = self.till.command("pos/members", {"code": code["digits"]}, ok=(409,))
        expect(again["errors"][0]["code"] == "member_code_used", f"the code works twice: {again}")
        self.number = f"J{self.people[0].rpartition('-')[2]}"
        self.body = {
            "ticket_no": self.number,
            "visit": scan["visit"],
            "total_fen": TICKET_FEN + OTHER_FEN,
            "card_fen": TICKET_FEN,
        }
        ticket = self.till.command("pos/tickets", self.body)
        paid = {t["kind"]: t["amount_fen"] for t in ticket["tenders"]}
        expect(sum(paid.values()) == TICKET_FEN, f"the tenders are {paid}")
        share = self._lot_share(TICKET_FEN)
        expect(abs(paid["card_principal"] - share) <= 1, f"not in proportion of the lot: {paid}")
        self._spend(paid)
        first = eventually(self._card, "the card")["lots"][0]
        expect(
            first["principal_fen"] == self.first_lot[0] - paid["card_principal"]
            and first["bonus_fen"] == self.first_lot[1] - paid["card_bonus"],
            f"the oldest lot holds {first}",
        )
        self.tell(
            f"ticket {ticket['no']}: {yuan(paid['card_principal'])} principal,"
            f" {yuan(paid['card_bonus'])} bonus, {yuan(ticket['other_fen'])} otherwise"
        )
        self.ticket = ticket

    def the_till_asks_and_repeats(self) -> None:
        """A till that heard no answer asks, and repeats: paid once; another sale is refused"""
        asked = self.till.get(f"pos/tickets/{self.number}")
        repeated = self.till.command("pos/tickets", self.body)
        expect(asked == repeated == self.ticket, f"{asked} is not {self.ticket}")
        other = {**self.body, "card_fen": 1}
        refused = self.till.command("pos/tickets", other, ok=(409,))
        expect(refused["errors"][0]["code"] == "pos_ticket_exists", f"another sale: {refused}")
        self._holds(self._card(), 2)
        self.tell("asked and repeated: the same ticket, the same card")

    def give_a_part_back(self) -> None:
        """A part of it goes back into the lots it came from, and points follow"""
        points = eventually(
            lambda: self.giver.get("me/points")["points"] or None, "points for the ticket"
        )
        body = {"refund_no": "R1", "amount_fen": BACK_FEN, "reason": "尺码不合适"}
        path = f"pos/tickets/{self.number}/refunds"
        after = self.till.command(path, body)
        expect(self.till.command(path, body) == after, "the same refund gave back twice")
        back = {t["kind"]: t["refunded_fen"] for t in after["tenders"]}
        expect(sum(back.values()) == BACK_FEN == after["refunded_fen"], f"{back} went back")
        for tender in after["tenders"]:
            expect(
                abs(tender["refunded_fen"] * TICKET_FEN - tender["amount_fen"] * BACK_FEN)
                < TICKET_FEN,
                f"not in proportion: {tender}",
            )
        self._spend({kind: -amount for kind, amount in back.items()})
        much = {"refund_no": "R2", "amount_fen": TICKET_FEN}
        refused = self.till.command(path, much, ok=(409,))
        expect(refused["errors"][0]["code"] == "pos_refund_too_large", f"too much: {refused}")
        left = eventually(lambda: self._points_below(points), "points to come back")
        self.tell(f"{yuan(BACK_FEN)} back on the card; points {points} → {left}")

    def wallet_and_statement_agree(self) -> None:
        """Wallet, card, statement and its file say the same, to the fen"""
        entries = self._agree(self.giver, since_gift=False)
        expect(sum(e["amount_fen"] for e in entries) == self.principal + self.bonus, "the sum")
        self.tell(f"{len(entries)} lines end at {yuan(entries[0]['balance_fen'])}")

    def give_the_card_away(self) -> None:
        """The card is offered to the friend, who takes it; nobody takes it twice"""
        offered = self.giver.command("me/gifts", {"card": self.no, "greeting": "生日快乐"})
        wallet = self.giver.get("me/wallet")
        expect(wallet["spendable_fen"] == 0, f"an offered card can be spent: {wallet}")
        shown = self.friend.get(f"gifts/{offered['token']}")
        expect(shown["value_fen"] == self.principal + self.bonus, f"the gift shows {shown}")
        self.friend.command(f"gifts/{offered['token']}/accept")
        refused = self.giver.command(f"me/gifts/{offered['no']}/take-back", ok=(409,))
        expect(refused["errors"][0]["code"] == "card_gift_ended", f"taken back: {refused}")
        expect(self.giver.get("me/wallet")["cards"] == [], "the giver still has it")
        self.giver.request("GET", f"/api/v1/me/cards/{self.no}/entries", ok=(404,))
        self.gift_fen = self.principal + self.bonus
        self.tell(f"{yuan(self.gift_fen)} are the friend's")

    def the_friend_pays(self) -> None:
        """The friend pays at the till by the digits of a code, scan and payment in one"""
        code = self.friend.request("POST", "/api/v1/me/code", json={})
        rest = self.principal + self.bonus
        body = {"ticket_no": f"{self.number}-F", "code": code["digits"], "total_fen": rest + 1}
        refused = self.till.command("pos/tickets", body, ok=(409,))
        expect(refused["errors"][0]["code"] == "insufficient_funds", f"too much: {refused}")
        ticket = self.till.command("pos/tickets", {**body, "total_fen": TOPUP_FEN})
        paid = {"card_principal": 0, "card_bonus": 0}
        for tender in ticket["tenders"]:
            paid[tender["kind"]] += tender["amount_fen"]
        expect(sum(paid.values()) == TOPUP_FEN, f"the tenders are {paid}")
        self._spend(paid)
        self.tell(f"a fen too much is refused; then ticket {ticket['no']}: {yuan(TOPUP_FEN)}")

    def everything_agrees_again(self) -> None:
        """The friend's wallet and statement agree, and begin with the gift"""
        entries = self._agree(self.friend, since_gift=True)
        expect(sum(e["amount_fen"] for e in entries) == -TOPUP_FEN, f"the friend sees {entries}")
        oldest = entries[-1]
        expect(oldest["balance_fen"] - oldest["amount_fen"] == self.gift_fen, "not since the gift")
        self.tell(f"{yuan(self.gift_fen)} → {yuan(entries[0]['balance_fen'])}")

    # -- what they share --------------------------------------------------------------------

    def _order(self, wanted: dict[str, Any]) -> dict[str, Any]:
        """Quoted, placed as quoted, paid by WeChat. Returns the quote."""
        basket = {"store": self.store["code"], **wanted}
        quote: dict[str, Any] = self.giver.request("POST", "/api/v1/quotes", json=basket)
        placed = self.giver.command("orders", {**basket, "quote_version": quote["version"]})
        self.pay_by_wechat(self.giver, self.people[0], placed["no"])
        return quote

    def _card(self) -> dict[str, Any] | None:
        found = self.giver.get("me/cards")["results"]
        return found[0] if found else None

    def _holds(self, card: dict[str, Any] | None, lots: int) -> None:
        expect(card is not None, "the card is gone")
        assert card is not None
        have = (card["principal_fen"], card["bonus_fen"], len(card["lots"]))
        expect(have == (self.principal, self.bonus, lots), f"the card holds {have}")
        if lots == 1:
            self.first_lot = (self.principal, self.bonus)
        self.tell(f"card {card['no']}: {yuan(self.principal)} principal + {yuan(self.bonus)} bonus")

    def _lot_share(self, amount: int) -> int:
        principal, bonus = self.first_lot
        return amount * principal // (principal + bonus)

    def _spend(self, by_kind: dict[str, int]) -> None:
        self.principal -= by_kind.get("card_principal", 0)
        self.bonus -= by_kind.get("card_bonus", 0)

    def _points_below(self, before: int) -> int | None:
        now = self.giver.get("me/points")["points"]
        return now if now < before else None

    def _agree(self, api: Api, *, since_gift: bool) -> list[dict[str, Any]]:
        """The statement of whoever holds the card, newest first, checked against all the rest."""
        wallet = api.get("me/wallet")
        expect(len(wallet["cards"]) == 1, f"the wallet holds {wallet['cards']}")
        card = wallet["cards"][0]
        have = (card["principal_fen"], card["bonus_fen"], wallet["spendable_fen"])
        expect(
            have == (self.principal, self.bonus, self.principal + self.bonus),
            f"the wallet says {have}, not {self.principal} and {self.bonus}",
        )
        entries: list[dict[str, Any]] = []
        page = api.get(f"me/cards/{self.no}/entries", page_size=3)
        while True:
            entries += page["results"]
            if not page["next"]:
                break
            page = api.request("GET", page["next"])
        expect(entries[0]["balance_fen"] == card["value_fen"], f"it ends at {entries[0]}")
        for newer, older in pairwise(entries):
            expect(
                newer["balance_fen"] - newer["amount_fen"] == older["balance_fen"],
                f"a gap between {older} and {newer}",
            )
        if not since_gift:
            for part, held in (("principal", self.principal), ("bonus", self.bonus)):
                moved = sum(e["amount_fen"] for e in entries if e["part"] == part)
                expect(moved == held, f"{part} moved by {moved}, and {held} is there")
        file = api.http.get(
            f"/api/v1/me/cards/{self.no}/entries.csv", headers={"X-Session-Token": api.token}
        )
        rows = list(csv.reader(io.StringIO(file.text.lstrip("\ufeff"))))
        expect(len(rows) == 1 + len(entries), f"the file has {len(rows)} rows")
        return entries
