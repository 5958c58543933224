// How the goods come to the shopper: collected at the store, or sent to an address.

import { read, write } from "./api.js";
import { h, panel, row, sheet, when } from "./ui.js";
import { t } from "./words.js";

// What WeChat's own list of regions would offer: nationalCode → names.
const REGIONS = {
  310104: "上海市 上海市 徐汇区", 310115: "上海市 上海市 浦东新区", 330106: "浙江省 杭州市 西湖区",
  320508: "江苏省 苏州市 姑苏区", 440305: "广东省 深圳市 南山区", 650102: "新疆维吾尔自治区 乌鲁木齐市 天山区",
};

const STATES = {
  pending: "To be sent", preparing: "To be sent", shipped: "On its way", delivered: "Delivered",
  returned: "Sent back", cancelled: "Not sent",
};

/** The address of the last time; it stays on this device. */
const known = () => read("address");

/** `wx.chooseAddress`, played by a form: resolves with an address as the API takes it. */
export function chooseAddress() {
  const before = known() ?? {};
  return sheet(t("Delivery address"), (close) => {
    const field = (name, label, props) => {
      const input = h("input", { id: `address-${name}`, name, required: true, value: before[name] ?? "", ...props });
      return [h("div", { class: "field" }, h("label", { for: `address-${name}` }, label), input), input];
    };
    const [who, recipient] = field("recipient", t("Recipient"), { maxlength: "40", autocomplete: "name" });
    const [tel, phone] = field("phone", t("Phone"), { inputmode: "tel", pattern: "\\+?[0-9][0-9 \\-]{4,18}", autocomplete: "tel" });
    const [where, detail] = field("detail", t("Street and number"), { maxlength: "200", autocomplete: "street-address" });
    const region = h("select", { id: "address-region" }, Object.entries(REGIONS).map(([code, name]) =>
      h("option", { value: code, selected: code === before.adcode }, name)));
    return h("form", {
      onsubmit: (event) => {
        event.preventDefault();
        const address = {
          recipient: recipient.value.trim(), phone: phone.value.trim(), detail: detail.value.trim(),
          adcode: region.value, region: REGIONS[region.value],
        };
        write("address", address);
        close(address);
      },
    }, who, tel, h("div", { class: "field" }, h("label", { for: "address-region" }, t("Region")), region), where,
    h("button", { class: "btn primary block" }, t("Send it here")));
  });
}

/** Collect or send; `changed(address or null)` when the shopper decides. */
export function deliveryPanel(address, quote, changed) {
  const ask = async () => changed(await chooseAddress() ?? address);
  const choice = (id, words, checked, chosen) => h("label", { class: "check" },
    h("input", { type: "radio", name: "delivery", id, checked, onchange: chosen }), h("span", {}, words));
  return panel(t("How you get it"),
    choice("delivery-no", t("Collect it at the store"), !address, () => changed(null)),
    choice("delivery-yes", t("Have it sent"), Boolean(address), ask),
    address && row([address.recipient, " ", address.phone, h("br"), h("span", { class: "soft" }, address.region, " ", address.detail)],
      h("button", { class: "btn", type: "button", id: "delivery-change", onclick: ask }, t("Change"))),
    address && quote && quote.freight_fen === 0 && h("p", { class: "soft" }, t("Delivery is free.")));
}

/** Where the parcel is; `received` is asked when the shopper says that they have it. */
export function parcelPanel(delivery, received) {
  return h("section", { class: "panel", "aria-label": t("Delivery") },
    h("h2", {}, t(STATES[delivery.state])),
    delivery.tracking_no && h("p", {}, delivery.carrier, " ", h("span", { class: "mono" }, delivery.tracking_no)),
    delivery.recipient && h("p", { class: "soft" }, delivery.recipient, " ", delivery.phone, h("br"), delivery.region, " ", delivery.detail),
    delivery.state === "shipped" && h("p", { class: "soft" }, t("Counts as delivered at {time}.", { time: when(delivery.deliver_by) })),
    delivery.state === "shipped" && received);
}
