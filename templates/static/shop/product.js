// A product with its options, and the stores near with their price and pieces of it.

import { get, put } from "./api.js";
import * as place from "./place.js";
import { busy, empty, h, metres, options, panel, picture, price, row, stepper, tell, when, yuan } from "./ui.js";
import { t } from "./words.js";

export async function product({ params: [code], signal, go, refreshCart }) {
  const store = await place.store({ signal });
  const [item, reviews] = await Promise.all([
    get(`products/${code}`, { store: store?.code }, { signal }),
    get(`products/${code}/reviews`, { page_size: 5 }, { signal }),
  ]);
  const buy = h("div", {});
  const shown = h("div", { class: "row wrap" });
  const near = h("div", { "aria-live": "polite" });
  let sku = item.skus.find((s) => s.available > 0) ?? item.skus[0];
  let quantity = 1;

  function draw() {
    shown.replaceChildren(price(sku.price_fen, "big"),
      item.list_price_fen > sku.price_fen ? h("s", {}, yuan(item.list_price_fen)) : "",
      h("span", { class: "grow" }),
      h("span", { class: `badge ${sku.available > 0 ? "ok" : "bad"}` },
        sku.available > 0 ? t("{n} at {store}", { n: sku.available, store: store.name }) : t("Sold out here")));
    quantity = Math.min(quantity, Math.max(1, sku.available));
    const add = h("button", { class: "btn primary grow", type: "button", disabled: !(sku.available > 0) }, t("Add to cart"));
    add.addEventListener("click", () => busy(add, async () => {
      const before = await get("cart", { store: store.code }, { member: true });
      const had = before.lines.find((l) => l.sku === sku.code)?.quantity ?? 0;
      await put("cart", { store: store.code, sku: sku.code, quantity: had + quantity });
      refreshCart();
      tell(t("In the cart: {name}", { name: item.name }));
    }));
    buy.replaceChildren(h("div", { class: "row buy" },
      stepper({ value: quantity, max: Math.max(1, sku.available), label: t("Quantity"), onchange: (n) => { quantity = n; } }), add));
    near.replaceChildren(h("p", { class: "soft" }, t("Looking at the stores near you …")));
    stores(sku, store, signal, go).then((list) => near.replaceChildren(list), () => near.replaceChildren());
  }

  const choices = chooser(item.skus, () => sku, (chosen) => { sku = chosen; draw(); });
  draw();
  return {
    title: item.name,
    body: [
      h("div", { class: "product" },
        picture(item, "large"),
        h("div", {},
          h("h1", {}, item.name), h("p", { class: "soft" }, item.brief),
          shown, choices, buy,
          item.brand && h("p", { class: "soft" }, t("Brand"), ": ", item.brand.name),
          item.attributes.length > 0 && panel(t("Details"), h("dl", { class: "facts" }, item.attributes.map((a) =>
            [h("dt", {}, a.name), h("dd", {}, a.value)]))))),
      panel(t("Stores that have it"), near),
      reviews.results.length > 0 && panel(`${t("Reviews")} ★ ${item.stars} (${item.review_count})`,
        reviews.results.map((r) => h("div", { class: "review" },
          h("span", { class: "stars", role: "img", "aria-label": t("{n} of 5 stars", { n: r.stars }) }, "★".repeat(r.stars)),
          h("span", { class: "soft" }, " ", when(r.created_at)), h("p", {}, r.text)))),
    ],
  };
}

/** One group of radio buttons per option; picking a value leads to the SKU that fits best. */
function chooser(skus, current, onchoose) {
  const names = [...new Set(skus.flatMap((s) => Object.keys(s.options)))];
  const box = h("div", { class: "options" });
  const pick = (name, value) => {
    const wanted = { ...current().options, [name]: value };
    const fit = (s) => (s.options[name] === value ? 100 : 0) + names.filter((n) => s.options[n] === wanted[n]).length
      + (s.available > 0 ? 0.5 : 0);
    onchoose([...skus].sort((a, b) => fit(b) - fit(a))[0]);
    draw();
    box.querySelector(`input[name="${CSS.escape(name)}"]:checked`)?.focus();
  };
  const draw = () => box.replaceChildren(...names.map((name) =>
    h("fieldset", {}, h("legend", {}, name),
      [...new Set(skus.map((s) => s.options[name]).filter(Boolean))].map((value) => h("label", { class: "option" },
        h("input", {
          type: "radio", name, value, checked: current().options[name] === value, onchange: () => pick(name, value),
        }), h("span", {}, value))))));
  draw();
  return names.length ? box : null;
}

async function stores(sku, chosen, signal, go) {
  const all = await place.stores(sku.code, { signal });
  const have = all.filter((s) => s.offer && s.pickup_enabled).slice(0, 4);
  if (!have.length) return empty(t("No store near has it."));
  return h("ul", { class: "list flat" }, have.map((s) => h("li", {}, row(
    [h("b", {}, s.name), h("br"), h("span", { class: "soft" }, metres(s.distance_m), " · ", yuan(s.offer.price_fen), " · ",
      s.offer.available > 0 ? t("{n} left", { n: s.offer.available }) : t("Sold out here"))],
    s.code === chosen?.code ? h("span", { class: "badge ok" }, t("chosen"))
      : h("button", { class: "btn small", type: "button", "aria-label": `${t("Choose")}: ${s.name}`, onclick: () => { place.choose(s.code); go(); } }, t("Choose")),
  ))));
}

export async function storeList({ signal, go }) {
  const [all, chosen] = await Promise.all([place.stores("", { signal }), place.store({ signal })]);
  const find = h("button", { class: "btn", type: "button" }, t("Use my position"));
  find.addEventListener("click", () => busy(find, async () => {
    try {
      await place.locate();
      go();
    } catch {
      tell(t("The browser does not tell where you are."), "error");
    }
  }));
  return {
    title: t("Stores"),
    body: [
      h("h1", {}, t("Stores")),
      row(h("span", { class: "soft" }, place.known() ? t("Nearest to you first") : t("Seen from People's Square, Shanghai")), find, "wrap"),
      h("ul", { class: "list" }, all.map((s) => h("li", {}, row([
        h("b", {}, s.name), " ",
        h("span", { class: `badge ${s.open_now ? "ok" : ""}` }, s.open_now ? t("open") : t("closed")), h("br"),
        h("span", { class: "soft" }, [metres(s.distance_m), s.address, s.phone].filter(Boolean).join(" · ")), h("br"),
        h("span", { class: "soft" }, s.operator.name)],
      s.code === chosen?.code ? h("span", { class: "badge ok" }, t("chosen")) : h("button", {
        class: "btn", type: "button", "aria-label": `${t("Choose")}: ${s.name}`,
        onclick: () => { place.choose(s.code); tell(t("Now at {store}", { store: s.name })); go("#/"); },
      }, t("Choose")))))),
    ],
  };
}

export const lineTitle = (line) => [h("b", {}, line.title), " ", h("span", { class: "soft" }, options(line.options))];
