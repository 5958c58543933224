// The frame: addresses after the # lead to pages; banners say when the network is slow or gone.

import { NetworkError, events, get, loggedIn, useWechat, write } from "./api.js";
import { home, list } from "./home.js";
import * as place from "./place.js";
import { h, messageOf, tell } from "./ui.js";
import * as wechat from "./wechat.js";
import { t } from "./words.js";

// What the first page does not need comes when it is asked for.
const later = (load, name) => async (context) => {
  const page = await load().catch((cause) => { throw new NetworkError(cause); });
  return page[name](context);
};
const products = () => import("./product.js");
const carts = () => import("./cart.js");
const orders = () => import("./orders.js");
const members = () => import("./member.js");
const wallets = () => import("./wallet.js");
const tickets = () => import("./coupons.js");
const benefits = () => import("./benefits.js");
const prepared = () => import("./basket.js");
const ROUTES = [
  [/^\/?$/, home, "home"], [/^\/list$/, list, "home"],
  [/^\/p\/([^/]+)$/, later(products, "product"), "home"], [/^\/stores$/, later(products, "storeList"), "stores"],
  [/^\/card\/([^/]+)$/, later(carts, "cardPurchase"), "home"], [/^\/cart$/, later(carts, "cart"), "cart"],
  [/^\/basket\/([0-9A-Za-z]+)$/, later(prepared, "basket"), "cart"],
  [/^\/orders$/, later(orders, "orderList"), "me"], [/^\/orders\/([^/]+)$/, later(orders, "order"), "me"],
  [/^\/wallet\/([^/]+)$/, later(wallets, "card"), "me"], [/^\/gifts$/, later(wallets, "gifts"), "me"],
  [/^\/gift\/([^/]+)$/, later(wallets, "gift"), "me"],
  [/^\/coupons$/, later(tickets, "coupons"), "me"], [/^\/coupon-gift\/([^/]+)$/, later(tickets, "couponGift"), "me"],
  [/^\/points$/, later(benefits, "pointsShop"), "me"], [/^\/membership$/, later(benefits, "memberships"), "me"],
  [/^\/me$/, later(members, "me"), "me"], [/^\/about$/, later(members, "about"), "about"],
];
const view = document.getElementById("view");
let leaving = null;
let shownPath = null;

async function show() {
  const [path, search = ""] = location.hash.replace(/^#/, "").split("?");
  const found = ROUTES.map(([shape, page, tab]) => ({ match: shape.exec(path), page, tab })).find((r) => r.match);
  leaving?.abort();
  leaving = new AbortController();
  const { signal } = leaving;
  const context = {
    params: (found?.match ?? []).slice(1).map(decodeURIComponent),
    query: Object.fromEntries(new URLSearchParams(search)),
    signal, go, refreshCart,
  };
  const again = shownPath === location.hash;
  view.setAttribute("aria-busy", "true");
  if (!again) view.classList.add("loading");
  try {
    if (!found) throw Object.assign(new Error(t("There is no such page.")), { status: 404 });
    const page = await found.page(context);
    if (signal.aborted) return;
    const focused = again && document.activeElement?.getAttribute("aria-label");
    view.replaceChildren(...[page.body].flat(9).filter(Boolean));
    // Drawn again in place: whoever steps with the keyboard stays where they were.
    if (focused) view.querySelector(`[aria-label="${CSS.escape(focused)}"]`)?.focus();
    document.title = page.title === t("Mall") ? t("Mall") : `${page.title} · ${t("Mall")}`;
  } catch (error) {
    if (signal.aborted) return;
    view.replaceChildren(h("h1", {}, t("That did not work.")), h("div", { class: "note error", role: "alert" }, messageOf(error)),
      h("p", { class: "row" }, h("button", { class: "btn primary", type: "button", onclick: () => show() }, t("Try again")), h("a", { class: "btn", href: "#/" }, t("First page"))));
  } finally {
    if (!signal.aborted) {
      view.removeAttribute("aria-busy");
      view.classList.remove("loading");
    }
  }
  view.dataset.page = found?.tab ?? "";
  for (const tab of document.querySelectorAll("[data-tab]")) {
    if (tab.dataset.tab === found?.tab) tab.setAttribute("aria-current", "page");
    else tab.removeAttribute("aria-current");
  }
  if (!again && shownPath !== null) {
    scrollTo(0, 0);
    const heading = view.querySelector("h1");
    heading?.setAttribute("tabindex", "-1");
    heading?.focus({ preventScroll: true });
  }
  shownPath = location.hash;
}

/** Go to an address, or draw this page again. */
function go(address) {
  if (address && address !== location.hash) location.hash = address;
  else show();
}

async function refreshCart() {
  const badge = document.getElementById("pieces");
  if (!loggedIn()) {
    badge.hidden = true;
    return;
  }
  try {
    const store = await place.store();
    const { pieces } = await get("cart", { store: store.code }, { member: true });
    badge.textContent = String(pieces);
    badge.hidden = pieces === 0;
  } catch {
    badge.hidden = true;
  }
}

const banner = document.getElementById("network");

function network(words, kind) {
  banner.hidden = !words;
  banner.className = `network ${kind}`;
  if (banner.textContent !== words) banner.textContent = words;
}

let away = !navigator.onLine;
let slow = false;
const weather = () => network(away ? t("The network is away. What you see may be old.") : slow ? t("The network is slow, please wait …") : "", away ? "bad" : "warn");
events.addEventListener("away", ({ detail }) => { away = detail; weather(); });
events.addEventListener("slow", ({ detail }) => { slow = detail; weather(); });
addEventListener("offline", () => { away = true; weather(); });
addEventListener("online", () => { away = false; weather(); show(); });
events.addEventListener("session", refreshCart);
addEventListener("hashchange", show);
addEventListener("unhandledrejection", (event) => { if (event.reason?.name !== "AbortError") tell(messageOf(event.reason), "error"); });

if (document.body.dataset.sandbox) useWechat(wechat);
// A guide's code leads here with its token; it goes with the order that follows.
const source = new URLSearchParams(location.search).get("source");
if (source) write("source", source);
// A basket that a guide prepared leads to its page.
const prepares = /^[0-9A-Za-z]{1,32}$/.exec(new URLSearchParams(location.search).get("basket") ?? "");
if (prepares) history.replaceState(null, "", `${location.pathname}#/basket/${prepares[0]}`);
// An address after the # is a page here, so the link to the content is followed by hand.
document.querySelector(".skip").addEventListener("click", (event) => {
  event.preventDefault();
  view.focus();
});
weather();
show();
refreshCart();
