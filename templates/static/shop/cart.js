// Cart, quote, placing and paying. The quote is the server's: the shop never computes a price.

import { appId, command, get, mine, newKey, post, put, read, write } from "./api.js";
import { deliveryPanel } from "./delivery.js";
import { worth } from "./home.js";
import * as place from "./place.js";
import { lineTitle } from "./product.js";
import { busy, empty, h, messageOf, panel, price, row, sheet, stepper, tell, yuan } from "./ui.js";
import { requestPayment } from "./wechat.js";
import { t } from "./words.js";

export async function cart({ signal, go, refreshCart }) {
  const store = await place.store({ signal });
  const [basket, coupons, cards] = await Promise.all([
    mine("cart", { store: store.code }, { signal }),
    mine("me/coupons", { state: "usable", page_size: 50 }, { signal }),
    mine("me/cards", {}, { signal }),
  ]);
  const heading = [h("h1", {}, t("Cart")), h("p", { class: "soft" }, store.name)];
  if (!basket.lines.length) {
    return { title: t("Cart"), body: [heading, empty(t("The cart is empty."), h("a", { class: "btn primary", href: "#/" }, t("Look around")))] };
  }
  const lines = h("ul", { class: "list" }, basket.lines.map((line) => cartLine(line, store, () => { refreshCart(); go(); })));
  const body = [heading, lines];
  if (!basket.lines.every((l) => l.sellable)) {
    body.push(h("p", { class: "note warning" }, t("Take out what is not for sale here to go on.")));
  } else {
    body.push(checkout({
      basket: {
        store: store.code,
        lines: basket.lines.map((l) => ({ sku: l.sku, quantity: l.quantity })),
      },
      coupons: coupons.results.filter((c) => c.template.operator.code === store.operator.code && c.template.channels.includes("mall")),
      spendable: cards.results.reduce((sum, c) => sum + c.spendable_fen, 0),
      // Of those that this company issued, the one that pays first.
      toppedUp: cards.results.find((c) => c.state === "active" && c.operator === store.operator.name)?.no,
      signal,
      after: async (no) => {
        // The cart is the member's wish list of this store; what has been ordered leaves it.
        await Promise.allSettled(basket.lines.map((l) => put("cart", { store: store.code, sku: l.sku, quantity: 0 })));
        refreshCart();
        go(`#/orders/${no}`);
      },
    }));
  }
  return { title: t("Cart"), body };
}

function cartLine(line, store, changed) {
  const set = (quantity) => put("cart", { store: store.code, sku: line.sku, quantity }).then(changed, (e) => tell(messageOf(e), "error"));
  return h("li", {}, row([
    h("a", { href: `#/p/${line.product}` }, lineTitle(line)), h("br"),
    line.sellable ? price(line.price_fen) : h("span", { class: "badge bad" }, t("Not for sale here")),
    line.sellable && line.available < line.quantity && h("span", { class: "badge warn" }, t("{n} left", { n: line.available })),
  ], [
    stepper({ value: line.quantity, min: 1, max: 99, label: line.title, onchange: set }),
    h("button", { class: "icon", type: "button", "aria-label": `${t("Remove")}: ${line.title}`, onclick: () => set(0) }, "✕"),
  ]));
}

