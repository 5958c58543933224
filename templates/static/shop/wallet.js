// One stored-value card: what is on it, topping it up, giving it away, its statement; and a gift's link.

import { command, mine, post } from "./api.js";
import { breakdown, fen, payOrder, placeOnce } from "./cart.js";
import * as place from "./place.js";
import { busy, empty, h, panel, price, row, sheet, tell, when, yuan } from "./ui.js";
import { t } from "./words.js";

const signed = (amount) => (amount < 0 ? `−${yuan(-amount)}` : `+${yuan(amount)}`);

export async function card({ params: [no], signal, go }) {
  const store = await place.store({ signal });
  const path = `me/cards/${encodeURIComponent(no)}`;
  const [shown, entries, offers] = await Promise.all([
    mine(path, {}, { signal }), mine(`${path}/entries`, { page_size: 50 }, { signal }),
    mine(`${path}/topup-offers`, { store: store.code }, { signal }),
  ]);
  const usable = shown.state === "active";
  return {
    title: shown.name,
    body: [
      h("h1", {}, shown.name),
      h("div", { class: "value wide" }, h("small", {}, shown.operator), h("b", {}, yuan(shown.value_fen)),
        h("span", {}, t("{principal} principal + {bonus} bonus", { principal: yuan(shown.principal_fen), bonus: yuan(shown.bonus_fen) })),
        h("span", { class: "mono" }, shown.no)),
      usable ? topUp(shown, store, offers.results, go)
        : h("p", { class: "note" }, shown.state === "offered" ? t("It is offered to a friend.") : t("Nothing can be paid with this card now.")),
      panel(t("Statement"), entries.results.length
        ? entries.results.map((x) => row([h("b", {}, t(WHAT[x.what] ?? "Other")), " ",
          h("span", { class: "soft" }, x.part === "bonus" ? t("bonus") : t("principal")), h("br"), h("span", { class: "soft" }, when(x.at))],
        [h("b", {}, signed(x.amount_fen)), h("br"), h("span", { class: "soft" }, t("{amount} on it", { amount: yuan(x.balance_fen) }))]))
        : h("p", { class: "soft" }, t("Nothing yet."))),
      usable && shown.value_fen > 0 && shown.held_fen === 0 && give(shown, go),
      h("p", {}, h("a", { href: "#/me" }, t("Me"))),
    ],
  };
}

const WHAT = {
  "card.issue": "Bought", "card.topup": "Topped up", "card.bonus": "Bonus", "card.adjust": "Corrected", "card.spend": "Paid with it",
  "card.refund": "Came back", "card.payback": "Paid back", "card.charge": "Charged", "bonus.withdraw": "Bonus withdrawn",
  "card.void": "Purchase undone", "bonus.void": "Bonus undone",
};

/** A quote as soon as an amount is chosen: the best offer is in it. */
function topUp(shown, store, offers, go) {
  const box = h("div", { "aria-live": "polite" });
  const amount = h("input", { inputmode: "decimal", placeholder: "500", "aria-label": t("Amount, in yuan") });
  const look = h("button", { class: "btn primary", type: "submit" }, t("Top up"));
  const ask = () => busy(look, async () => {
    const wanted = fen(amount.value);
    if (!wanted) return tell(t("Please enter an amount, such as 500."), "error");
    const basket = { store: store.code, topup_card: shown.no, amount_fen: wanted };
    const quote = await post("quotes", basket);
    const bonus = quote.lines[0].bonus_fen;
    const pay = h("button", { class: "btn wechat block", type: "button" }, t("Pay {amount}", { amount: yuan(quote.to_pay_fen) }));
    pay.addEventListener("click", () => busy(pay, async () => {
      const placed = await placeOnce({ ...basket, quote_version: quote.version });
      if (await payOrder(placed.no)) go();
      else go(`#/orders/${placed.no}`);
    }));
    return box.replaceChildren(breakdown(quote),
      h("p", {}, bonus ? t("{bonus} on top", { bonus: yuan(bonus) }) : t("Nothing on top for this amount.")), pay);
  });
  const steps = offers.flatMap((offer) => offer.steps.map((step) => h("button", {
    class: "chip", type: "button", onclick: () => { amount.value = String(step.from_fen / 100); ask(); },
  }, t("Pay {price}, get {value}", { price: yuan(step.from_fen), value: yuan(step.from_fen + step.bonus_fen) }))));
  return panel(t("Top up"), steps.length > 0 && h("div", { class: "row wrap" }, steps),
    h("form", { class: "row", onsubmit: (event) => { event.preventDefault(); ask(); } }, h("span", { class: "grow" }, amount), look), box);
}

function give(shown, go) {
  const button = h("button", { class: "btn", type: "button" }, t("Give it to a friend"));
  button.addEventListener("click", () => busy(button, async () => {
    const gift = await command("me/gifts", { card: shown.no });
    const link = `${location.origin}${location.pathname}#/gift/${gift.token}`;
    await sheet(t("Give it to a friend"), () => [
      h("p", {}, t("Send this link. Whoever opens it first has the card, until {time}.", { time: when(gift.expires_at) })),
      h("p", { class: "mono" }, h("a", { href: link }, link)),
    ]);
    go("#/gifts");
  }));
  return panel(null, row(h("span", { class: "soft" }, t("With all that is on it.")), button));
}

export async function gifts({ signal, go }) {
  const { results } = await mine("me/gifts", { page_size: 50 }, { signal });
  return {
    title: t("My gifts"),
    body: [h("h1", {}, t("My gifts")), results.length ? results.map((gift) => {
      const back = h("button", { class: "btn", type: "button" }, t("Take it back"));
      back.addEventListener("click", () => busy(back, async () => { await command(`me/gifts/${gift.no}/take-back`); go(); }));
      return panel(null, row([h("b", {}, yuan(gift.value_fen)), " ", h("span", { class: "badge" }, t(GIFTS[gift.state])), h("br"),
        gift.state === "offered" ? h("a", { class: "mono", href: `#/gift/${gift.token}` }, t("The link for the friend"))
          : h("span", { class: "soft" }, when(gift.ended_at))], gift.state === "offered" && back));
    }) : empty(t("None yet."))],
  };
}

const GIFTS = { offered: "Offered", accepted: "Accepted", taken_back: "Taken back", expired: "Expired" };

export async function gift({ params: [token], signal, go }) {
  const shown = await mine(`gifts/${encodeURIComponent(token)}`, {}, { signal });
  const take = h("button", { class: "btn primary block", type: "button" }, t("Accept the card"));
  take.addEventListener("click", () => busy(take, async () => {
    const { no } = await command(`gifts/${encodeURIComponent(token)}/accept`);
    tell(t("The card is yours."));
    go(`#/wallet/${no}`);
  }));
  return {
    title: t("A gift for you"),
    body: [h("h1", {}, t("A gift for you")),
      h("div", { class: "value wide" }, h("small", {}, shown.operator), h("b", {}, yuan(shown.value_fen)), h("span", {}, shown.name)),
      shown.greeting && h("p", {}, t("“{words}”", { words: shown.greeting })),
      panel(null, row(t("From"), shown.giver || "—"), row(t("Until {time}", { time: when(shown.expires_at) }), price(shown.value_fen))), take],
  };
}
