// A basket that a guide prepared: what is in it, at today's prices, to be changed and ordered.

import { mine, post } from "./api.js";
import { checkout } from "./cart.js";
import { lineTitle } from "./product.js";
import { empty, h, price, row, stepper } from "./ui.js";
import { t } from "./words.js";

export async function basket({ params: [token], signal, go }) {
  // That they came by it: harmless to repeat, and no reason not to show it.
  await post("touches", { token }).catch(() => null);
  const [found, coupons, cards] = await Promise.all([
    mine(`baskets/${token}`, {}, { signal }),
    mine("me/coupons", { state: "usable", page_size: 50 }, { signal }),
    mine("me/cards", {}, { signal }),
  ]);
  const title = t("A basket from {guide}", { guide: found.guide.name });
  const heading = [h("h1", {}, title), h("p", { class: "soft" }, found.store.name),
    found.note && h("p", { class: "note" }, found.note)];
  if (found.order) {
    return { title, body: [heading, h("p", {}, h("a", { class: "btn primary block", href: `#/orders/${found.order}` }, t("See the order")))] };
  }
  const pieces = new Map(found.lines.filter((l) => l.sellable).map((l) => [l.sku, l.quantity]));
  const box = h("div", {});
  const draw = () => {
    const lines = [...pieces].filter(([, n]) => n > 0).map(([sku, quantity]) => ({ sku, quantity }));
    box.replaceChildren(lines.length === 0 ? empty(t("The cart is empty.")) : checkout({
      basket: { store: found.store.code, lines },
      coupons: coupons.results.filter((c) => c.template.operator.code === found.store.operator.code && c.template.channels.includes("mall")),
      spendable: cards.results.reduce((sum, c) => sum + c.spendable_fen, 0),
      toppedUp: cards.results.find((c) => c.state === "active" && c.operator === found.store.operator.name)?.no,
      signal,
      path: `baskets/${token}/orders`,
      after: async (no) => go(`#/orders/${no}`),
    }));
  };
  const list = h("ul", { class: "list" }, found.lines.map((line) => h("li", {}, row([
    h("a", { href: `#/p/${line.product}` }, lineTitle(line)), h("br"),
    line.sellable ? price(line.price_fen) : h("span", { class: "badge bad" }, t("Not for sale here")),
    line.sellable && line.available < line.quantity && h("span", { class: "badge warn" }, t("{n} left", { n: line.available })),
  ], line.sellable && stepper({
    value: line.quantity, min: 0, max: 99, label: line.title,
    onchange: (n) => { pieces.set(line.sku, n); draw(); },
  })))));
  draw();
  return { title, body: [heading, list, box] };
}