/** Quote → choose coupons and card → place at `path` → pay. Redraws itself with every new quote. */
export function checkout({ basket, coupons, spendable, toppedUp, signal, after, path = "orders" }) {
  const parts = h("div", {}, h("p", { class: "soft" }, t("Pricing …")));
  // It stays while the parts change, so that a screen reader hears the new amount.
  const bar = h("div", { class: "bar", "aria-live": "polite" });
  const box = h("section", { "aria-busy": "true" }, parts, bar);
  // The best of them first: the API says which go together and what the others lack.
  const state = { picked: null, refused: new Map(), card: spendable > 0, most: null, points: false, topup: null, address: null };

  const wanted = () => ({
    ...basket, coupons: [...(state.picked ?? [])],
    use_card: state.card, card_fen: state.card ? state.most : null,
    ...(state.card && state.topup && { topup_card: toppedUp, amount_fen: state.topup, use_card: true, card_fen: null }),
    // None of them still asks what they could do.
    use_points: state.points, points: state.points ? null : 0,
    // A quote takes the region of it; the rest is for the order alone.
    ...(state.address && { delivery: state.address }),
  });

  // `changed`: what a refused order said of the price since, one sentence each. The next quote that
  // the member asks for leaves it out again.
  async function reprice(changed = []) {
    box.setAttribute("aria-busy", "true");
    try {
      const best = state.picked === null;
      const quote = await post("quotes", best ? { ...wanted(), coupons: [], best_coupons: true } : wanted());
      if (best) state.picked = new Set(quote.discounts.filter((d) => d.kind === "coupon").map((d) => d.reference));
      for (const refusal of quote.refused_coupons) {
        state.picked.delete(refusal.coupon);
        state.refused.set(refusal.coupon, refusal);
      }
      if (!signal.aborted) draw(quote, changed);
    } catch (error) {
      if (!signal.aborted && state.address && ["delivery_not_offered", "region_not_served"].includes(error.code)) {
        tell(messageOf(error), "error");
        state.address = null;
        await reprice();
      } else if (!signal.aborted) parts.replaceChildren(h("p", { class: "note error", role: "alert" }, messageOf(error)));
    } finally {
      box.removeAttribute("aria-busy");
    }
  }

  function draw(quote, changed) {
    const pay = h("button", { class: "btn primary block", type: "button" },
      quote.to_pay_fen ? t("Pay {amount}", { amount: yuan(quote.to_pay_fen) }) : t("Place the order"));
    pay.addEventListener("click", () => busy(pay, () => order(quote.version)));
    const focused = document.activeElement?.id;
    const news = changed.length > 0 && h("div", { class: "note warning", role: "alert" },
      h("b", {}, t("This has changed since you looked:")), h("ul", {}, changed.map((words) => h("li", {}, words))));
    parts.replaceChildren(
      ...[news].filter(Boolean),
      deliveryPanel(state.address, quote, (address) => { state.address = address; state.picked = null; reprice(); }),
      ...[coupons.length > 0 && couponPanel(), quote.points_options?.most_points > 0 && pointsPanel(quote), (spendable > 0 || toppedUp) && cardPanel(quote)].filter(Boolean),
      panel(t("What it costs"), breakdown(quote), quote.hints.slice(0, 3).map((hint) => h("p", { class: "soft" }, hint.message))));
    bar.replaceChildren(pay);
    if (focused) document.getElementById(focused)?.focus();
    if (news) news.scrollIntoView({ block: "center" });
  }

  function couponPanel() {
    return panel(t("Coupons"), coupons.map((c) => {
      const no = !state.picked.has(c.no) && state.refused.get(c.no);
      return h("label", { class: "check" },
        h("input", {
          type: "checkbox", id: `coupon-${c.no}`, checked: state.picked.has(c.no),
          onchange: (event) => { event.target.checked ? state.picked.add(c.no) : state.picked.delete(c.no); reprice(); },
        }),
        h("span", {}, h("b", {}, worth(c.template)), " ", c.template.name,
          no && h("small", { class: "why" }, whyNot(no))));
    }));
  }

  function pointsPanel({ points, points_fen, points_options: { free_points, most_points, fen_per_point } }) {
    const said = state.points ? [points, points_fen] : [most_points, most_points * fen_per_point];
    return panel(t("Points"), h("label", { class: "check" }, h("input", {
      type: "checkbox", id: "points-use", checked: state.points, onchange: (event) => { state.points = event.target.checked; reprice(); },
    }), h("span", {}, t("Pay {amount} with {points} points", { amount: yuan(said[1]), points: said[0] }),
      h("small", { class: "why" }, t("You have {points}.", { points: free_points })))));
  }

  function cardPanel(quote) {
    const most = h("input", {
      type: "number", inputmode: "decimal", min: "0", step: "0.01", id: "card-most",
      value: state.most === null ? "" : (state.most / 100).toFixed(2), placeholder: t("as much as possible"),
      onchange: () => { state.most = fen(most.value); reprice(); },
    });
    const topup = h("input", {
      inputmode: "decimal", id: "card-topup", value: state.topup === null ? "" : String(state.topup / 100), placeholder: "500",
      onchange: () => { state.topup = fen(topup.value) || null; reprice(); },
    });
    return panel(t("Stored-value card"),
      h("label", { class: "check" }, h("input", {
        type: "checkbox", id: "card-use", checked: state.card, onchange: (event) => { state.card = event.target.checked; reprice(); },
      }), h("span", {}, t("Pay with the card: {amount} on it", { amount: yuan(spendable) }),
        state.card && h("small", { class: "why" }, t("{amount} of this order", { amount: yuan(quote.card_fen) })))),
      state.card && h("div", { class: "field" }, h("label", { for: "card-most" }, t("At most, in yuan")), most),
      state.card && toppedUp && h("div", { class: "field" }, h("label", { for: "card-topup" }, t("Top up first and pay, in yuan")), topup));
  }

  async function order(version) {
    const body = { ...wanted(), quote_version: version };
    // The code by which the shopper came, if any: the guide who owns it is credited.
    const source = read("source");
    if (source) body.source_token = source;
    const placed = await placeOnce(body, path).catch(async (error) => {
      if (["quote_changed", "out_of_stock", "coupon_not_applicable", "coupon_unavailable"].includes(error.code)) await reprice(error.extra.words);
      throw error;
    });
    // The order stands whatever becomes of the payment: its own page offers to pay again.
    if (placed.to_pay_fen) await payOrder(placed.no).catch((error) => tell(messageOf(error), "error"));
    await after(placed.no);
  }

  reprice();
  return box;
}

