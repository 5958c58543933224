// The first page and the lists: coupons to claim, categories, search, products page by page.

import { claim, command, cursorOf, get, loggedIn } from "./api.js";
import * as place from "./place.js";
import { busy, empty, h, metres, picture, price, tell, yuan } from "./ui.js";
import { t } from "./words.js";

export function productCard(product, storeCode) {
  const gone = storeCode && product.available === 0;
  return h("a", { class: "card", href: `#/p/${product.code}` },
    picture(product),
    h("b", { class: "name" }, product.name),
    h("span", { class: "brief" }, product.brief || product.category?.name),
    h("span", { class: "row" },
      price(product.price_fen),
      product.list_price_fen > product.price_fen && h("s", {}, yuan(product.list_price_fen)),
      h("span", { class: "grow" }),
      gone && h("span", { class: "badge" }, t("Sold out here"))));
}

function storeChip(store) {
  if (!store) return null;
  return h("a", { class: "chip store", href: "#/stores", "aria-label": `${t("Store")}: ${store.name}` },
    h("span", { class: `dot ${store.open_now ? "on" : ""}`, "aria-hidden": "true" }),
    h("b", {}, store.name),
    h("span", { class: "soft" }, [metres(store.distance_m), store.open_now ? t("open") : t("closed")].filter(Boolean).join(" · ")),
    h("span", { "aria-hidden": "true" }, "›"));
}

export function searchForm(value, go) {
  const input = h("input", {
    type: "search", name: "q", value, maxlength: "60", enterkeyhint: "search",
    placeholder: t("Search products"), "aria-label": t("Search products"),
  });
  return h("form", {
    class: "search", role: "search",
    onsubmit: (event) => { event.preventDefault(); go(`#/list?q=${encodeURIComponent(input.value.trim())}`); },
  }, input, h("button", { class: "btn primary" }, t("Search")));
}

/** The grid of a query, with "more" behind its cursor. */
function grid(page, load, storeCode) {
  const list = h("div", { class: "grid" }, page.results.map((p) => productCard(p, storeCode)));
  const more = h("button", { class: "btn block", type: "button" }, t("More"));
  let cursor = cursorOf(page);
  more.hidden = !cursor;
  more.addEventListener("click", () => busy(more, async () => {
    const next = await load(cursor);
    const cards = next.results.map((p) => productCard(p, storeCode));
    list.append(...cards);
    cards[0]?.focus();
    cursor = cursorOf(next);
    more.hidden = !cursor;
  }));
  return [list, h("p", { class: "more" }, more)];
}

export async function home({ go, signal }) {
  const store = await place.store({ signal });
  const ask = (cursor) => get("products", { store: store?.code, page_size: 12, cursor }, { signal });
  const [categories, products, templates, cards] = await Promise.all([
    get("categories", {}, { signal }), ask(""),
    get("coupon-templates", {}, { signal }), get("card-products", {}, { signal }),
  ]);
  const here = templates.results.filter((c) => c.operator.code === store?.operator.code);
  return {
    title: t("Mall"),
    body: [
      h("h1", { class: "quiet" }, t("Mall")),
      storeChip(store),
      searchForm("", go),
      here.length > 0 && h("section", { "aria-label": t("Coupons") },
        h("div", { class: "rail" }, here.map(couponCard), h("a", { class: "chip", href: "#/coupons" }, t("All coupons"), " ›"))),
      h("nav", { class: "cats", "aria-label": t("Categories") }, categories.results.map((c) =>
        h("a", { href: `#/list?category=${c.code}` },
          picture({ code: c.code, name: c.name }, "round"), h("span", {}, c.name)))),
      h("h2", {}, t("New in store")),
      products.results.length ? grid(products, ask, store?.code) : empty(t("Nothing on the shelf yet.")),
      cards.results.length > 0 && h("section", {},
        h("h2", {}, t("Stored-value cards")),
        h("div", { class: "rail" }, cards.results.map((c) => h("a", { class: "value", href: `#/card/${c.code}` },
          h("small", {}, c.operator), h("b", {}, c.name),
          h("span", {}, t("Pay {price}, get {value}", { price: yuan(c.price_fen), value: yuan(c.value_fen) })))))),
    ],
  };
}

