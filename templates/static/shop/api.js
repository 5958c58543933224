// The whole client of the public API, as a mini-program would write it: login by a code, a session
// token, idempotency keys, errors with codes, cursors. It knows nothing of pages; replace `fetch`
// by `wx.request` and the storage by `wx.setStorageSync`, and it runs in a mini-program.

export const BASE = "/api/v1/";
const LOGIN = "/_allauth/app/v1/auth/provider/token";
const TIMEOUT_MS = 15_000;
const SLOW_MS = 1_500;
const TRIES = 3;

// --- what the page may listen to -------------------------------------------------------------

// "call": {method, path, status, ms} after each request; "slow": true/false; "away": true/false.
export const events = new EventTarget();
export const calls = [];
let waiting = 0;

function emit(type, detail) {
  events.dispatchEvent(new CustomEvent(type, { detail }));
}

// --- errors ----------------------------------------------------------------------------------

/** A refusal. `code` is stable and meant for programs; `message` is in the shopper's language;
 * `extra` holds what the error knows beyond its text, such as which SKU is out of stock. */
export class ApiError extends Error {
  constructor(status, document) {
    const first = document?.errors?.[0] ?? {};
    super(first.detail ?? `HTTP ${status}`);
    this.status = status;
    this.code = first.code ?? `http_${status}`;
    this.field = first.attr ?? null;
    this.errors = document?.errors ?? [];
    this.extra = document?.extra ?? {};
  }
}

/** No answer: the network is away, or nothing came within 15 s. What was asked may have happened,
 * so a command is repeated under the same Idempotency-Key and never under another. */
export class NetworkError extends Error {
  constructor(cause) {
    super("network", { cause });
    this.code = "network";
    this.status = 0;
  }
}

// --- the session -----------------------------------------------------------------------------

let session = read("session") ?? {};
// Says which device a claim comes from; the mall keeps a hash of it.
const device = read("device") ?? newKey();
write("device", device);
let wechat = null;
let loggingIn = null;

/** Name what gives login codes: an object with `login(user)` → {user, app_id, js_code}, or null. */
export function useWechat(adapter) {
  wechat = adapter;
}

export const loggedIn = () => Boolean(session.token);
export const canLogIn = () => wechat !== null;
export const appId = () => session.app_id;
export const wechatUser = () => session.user;

/** Exchange a login code of WeChat for a session token. Concurrent callers share one login. */
export function login() {
  loggingIn ??= exchange().finally(() => { loggingIn = null; });
  return loggingIn;
}

async function exchange() {
  if (!wechat) throw new ApiError(401, { errors: [{ code: "not_authenticated" }] });
  const given = await wechat.login(session.user);
  const answer = await send("POST", LOGIN, {
    provider: "weixin_miniprogram",
    process: "login",
    token: { client_id: given.app_id, access_token: given.js_code },
  });
  session = { user: given.user, app_id: given.app_id, token: answer.meta.session_token };
  write("session", session);
  emit("session", session);
}

/** Forget the session here; with `person`, the sandbox's shopper too. */
export function logout({ person = false } = {}) {
  session = person ? {} : { user: session.user, app_id: session.app_id };
  write("session", session);
  emit("session", session);
}

// --- requests --------------------------------------------------------------------------------

/** Read something public. `query` leaves out what is empty. */
export const get = (path, query, options) => request("GET", path + queryString(query), null, options);

/** Read something of the member's: logs in first when there is no session. */
export const mine = (path, query, options) => get(path, query, { ...options, member: true });

export const put = (path, body) => request("PUT", path, body, { member: true });
export const post = (path, body) => request("POST", path, body, { member: true });

/** A POST that moves value. Keep `key` from the first tap until it succeeded or was refused:
 * the same key has one effect and one answer, however often it is sent. */
export function command(path, body = {}, key = newKey()) {
  return request("POST", path, body, { member: true, key });
}

/** A claim of a coupon. Where it is challenged, a fresh login code says that it is still this person;
 * the refused claim left nothing under its key, so the same one serves again. */
export async function claim(path) {
  const key = newKey();
  try {
    return await command(path, {}, key);
  } catch (error) {
    if (error.code !== "claim_challenged" || !wechat) throw error;
    const given = await wechat.login(session.user);
    const answer = { challenge: error.extra.challenge, app_id: given.app_id, code: given.js_code };
    await post("coupon-claims/challenge", answer);
    return command(path, {}, key);
  }
}