/** What WeChat calls yuan, in fen, read from the text: "12.3" → 1230. Empty is no limit. */
export function fen(text) {
  const found = /^(\d{1,7})(?:\.(\d{1,2}))?$/.exec(text.trim());
  return found ? Number(found[1]) * 100 + Number((found[2] ?? "").padEnd(2, "0")) : null;
}

function whyNot(refusal) {
  if (refusal.missing_fen) return t("{amount} more to use it", { amount: yuan(refusal.missing_fen) });
  return { scope: t("Not for these products"), nothing: t("Nothing to take off") }[refusal.reason] ?? refusal.message;
}

/** Every discount on its line, then the sums and who pays them. */
export function breakdown(quote) {
  const tenders = { points: t("Points"), points_price: t("Points"), card_principal: t("Card, principal"), card_bonus: t("Card, bonus"), wechat: t("WeChat Pay") };
  return [
    quote.lines.filter((line) => line.kind !== "freight").map((line) => h("div", { class: "cost" },
      row([line.title, " × ", line.quantity], h("span", { class: "money" }, yuan(line.gross_fen))),
      line.discounts.map((d) => row(d.title, h("span", { class: "money minus" }, yuan(-d.amount_fen)), "soft")),
      line.discounts.length > 0 && row("", h("span", { class: "money" }, yuan(line.net_fen)), "soft"))),
    h("hr"),
    quote.freight_fen > 0 && row(t("Delivery"), h("span", { class: "money" }, yuan(quote.freight_fen))),
    quote.discount_fen > 0 && row(t("Discounts"), h("span", { class: "money minus" }, yuan(-quote.discount_fen))),
    row(h("b", {}, t("Total")), price(quote.total_fen)),
    quote.tenders.map((x) => row([tenders[x.kind] ?? x.kind, " ", h("span", { class: "soft" }, x.card || x.points || "")], h("span", { class: "money" }, yuan(x.amount_fen)), "soft")),
  ];
}

/** Place an order once: the key lives in the storage until the answer is here, so that a reload
 * after a lost answer gets the same order and not a second one. */