export function worth(coupon) {
  const amount = yuan(coupon.value).replace(/\.00$/, "");
  if (coupon.kind === "freight") return t("no freight");
  if (coupon.kind === "exchange" && !coupon.value) return t("free");
  if (coupon.kind === "price" || coupon.kind === "exchange") return t("for {amount}", { amount });
  if (coupon.kind === "amount") return amount;
  // 1,200 basis points off are 88 % of the price: 8.8 折 in Chinese.
  const left = (10_000 - coupon.value) / 1000;
  return t("{n}% off", { n: coupon.value / 100, zhe: String(left) });
}

export function couponCard(coupon) {
  const full = loggedIn() && coupon.mine >= coupon.per_member;
  const points = coupon.points_price;
  const words = points ? t("{points} points", { points }) : t("Claim");
  const button = h("button", { class: "btn small", type: "button", "aria-label": `${words}: ${coupon.name}` }, words);
  button.addEventListener("click", () => busy(button, async () => {
    await (points ? command(`coupon-templates/${coupon.code}/exchange`, { points }) : claim(`coupon-templates/${coupon.code}/claim`));
    tell(t("“{name}” is in your coupons.", { name: coupon.name }));
    coupon.mine += 1;
    if (coupon.mine >= coupon.per_member) button.replaceWith(h("span", { class: "badge ok" }, t("Claimed")));
  }));
  return h("div", { class: "coupon" },
    h("b", { class: "worth" }, worth(coupon)),
    h("span", { class: "grow" }, h("b", {}, coupon.name),
      h("small", {}, coupon.threshold_fen ? t("from {amount}", { amount: yuan(coupon.threshold_fen) }) : t("no minimum"))),
    full ? h("span", { class: "badge ok" }, t("Claimed")) : button);
}

export async function list({ go, query, signal }) {
  const store = await place.store({ signal });
  const wanted = {
    category: query.category, q: query.q, ordering: query.ordering || "-id", store: store?.code, page_size: 20,
  };
  const ask = (cursor) => get("products", { ...wanted, cursor }, { signal });
  const [categories, products] = await Promise.all([get("categories", {}, { signal }), ask("")]);
  const trail = pathTo(categories.results, query.category) ?? [];
  const here = trail.at(-1);
  const title = query.q ? t("“{words}”", { words: query.q }) : here?.name ?? t("All products");
  const address = (change) => `#/list?${new URLSearchParams(Object.entries({
    category: query.category ?? "", q: query.q ?? "", ordering: query.ordering ?? "", ...change,
  }).filter(([, v]) => v))}`;
  const orders = { "": t("Newest"), price: t("Price ↑"), "-price": t("Price ↓") };
  return {
    title,
    body: [
      searchForm(query.q ?? "", go),
      h("h1", {}, title), here?.slogan && h("p", { class: "soft" }, here.slogan),
      h("nav", { class: "rail chips", "aria-label": t("Categories") },
        (here?.children.length ? here.children : trail.at(-2)?.children ?? categories.results).map((c) =>
          h("a", { class: "chip", href: address({ category: c.code }), "aria-current": c === here && "true" }, c.name))),
      h("nav", { class: "rail chips", "aria-label": t("Sort") }, Object.entries(orders).map(([value, words]) =>
        h("a", { class: "chip plain", href: address({ ordering: value }), "aria-current": (query.ordering ?? "") === value && "true" }, words))),
      products.results.length ? grid(products, ask, store?.code)
        : empty(t("Nothing found."), h("a", { class: "btn", href: "#/list" }, t("All products"))),
    ],
  };
}

function pathTo(nodes, code) {
  for (const node of nodes) {
    if (node.code === code) return [node];
    const below = pathTo(node.children, code);
    if (below) return [node, ...below];
  }
  return null;
}
