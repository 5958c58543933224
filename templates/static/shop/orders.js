// The member's orders: state, what was paid how, the pickup code, and asking for units back.

import { command, cursorOf, mine, newKey } from "./api.js";
import { breakdown, payOrder } from "./cart.js";
import { parcelPanel } from "./delivery.js";
import { lineTitle } from "./product.js";
import { qr } from "./qr.js";
import { busy, empty, h, panel, price, row, sheet, stepper, tell, when, yuan } from "./ui.js";
import { t } from "./words.js";

const STATES = {
  placed: ["To be paid", "warn"], paid: ["Paid", "ok"], completed: ["Completed", "ok"],
  closed: ["Closed", ""], cancelled: ["Cancelled", "bad"], expired: ["Expired", "bad"],
};
const PICKUPS = {
  awaiting: "The store is preparing it.", ready: "Ready: show this code at the store.",
  collected: "Collected.", held: "On hold while the return is looked at.",
  expired: "The pickup time is over.", cancelled: "Cancelled",
};
const REFUNDS = { requested: "Requested", approved: "Approved", sent: "On its way", done: "Done", failed: "Failed", refused: "Refused" };

export function stateBadge(state) {
  const [words, kind] = STATES[state] ?? [state, ""];
  return h("span", { class: `badge ${kind}` }, t(words));
}

export async function orderList({ signal }) {
  const page = await mine("orders", { page_size: 20 }, { signal });
  const line = (o) => h("li", {}, h("a", { class: "row", href: `#/orders/${o.no}` },
    h("span", { class: "grow" }, h("b", {}, o.store_name), h("br"), h("span", { class: "soft" }, when(o.placed_at), " · ", h("span", { class: "mono" }, o.no))),
    h("span", { class: "right" }, stateBadge(o.state), h("br"), h("span", { class: "money" }, yuan(o.total_fen)))));
  const list = h("ul", { class: "list" }, page.results.map(line));
  const more = h("button", { class: "btn block", type: "button", hidden: !page.next }, t("More"));
  let cursor = cursorOf(page);
  more.addEventListener("click", () => busy(more, async () => {
    const next = await mine("orders", { page_size: 20, cursor });
    list.append(...next.results.map(line));
    cursor = cursorOf(next);
    more.hidden = !cursor;
  }));
  return {
    title: t("My orders"),
    body: [h("h1", {}, t("My orders")), page.results.length ? [list, more] : empty(t("No orders yet."), h("a", { class: "btn primary", href: "#/" }, t("Look around")))],
  };
}

export async function order({ params: [no], signal, go }) {
  const [found, me] = await Promise.all([mine(`orders/${no}`, {}, { signal }), mine("me", {}, { signal })]);
  const body = h("div", {});
  let shown = "";
  const draw = (document) => {
    const print = JSON.stringify(document);
    if (print === shown) return;
    shown = print;
    body.replaceChildren(...page(document, me, go).flat(9).filter(Boolean));
  };
  draw(found);
  watch(no, found, draw, signal);
  return { title: t("Order"), body };
}

/** Reactions come after the payment: look again until nothing more is expected, ever more slowly. */
async function watch(no, order, draw, signal) {
  for (let pause = 700; pause < 60_000 && !signal.aborted; pause *= 1.3) {
    const moving = order.state === "placed" || (order.state === "paid" && order.pickup?.state !== "collected")
      || order.refunds.some((r) => r.state !== "done") || order.after_sales.some((a) => ["requested", "approved"].includes(a.state));
    if (!moving) return;
    await new Promise((done) => setTimeout(done, pause));
    if (signal.aborted) return;
    try {
      order = await mine(`orders/${no}`, {}, { signal });
      draw(order);
    } catch (error) {
      if (error.status >= 400) return;
    }
  }
}

function page(order, me, go) {
  const goods = order.lines.filter((l) => l.kind === "goods");
  const back = goods.filter((l) => l.quantity > l.refunded_quantity);
  const open = order.after_sales.some((a) => a.state === "requested");
  const mayReturn = ["paid", "completed"].includes(order.state) && back.length > 0 && !open;
  return [
    h("h1", {}, t("Order"), " ", stateBadge(order.state)),
    h("p", { class: "soft" }, h("span", { class: "mono" }, order.no), " · ", order.store.name, " · ", when(order.placed_at)),
    order.state === "placed" && payPanel(order, go),
    order.pickup && pickupPanel(order.pickup, order, me),
    order.delivery && order.paid_at && parcelPanel(order.delivery, receivedButton(order, go)),
    panel(t("What you bought"), order.lines.filter((line) => line.kind !== "freight").map((line) => h("div", { class: "cost" }, row(lineTitle(line), ["× ", line.quantity]),
      line.refunded_quantity > 0 && h("span", { class: "badge warn" }, t("{n} given back", { n: line.refunded_quantity }))))),
    panel(t("What it costs"), breakdown(order)),
    (order.after_sales.length > 0 || order.refunds.length > 0) && returnsPanel(order),
    mayReturn && h("button", { class: "btn block", type: "button", onclick: () => askBack(order, back, go) }, t("Give something back")),
  ];
}

