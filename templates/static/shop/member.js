// The member: phone, cards, coupons, points; and the page about what stands behind the shop.

import { appId, calls, canLogIn, events, loggedIn, login, logout, mine, post, wechatUser } from "./api.js";
import { worth } from "./home.js";
import { busy, empty, h, panel, price, row, tell, when, yuan } from "./ui.js";
import { getPhoneNumber } from "./wechat.js";
import { t } from "./words.js";

export async function me({ signal, go }) {
  if (!loggedIn()) return { title: t("Me"), body: [h("h1", {}, t("Me")), welcome(go)] };
  const [who, cards, coupons, points] = await Promise.all([
    mine("me", {}, { signal }), mine("me/cards", {}, { signal }),
    mine("me/coupons", { page_size: 50 }, { signal }), mine("me/points", {}, { signal }),
  ]);
  const usable = coupons.results.filter((c) => c.usable);
  return {
    title: t("Me"),
    body: [
      h("h1", {}, who.nickname || t("Welcome")),
      h("p", { class: "soft" }, t("Member {no}", { no: who.no }), who.tier && ` · ${who.tier.name}`),
      h("dl", { class: "stats" }, [
        [t("Card value"), yuan(cards.results.reduce((sum, c) => sum + c.value_fen, 0))],
        [t("Points"), String(points.points)], [t("Coupons"), String(usable.length)], [t("Growth"), String(who.growth)],
      ].map(([name, value]) => h("div", { class: "stat" }, h("dt", {}, name), h("dd", {}, value)))),
      h("a", { class: "panel row", href: "#/orders" }, h("b", { class: "grow" }, t("My orders")), "›"),
      h("a", { class: "panel row", href: "#/coupons?shelf=have" }, h("b", { class: "grow" }, t("My coupons")), "›"),
      [["#/points", t("Points shop")], ["#/membership", t("Membership")]].map(([href, name]) =>
        h("a", { class: "panel row", href }, h("b", { class: "grow" }, name), "›")),
      phonePanel(who, go),
      panel(t("Stored-value cards"), cards.results.length
        ? cards.results.map((c) => row([h("a", { href: `#/wallet/${c.no}` }, h("b", {}, c.name)), h("br"), h("span", { class: "soft mono" }, c.no), h("br"),
          h("span", { class: "soft" }, t("{principal} principal + {bonus} bonus", { principal: yuan(c.principal_fen), bonus: yuan(c.bonus_fen) }),
            c.held_fen > 0 && ` · ${t("{amount} held", { amount: yuan(c.held_fen) })}`)], price(c.value_fen)))
        : h("p", { class: "soft" }, t("None yet; they are sold on the first page."))),
      panel(t("Coupons"), coupons.results.length
        ? coupons.results.map((c) => row([h("b", {}, worth(c.template)), " ", c.template.name, h("br"),
          h("span", { class: "soft" }, t("Until {time}", { time: when(c.valid_until) }), " · ", c.template.scope_words)],
        h("span", { class: `badge ${c.usable ? "ok" : ""}` }, c.usable ? t("usable") : t(STATES[c.state] ?? c.state))))
        : h("p", { class: "soft" }, t("None yet; claim some on the first page."))),
      h("div", { class: "row wrap" },
        h("button", { class: "btn", type: "button", onclick: () => { logout(); go(); } }, t("Log out")),
        h("button", { class: "btn plain", type: "button", onclick: () => { logout({ person: true }); go(); } }, t("Be somebody new"))),
    ],
  };
}

const STATES = { claimed: "claimed", offered: "Offered", locked: "in an order", used: "used", returned: "given back", expired: "Expired", revoked: "revoked" };

function welcome(go) {
  if (!canLogIn()) return empty(t("Please open the shop in WeChat to continue."));
  const enter = h("button", { class: "btn wechat block", type: "button" }, t("Log in with WeChat"));
  enter.addEventListener("click", () => busy(enter, async () => { await login(); go(); }));
  return panel(null, h("p", {}, t("A mini-program logs its shopper in without asking. Here the sandbox plays WeChat and makes up a shopper for you.")), enter);
}

export function phonePanel(who, go) {
  if (who.phone) return panel(null, row(t("Phone"), h("span", { class: "mono" }, who.phone)));
  if (!canLogIn()) return null;
  const bind = h("button", { class: "btn", type: "button" }, t("Bind my phone"));
  bind.addEventListener("click", () => busy(bind, async () => {
    const { phone_code } = await getPhoneNumber(wechatUser(), appId());
    await post("me/phone", { app_id: appId(), phone_code });
    await post("me/consents", { kind: "messages", version: "1" });
    tell(t("Your phone is bound."));
    go();
  }));
  return panel(null, row([h("b", {}, t("Phone")), h("br"), h("span", { class: "soft" }, t("Its last four digits prove a pickup."))], bind));
}

export async function about({ signal }) {
  const log = h("tbody", {});
  const draw = () => log.replaceChildren(...calls.map((c) => h("tr", {},
    h("td", {}, h("b", {}, c.method), " ", h("span", { class: "mono" }, decodeURIComponent(c.path))),
    h("td", { class: "num" }, h("span", { class: `badge ${c.status && c.status < 400 ? "ok" : "bad"}` }, String(c.status || "—"))),
    h("td", { class: "num" }, `${c.ms} ms`))));
  draw();
  events.addEventListener("call", draw, { signal });
  return {
    title: t("Behind this shop"),
    body: [
      h("h1", {}, t("Behind this shop")),
      h("p", {}, t("Everything here went through the public API, as a mini-program would do it. These were the calls:")),
      h("p", {}, h("a", { href: "/api/v1/docs/" }, t("API reference")), " · ", h("a", { href: "/api/v1/docs/first-call/" }, t("Your first mini-program call")), " · ",
        h("a", { href: "/static/shop/api.js" }, "api.js")),
      calls.length ? h("div", { class: "panel scroll", tabindex: "0", role: "region", "aria-label": t("Calls") }, h("table", { class: "plain" },
        h("thead", {}, h("tr", {}, h("th", {}, t("Call")), h("th", { class: "num" }, t("Status")), h("th", { class: "num" }, t("Time")))), log))
        : empty(t("No calls yet.")),
    ],
  };
}
