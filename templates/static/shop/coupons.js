// Coupons: to be had, had and over; a code that is typed; one shown at a desk, or given to a friend.

import { command, cursorOf, get, mine } from "./api.js";
import { couponCard, worth } from "./home.js";
import { qr } from "./qr.js";
import { busy, empty, h, messageOf, panel, row, sheet, tell, when } from "./ui.js";
import { t } from "./words.js";

const SHELVES = { get: "To be had", have: "Mine", had: "Over" };
const STATES = { used: "used", expired: "Expired", revoked: "revoked", returned: "given back", claimed: "claimed" };

export async function coupons({ query, signal, go }) {
  const shelf = query.shelf in SHELVES ? query.shelf : "get";
  return {
    title: t("Coupons"),
    body: [
      h("h1", {}, t("Coupons")),
      h("nav", { class: "rail chips", "aria-label": t("Coupons") }, Object.entries(SHELVES).map(([name, words]) =>
        h("a", { class: "chip", href: `#/coupons?shelf=${name}`, "aria-current": name === shelf && "true" }, t(words)))),
      await { get: toGet, have, had }[shelf]({ signal, go }),
    ],
  };
}

async function toGet({ signal, go }) {
  const { results } = await get("coupon-templates", { page_size: 50 }, { signal });
  return [codeForm(go), results.length ? h("div", { class: "coupons" }, results.map(couponCard)) : empty(t("None to be had just now."))];
}

/** A code of a leaflet or a partner. */
function codeForm(go) {
  const code = h("input", { maxlength: "64", autocapitalize: "characters", autocomplete: "off", spellcheck: "false", "aria-label": t("Coupon code") });
  const send = h("button", { class: "btn primary", type: "submit" }, t("Redeem the code"));
  const wrong = h("p", { class: "note error", role: "alert", hidden: true });
  const refuse = (error) => {
    wrong.textContent = messageOf(error);
    wrong.hidden = false;
    code.select();
  };
  return panel(t("Have a code?"), h("form", {
    class: "row", onsubmit: (event) => {
      event.preventDefault();
      busy(send, async () => {
        if (!code.value.trim()) return code.focus();
        wrong.hidden = true;
        const had = await command("coupon-codes", { code: code.value }).catch(refuse);
        if (!had) return undefined;
        tell(t("It is in your coupons."));
        return go("#/coupons?shelf=have");
      });
    },
  }, h("span", { class: "grow" }, code), send), wrong);
}

/** Rows of a list behind its cursor. */
async function pages(path, query, draw, nothing, signal) {
  const ask = (cursor) => mine(path, { ...query, page_size: 20, cursor }, { signal });
  const first = await ask("");
  if (!first.results.length) return empty(nothing);
  const list = h("div", {}, first.results.map(draw));
  const more = h("button", { class: "btn block", type: "button" }, t("More"));
  let cursor = cursorOf(first);
  more.hidden = !cursor;
  more.addEventListener("click", () => busy(more, async () => {
    const next = await ask(cursor);
    list.append(...next.results.map(draw));
    cursor = cursorOf(next);
    more.hidden = !cursor;
  }));
  return [list, more];
}

const words = (coupon) => [h("b", {}, worth(coupon.template)), " ", coupon.template.name, h("br"),
  h("span", { class: "soft" }, t("Until {time}", { time: when(coupon.valid_until) }), " · ", coupon.template.scope_words)];

async function have({ signal, go }) {
  const [list, offered] = await Promise.all([
    pages("me/coupons", { state: "usable" }, (coupon) => panel(null, row(words(coupon), null), h("div", { class: "row wrap" },
      coupon.template.channels.includes("store") && showButton(coupon), coupon.giftable && giveButton(coupon, go))), t("You have none that can be used."), signal),
    mine("me/coupon-gifts", { page_size: 20 }, { signal }),
  ]);
  const open = offered.results.filter((gift) => gift.state === "offered");
  return [list, open.length > 0 && h("section", {}, h("h2", {}, t("Offered to friends")), open.map((gift) => {
    const back = h("button", { class: "btn", type: "button" }, t("Take it back"));
    back.addEventListener("click", () => busy(back, async () => { await command(`me/coupon-gifts/${gift.no}/take-back`); go(); }));
    return panel(null, row([h("a", { href: `#/coupon-gift/${gift.token}` }, t("The link for the friend")), h("br"),
      h("span", { class: "soft" }, t("Until {time}", { time: when(gift.expires_at) }))], back));
  }))];
}

const had = ({ signal }) => pages("me/coupons", { state: "had" }, (coupon) =>
  panel(null, row(words(coupon), h("span", { class: "badge" }, t(STATES[coupon.state] ?? coupon.state)))), t("Nothing yet."), signal);

function showButton(coupon) {
  const show = () => sheet(coupon.template.name, () => [qr(coupon.no, t("Coupon code as a QR code")),
    h("p", { class: "mono center" }, coupon.no), h("p", { class: "soft" }, t("The store scans this code. It can be used once."))]);
  return h("button", { class: "btn primary", type: "button", onclick: show, "aria-label": `${t("Show in the store")}: ${coupon.template.name}` }, t("Show in the store"));
}

function giveButton(coupon, go) {
  const button = h("button", { class: "btn", type: "button", "aria-label": `${t("Give it to a friend")}: ${coupon.template.name}` }, t("Give it to a friend"));
  button.addEventListener("click", () => busy(button, async () => {
    const gift = await command("me/coupon-gifts", { coupon: coupon.no });
    const link = `${location.origin}${location.pathname}#/coupon-gift/${gift.token}`;
    await sheet(t("Give it to a friend"), () => [
      h("p", {}, t("Send this link. Whoever opens it first has the coupon, until {time}.", { time: when(gift.expires_at) })),
      h("p", { class: "mono" }, h("a", { href: link }, link)),
    ]);
    go();
  }));
  return button;
}

export async function couponGift({ params: [token], signal, go }) {
  const shown = await mine(`coupon-gifts/${encodeURIComponent(token)}`, {}, { signal });
  const take = h("button", { class: "btn primary block", type: "button" }, t("Accept the coupon"));
  take.addEventListener("click", () => busy(take, async () => {
    await command(`coupon-gifts/${encodeURIComponent(token)}/accept`);
    tell(t("It is in your coupons."));
    go("#/coupons?shelf=have");
  }));
  return {
    title: t("A coupon for you"),
    body: [h("h1", {}, t("A coupon for you")), panel(null, row(words(shown), null)),
      shown.greeting && h("p", {}, t("“{words}”", { words: shown.greeting })),
      panel(null, row(t("From"), shown.giver || "—"), row(t("Until {time}", { time: when(shown.expires_at) }), null)), take],
  };
}