function payPanel(order, go) {
  const pay = h("button", { class: "btn primary grow", type: "button" }, t("Pay now"));
  pay.addEventListener("click", () => busy(pay, async () => { await payOrder(order.no); go(); }));
  const cancel = h("button", { class: "btn", type: "button" }, t("Cancel the order"));
  cancel.addEventListener("click", () => busy(cancel, async () => { await command(`orders/${order.no}/cancel`, {}); go(); }));
  return panel(null, h("p", {}, t("Pay until {time}, or the goods go back on the shelf.", { time: when(order.expires_at) })), h("div", { class: "row" }, pay, cancel));
}

function receivedButton(order, go) {
  const received = h("button", { class: "btn primary block", type: "button", id: "received" }, t("I have it"));
  received.addEventListener("click", () => busy(received, async () => { await command(`orders/${order.no}/received`, {}); go(); }));
  return received;
}

function pickupPanel(pickup, order, me) {
  const live = ["awaiting", "ready", "held"].includes(pickup.state);
  const tail = (me.phone ?? "").slice(-4);
  return h("section", { class: `panel pickup ${pickup.state}`, "aria-label": t("Pickup") },
    h("h2", {}, t(PICKUPS[pickup.state] ?? pickup.state)),
    live && qr(pickup.token, t("Pickup code as a QR code")),
    live && h("p", { class: "digits", "aria-label": t("Pickup code") }, pickup.digits.replace(/(\d{4})(?=\d)/g, "$1 "), tail && h("span", {}, " ", tail)),
    live && h("p", { class: "soft center" }, t("Or say the eight digits and the last four of your phone.")),
    pickup.state === "ready" && pickup.expires_at && h("p", { class: "soft center" }, t("Until {time}", { time: when(pickup.expires_at) })),
    pickup.collected_at && h("p", { class: "soft" }, when(pickup.collected_at), " · ", order.store.name),
    live && h("p", { class: "soft center demo" }, h("a", { href: "/desk/" }, t("Play the clerk at the store desk →"))));
}

function returnsPanel(order) {
  const ways = { points: t("Points"), points_price: t("Points"), card_principal: t("Card, principal"), card_bonus: t("Card, bonus"), wechat: t("WeChat Pay") };
  return panel(t("Returns and refunds"),
    order.after_sales.map((a) => row([a.reason, h("br"), h("span", { class: "soft" }, when(a.created_at), a.decision && ` · ${a.decision}`)],
      h("span", { class: `badge ${a.state === "done" ? "ok" : "warn"}` }, t(REFUNDS[a.state] ?? a.state)))),
    order.refunds.map((r) => row([t("Back to {way}", { way: ways[r.to] ?? r.to }), " ", h("span", { class: "soft" }, t(REFUNDS[r.state] ?? r.state))], r.points ? h("span", { class: "money" }, String(r.points)) : price(r.amount_fen))));
}

async function askBack(order, lines, go) {
  const asked = await sheet(t("Give something back"), (close) => {
    const wanted = new Map(lines.map((l, i) => [l.position, lines.length === 1 || i === 0 ? 1 : 0]));
    const reason = h("textarea", { id: "reason", rows: "2", maxlength: "200", required: true });
    const send = h("button", { class: "btn primary block" }, t("Send the request"));
    const key = {};
    return h("form", {
      onsubmit: (event) => {
        event.preventDefault();
        const chosen = [...wanted].filter(([, n]) => n > 0).map(([position, quantity]) => ({ position, quantity }));
        if (!chosen.length) return tell(t("Choose what to give back."), "error");
        busy(send, async () => {
          const body = { reason: reason.value.trim(), lines: chosen };
          // Another body is another request: the key belongs to exactly this one.
          key[JSON.stringify(body)] ??= newKey();
          await command(`orders/${order.no}/after-sales`, body, key[JSON.stringify(body)]);
          close(true);
        });
        return undefined;
      },
    },
    lines.map((l) => row(lineTitle(l), stepper({
      value: wanted.get(l.position), min: 0, max: l.quantity - l.refunded_quantity, label: l.title,
      onchange: (n) => wanted.set(l.position, n),
    }))),
    h("div", { class: "field" }, h("label", { for: "reason" }, t("Why")), reason), send);
  });
  if (asked) {
    tell(t("Asked. The store decides."));
    go();
  }
}
