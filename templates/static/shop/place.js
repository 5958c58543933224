// Where the shopper is, and which store they buy at. Coordinates for the API are GCJ-02.

import { get, read, write } from "./api.js";

// People's Square, Shanghai (GCJ-02): where somebody is until the browser says otherwise.
const DEFAULT = { latitude: 31.2304, longitude: 121.4737, known: false };

let place = read("place") ?? DEFAULT;
let chosen = read("store");
let near = null;

export const known = () => place.known;
export const position = () => ({ latitude: place.latitude, longitude: place.longitude });

/** Ask the browser for the position; rejects when it is refused. A phone's GPS speaks WGS-84;
 * in a mini-program `wx.getLocation({type: "gcj02"})` needs no conversion. */
export function locate() {
  return new Promise((resolve, reject) => {
    if (!navigator.geolocation) return reject(new Error("no geolocation"));
    navigator.geolocation.getCurrentPosition(({ coords }) => {
      place = { ...gcj02(coords.latitude, coords.longitude), known: true };
      write("place", place);
      near = null;
      resolve(place);
    }, reject, { timeout: 8_000, maximumAge: 300_000 });
  });
}

/** Stores, nearest first; with `sku`, their price and pieces of it. */
export async function stores(sku, options) {
  return (await get("stores", { ...position(), sku }, options)).results;
}

/** The chosen store, or the nearest that hands orders over. */
export async function store(options) {
  near ??= await stores("", options);
  return near.find((s) => s.code === chosen)
    ?? near.find((s) => s.pickup_enabled) ?? near[0] ?? null;
}

export function choose(code) {
  chosen = code;
  near = null;
  write("store", code);
}

/** WGS-84 → GCJ-02, the published approximation; outside China the two are taken as equal. */
export function gcj02(latitude, longitude) {
  if (longitude < 72 || longitude > 138 || latitude < 0.8 || latitude > 56) {
    return { latitude, longitude };
  }
  const A = 6378245;
  const EE = 0.006693421622965943;
  const { sin, cos, sqrt, abs, PI } = Math;
  const x = longitude - 105;
  const y = latitude - 35;
  const wave = (20 * sin(6 * x * PI) + 20 * sin(2 * x * PI)) * 2 / 3;
  let north = -100 + 2 * x + 3 * y + 0.2 * y * y + 0.1 * x * y + 0.2 * sqrt(abs(x)) + wave;
  north += (20 * sin(y * PI) + 40 * sin(y / 3 * PI)) * 2 / 3;
  north += (160 * sin(y / 12 * PI) + 320 * sin(y * PI / 30)) * 2 / 3;
  let east = 300 + x + 2 * y + 0.1 * x * x + 0.1 * x * y + 0.1 * sqrt(abs(x)) + wave;
  east += (20 * sin(x * PI) + 40 * sin(x / 3 * PI)) * 2 / 3;
  east += (150 * sin(x / 12 * PI) + 300 * sin(x / 30 * PI)) * 2 / 3;
  const angle = latitude / 180 * PI;
  const magic = 1 - EE * sin(angle) ** 2;
  return {
    latitude: latitude + north * 180 / (A * (1 - EE) / (magic * sqrt(magic)) * PI),
    longitude: longitude + east * 180 / (A / sqrt(magic) * cos(angle) * PI),
  };
}