/** 32 hexadecimal characters from the system's generator. */
export function newKey() {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return Array.from(bytes, (b) => b.toString(16).padStart(2, "0")).join("");
}

/** The cursor of the next page, or null. `next` is an address; only its cursor matters. */
export function cursorOf(page) {
  return page.next ? new URL(page.next, location.href).searchParams.get("cursor") : null;
}

async function request(method, path, body, { member = false, key, signal } = {}) {
  if (member && !session.token) await login();
  const ask = () => send(method, BASE + path, body, { key, signal });
  // Only what is harmless twice is repeated: reads, PUTs, and commands that carry a key.
  const repeatable = method !== "POST" || Boolean(key);
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await ask();
    } catch (error) {
      if (signal?.aborted) throw error;
      if (error.status === 401 && session.token && attempt === 1) {
        // The session has ended. Log in again and repeat; public reads need no session at all.
        logout();
        if (member) await login();
        continue;
      }
      const pause = repeatable && attempt < TRIES ? pauseAfter(error, attempt) : null;
      if (pause === null) throw error;
      await new Promise((done) => setTimeout(done, pause));
    }
  }
}

function pauseAfter(error, attempt) {
  if (error.code === "network" || error.status === 502 || error.status === 503) return 400 * attempt;
  // Our own earlier try with this key is still at work: its answer will be replayed.
  if (error.code === "idempotency_in_flight") return 500 * attempt;
  if (error.status === 429 && error.retryAfter <= 5) return error.retryAfter * 1000;
  return null;
}

async function send(method, url, body, { key, signal } = {}) {
  const headers = { Accept: "application/json", "Accept-Language": document.documentElement.lang };
  if (session.token) {
    headers["X-Session-Token"] = session.token;
    headers["X-Device-Id"] = device;
  }
  if (key) headers["Idempotency-Key"] = key;
  if (body !== null && body !== undefined) headers["Content-Type"] = "application/json";
  const began = performance.now();
  const limit = AbortSignal.timeout(TIMEOUT_MS);
  const slow = setTimeout(() => emit("slow", true), SLOW_MS);
  waiting += 1;
  let status = 0;
  try {
    const answer = await fetch(url, {
      method,
      headers,
      // A mini-program has no cookies, and neither has this client.
      credentials: "omit",
      body: headers["Content-Type"] ? JSON.stringify(body) : undefined,
      signal: signal ? anyOf(signal, limit) : limit,
    });
    status = answer.status;
    const text = await answer.text();
    emit("away", false);
    const document = text ? parse(text) : null;
    if (answer.ok) return document;
    const error = new ApiError(status, document);
    error.retryAfter = Number(answer.headers.get("Retry-After")) || 60;
    throw error;
  } catch (error) {
    if (error instanceof ApiError || signal?.aborted) throw error;
    emit("away", true);
    throw new NetworkError(error);
  } finally {
    clearTimeout(slow);
    waiting -= 1;
    if (!waiting) emit("slow", false);
    // What the page itself gave up is nobody's failure.
    if (!signal?.aborted) log({ method, path: url, status, ms: Math.round(performance.now() - began) });
  }
}

function log(call) {
  calls.unshift(call);
  calls.length = Math.min(calls.length, 40);
  emit("call", call);
}

function parse(text) {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}

function anyOf(...signals) {
  const both = new AbortController();
  for (const one of signals) {
    if (one.aborted) both.abort(one.reason);
    one.addEventListener("abort", () => both.abort(one.reason), { once: true });
  }
  return both.signal;
}

export function queryString(query = {}) {
  const given = Object.entries(query).filter(([, v]) => v !== "" && v !== null && v !== undefined);
  return given.length ? `?${new URLSearchParams(given)}` : "";
}

// --- storage: a browser may refuse it, and the shop works without -----------------------------

export function read(name) {
  try {
    return JSON.parse(localStorage.getItem(`shop.${name}`));
  } catch {
    return null;
  }
}

export function write(name, value) {
  try {
    localStorage.setItem(`shop.${name}`, JSON.stringify(value));
  } catch {
    // Private browsing: remembered until the page is left.
  }
}
