// Small pieces every page of the shop is made of. Text always becomes a text node, never markup.

import { t } from "./words.js";

/** An element: `h("button", {class: "btn", onclick}, "text", child, …)`. Empty children drop out. */
export function h(tag, props = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(props ?? {})) {
    if (value === null || value === undefined || value === false) continue;
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (name in element && typeof value !== "string" && !name.includes("-")) element[name] = value;
    else element.setAttribute(name, value === true ? "" : value);
  }
  element.append(...children.flat(9).filter((c) => c !== null && c !== undefined && c !== false && c !== ""));
  return element;
}

const SVG = "http://www.w3.org/2000/svg";

export function svg(tag, props = {}, ...children) {
  const element = document.createElementNS(SVG, tag);
  for (const [name, value] of Object.entries(props)) element.setAttribute(name, value);
  element.append(...children);
  return element;
}

/** 123456 → ¥1,234.56. Arithmetic on money stays in integers of fen. */
export function yuan(fen) {
  const size = Math.abs(fen);
  const whole = String(Math.trunc(size / 100)).replace(/\B(?=(\d{3})+$)/g, ",");
  return `${fen < 0 ? "-" : ""}¥${whole}.${String(size % 100).padStart(2, "0")}`;
}

/** The same, with small fen, as prices are set. */
export function price(fen, extra = "") {
  const [whole, cents] = yuan(fen).split(".");
  return h("span", { class: `price ${extra}` }, whole, h("small", {}, `.${cents}`));
}

export function metres(m) {
  if (m === null || m === undefined) return "";
  return m < 1000 ? t("{n} m", { n: m }) : t("{n} km", { n: (m / 1000).toFixed(m < 10_000 ? 1 : 0) });
}

const time = new Intl.DateTimeFormat(document.documentElement.lang, {
  timeZone: "Asia/Shanghai", month: "numeric", day: "numeric", hour: "2-digit", minute: "2-digit", hour12: false,
});

export const when = (text) => (text ? time.format(new Date(text)) : "");
export const options = (values) => Object.values(values ?? {}).join(" · ");

/** A product's picture, or a tile with the first character of its name while it has none. */
export function picture(product, extra = "") {
  const box = h("span", { class: `pic ${extra}`, "aria-hidden": "true" });
  const tile = () => {
    let hue = 0;
    for (const c of product.code ?? product.name) hue = (hue * 31 + c.codePointAt(0)) % 360;
    box.style.setProperty("--hue", hue);
    box.classList.add("tile");
    box.replaceChildren([...(product.name ?? "?")][0]);
  };
  if (product.image) {
    box.append(h("img", { src: product.image, alt: "", loading: "lazy", decoding: "async", onerror: tile }));
  } else tile();
  return box;
}

/** A panel with a title. */
export function panel(title, ...children) {
  return h("section", { class: "panel" }, title && h("h2", {}, title), children);
}

export function row(left, right, extra = "") {
  return h("div", { class: `row ${extra}` }, h("span", { class: "grow" }, left), right);
}

export const empty = (text, ...more) => h("div", { class: "empty" }, h("p", {}, text), more);

/** − n + with limits; `onchange(n)` on every step. */
export function stepper({ value, min = 1, max = 99, label, onchange }) {
  const shown = h("output", { "aria-live": "polite" }, String(value));
  const button = (sign, step, words) => h("button", {
    type: "button", "aria-label": `${words}: ${label}`,
    onclick: () => {
      const next = Math.min(max, Math.max(min, value + step));
      if (next === value) return;
      value = next;
      shown.textContent = String(value);
      limits();
      onchange(value);
    },
  }, sign);
  const less = button("−", -1, t("Less"));
  const more = button("+", 1, t("More"));
  const limits = () => { less.disabled = value <= min; more.disabled = value >= max; };
  limits();
  return h("span", { class: "stepper", role: "group", "aria-label": label }, less, shown, more);
}

/** Run `work` while `button` says that it is at it; a failure is told and gives the button back. */
export async function busy(button, work) {
  if (button.disabled) return undefined;
  button.disabled = true;
  button.setAttribute("aria-busy", "true");
  try {
    return await work();
  } catch (error) {
    tell(messageOf(error), "error");
    return undefined;
  } finally {
    button.disabled = false;
    button.removeAttribute("aria-busy");
  }
}

/** What a person is told of an error. Codes that the shop knows better than the API come first. */
export function messageOf(error) {
  if (error.code === "network") return t("The network is away. Try again.");
  if (error.code === "not_authenticated") return t("Please open the shop in WeChat to continue.");
  if (error.status >= 500) return t("The shop is not well just now. Try again in a moment.");
  return error.message || t("That did not work. Try again.");
}

let toast = null;

/** A short notice at the bottom, read out by screen readers. */
export function tell(text, kind = "ok") {
  const place = document.getElementById("toasts");
  const note = h("p", { class: `toast ${kind}` }, text);
  place.replaceChildren(note);
  clearTimeout(toast);
  toast = setTimeout(() => note.remove(), kind === "error" ? 6_000 : 3_000);
}

/** A modal sheet; resolves with what `close(value)` was given, or undefined when dismissed. */
export function sheet(title, build) {
  return new Promise((resolve) => {
    const dialog = h("dialog", { class: "sheet", "aria-label": title });
    const close = (value) => { dialog.returnValue = ""; resolve(value); dialog.close(); };
    dialog.addEventListener("close", () => { resolve(undefined); dialog.remove(); });
    dialog.addEventListener("click", (event) => { if (event.target === dialog) close(); });
    dialog.append(h("div", { class: "sheet-in" },
      h("div", { class: "row" }, h("h2", { class: "grow" }, title),
        h("button", { class: "icon", type: "button", "aria-label": t("Close"), onclick: () => close() }, "✕")),
      build(close)));
    document.body.append(dialog);
    dialog.showModal();
  });
}
