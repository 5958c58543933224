// What WeChat gives a mini-program, played by the sandbox beside the server. Each function is named
// after the call of `wx` that stands here in a real mini-program.

async function ask(what, body) {
  let answer;
  try {
    answer = await fetch(`/sandbox/${what}`, {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      credentials: "omit",
      body: JSON.stringify(body),
    });
  } catch (cause) {
    throw Object.assign(new Error("network", { cause }), { code: "network", status: 0 });
  }
  const document = await answer.json().catch(() => ({}));
  if (answer.ok) return document;
  throw Object.assign(new Error(document.detail ?? `HTTP ${answer.status}`), {
    code: "sandbox", status: answer.status,
  });
}

/** `wx.login` → {user, app_id, js_code}: the code of the shopper `user`, or of a new one. */
export const login = (user) => ask("login-code", user ? { user } : {});

/** The button with open-type="getPhoneNumber" → {phone_code}. */
export const getPhoneNumber = (user, app_id) => ask("phone-code", { user, app_id });

/** `wx.requestPayment(params)`: resolves when the shopper has paid. That the shop knows of it is
 * another matter: only the server's callback counts, so ask the API for the order afterwards. */
export const requestPayment = (params) => ask("pay", { params });
