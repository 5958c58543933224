// What members have besides goods: the points shop, paid memberships, and cards that a company gave.

import { command, get, mine, post } from "./api.js";
import { breakdown, payOrder, placeOnce } from "./cart.js";
import * as place from "./place.js";
import { busy, empty, h, panel, picture, row, sheet, tell, when, yuan } from "./ui.js";
import { t } from "./words.js";

/** Ask what it costs, show it, place and pay it; then the order's page, or `done`. */
function buy(button, basket, go, done = null) {
  button.addEventListener("click", () => busy(button, async () => {
    const quote = await post("quotes", basket);
    const yes = await sheet(quote.lines[0].title, (close) => [
      ...breakdown(quote),
      h("button", { class: "btn primary block", type: "button", autofocus: true, onclick: () => close(true) },
        quote.to_pay_fen ? t("Pay {amount}", { amount: yuan(quote.to_pay_fen) }) : t("Place the order")),
    ]);
    if (!yes) return;
    const placed = await placeOnce({ ...basket, quote_version: quote.version });
    const paid = !placed.to_pay_fen || await payOrder(placed.no);
    go(paid && done ? done : `#/orders/${placed.no}`);
  }));
  return button;
}

export async function pointsShop({ signal, go }) {
  const store = await place.store({ signal });
  const [points, offers] = await Promise.all([
    mine("me/points", {}, { signal }), mine("points-shop", { store: store.code, page_size: 50 }, { signal }),
  ]);
  const offer = (x) => {
    const cost = x.cash_fen ? t("{points} points + {amount}", { points: x.points_price, amount: yuan(x.cash_fen) }) : t("{points} points", { points: x.points_price });
    const had = x.per_member !== null && x.bought >= x.per_member;
    const button = h("button", {
      class: "btn primary small", type: "button", "aria-label": `${t("Exchange")}: ${x.title}`,
      disabled: had || x.available < 1 || x.points_price > points.points,
    }, t("Exchange"));
    const why = had ? t("You have had it.") : x.available < 1 ? t("Sold out here") : x.least_tier && t("From {tier} on", { tier: x.least_tier.name });
    return panel(null, row([picture({ code: x.product, name: x.title, image: x.image }), " ", h("b", {}, x.title), h("br"), cost,
      why && [h("br"), h("span", { class: "soft" }, why)]],
    buy(button, { store: store.code, points_lines: [{ offer: x.code, quantity: 1 }] }, go)));
  };
  return {
    title: t("Points shop"),
    body: [h("h1", {}, t("Points shop")), h("p", { class: "soft" }, t("You have {points}.", { points: points.points }), " ", t("Pickup at {store}", { store: store.name })),
      offers.results.length ? offers.results.map(offer) : empty(t("Nothing here for points now."))],
  };
}

export async function memberships({ signal, go }) {
  const [store, plans, wallet] = await Promise.all([
    place.store({ signal }), get("membership-plans", {}, { signal }), mine("me/wallet", {}, { signal }),
  ]);
  const held = new Map(wallet.memberships.map((x) => [x.plan, x]));
  const next = wallet.tier_progress.next;
  const code = h("input", { "aria-label": t("Code of a card"), autocomplete: "off", placeholder: "7Q2M-0XK4-9RTB-W5HD" });
  const send = h("button", { class: "btn", type: "submit" }, t("Take the card"));
  const redeem = () => busy(send, async () => {
    const { no } = await command("card-codes", { code: code.value });
    tell(t("The card is yours."));
    go(`#/wallet/${no}`);
  });
  return {
    title: t("Membership"),
    body: [
      h("h1", {}, t("Membership")),
      wallet.tier && panel(wallet.tier.name, next
        ? h("p", { class: "soft" }, t("{n} growth to {tier}", { n: wallet.tier_progress.missing_growth, tier: next.name }))
        : h("p", { class: "soft" }, t("Growth"), " ", wallet.tier_progress.growth)),
      plans.results.map((plan) => panel(plan.name, row(
        [t("{amount} for {n} days", { amount: yuan(plan.price_fen), n: plan.days }), h("br"),
          h("span", { class: "soft" }, held.has(plan.code) ? t("Until {time}", { time: when(held.get(plan.code).until) })
            : plan.points_rate_bp > 10_000 && t("{n} times the points", { n: plan.points_rate_bp / 10_000 }))],
        buy(h("button", { class: "btn primary", type: "button", "aria-label": `${held.has(plan.code) ? t("Renew") : t("Join")}: ${plan.name}` }, held.has(plan.code) ? t("Renew") : t("Join")),
          { store: store.code, membership_plan: plan.code }, go, "#/membership")))),
      panel(t("A card from my company"), h("form", { class: "row", onsubmit: (event) => { event.preventDefault(); redeem(); } },
        h("span", { class: "grow" }, code), send)),
    ],
  };
}