export async function placeOnce(body, path = "orders") {
  const print = JSON.stringify([path, body]);
  let intent = read("intent");
  if (intent?.print !== print) intent = { print, key: newKey() };
  write("intent", intent);
  const placed = await command(path, body, intent.key);
  write("intent", null);
  return placed;
}

/** Ask for the payment's parameters, hand them to WeChat, then believe only the API. */
export async function payOrder(no) {
  const payment = await command(`orders/${no}/pay`, { app_id: appId() });
  const yes = await sheet(t("WeChat Pay"), (close) => [
    h("p", { class: "center price big" }, yuan(payment.amount_fen)),
    h("p", { class: "soft center" }, t("In a mini-program WeChat opens here. The sandbox pays for you.")),
    h("button", { class: "btn wechat block", type: "button", autofocus: true, onclick: () => close(true) }, t("Pay now")),
    h("button", { class: "btn plain block", type: "button", onclick: () => close(false) }, t("Later")),
  ]);
  if (!yes) return false;
  await requestPayment(payment.params);
  for (let i = 0; i < 20; i += 1) {
    const order = await mine(`orders/${no}`);
    if (order.state !== "placed") {
      tell(t("Paid. Thank you."));
      return true;
    }
    await new Promise((done) => setTimeout(done, 300));
  }
  tell(t("The payment is on its way; the order will show it."));
  return true;
}

/** Buying a stored-value card: an order of its own, never discounted, paid by WeChat alone. */
export async function cardPurchase({ params: [code], signal, go }) {
  const [store, products, who] = await Promise.all([
    place.store({ signal }), get("card-products", { page_size: 50 }, { signal }), mine("me", {}, { signal }),
  ]);
  const product = products.results.find((p) => p.code === code);
  if (!product) throw Object.assign(new Error(t("Nothing found.")), { status: 404 });
  if (product.named && !who.phone) {
    // The law wants to know who holds a named card.
    const { phonePanel } = await import("./member.js");
    return { title: product.name, body: [h("h1", {}, product.name), h("p", { class: "note" }, t("A named card needs your phone first.")), phonePanel(who, go)] };
  }
  const free = product.min_fen !== null;
  const amount = h("input", { inputmode: "decimal", value: String(product.price_fen / 100), "aria-label": t("Amount, in yuan") });
  const box = h("div", { "aria-live": "polite" });
  const ask = async () => {
    const basket = { store: store.code, card_product: code, ...(free && { amount_fen: fen(amount.value) ?? 0 }) };
    const quote = await post("quotes", basket);
    const line = quote.lines[0];
    const pay = h("button", { class: "btn primary block", type: "button" }, t("Pay {amount}", { amount: yuan(quote.to_pay_fen) }));
    pay.addEventListener("click", () => busy(pay, async () => {
      const placed = await placeOnce({ ...basket, quote_version: quote.version });
      const paid = await payOrder(placed.no);
      go(paid ? "#/me" : `#/orders/${placed.no}`);
    }));
    box.replaceChildren(
      h("div", { class: "value wide" }, h("small", {}, product.operator), h("b", {}, yuan(line.net_fen + line.bonus_fen)),
        h("span", {}, t("{principal} principal + {bonus} bonus", { principal: yuan(line.net_fen), bonus: yuan(line.bonus_fen) }))),
      panel(t("What it costs"), breakdown(quote)),
      h("p", { class: "soft" }, t("It pays at every store of the group. What is left can be refunded; the bonus is spent in proportion.")),
      h("div", { class: "bar" }, pay));
  };
  await ask();
  const again = h("button", { class: "btn", type: "submit" }, t("What it costs"));
  return {
    title: product.name,
    body: [h("h1", {}, product.name),
      free && h("form", { class: "row", onsubmit: (event) => { event.preventDefault(); busy(again, ask); } },
        h("label", { class: "grow" }, t("From {low} to {high}, in yuan", { low: product.min_fen / 100, high: product.max_fen / 100 }), amount), again),
      box],
  };
}
