// A QR code (ISO/IEC 18004) of a short text: byte mode, error correction M, versions 1 to 6, which
// is up to 106 bytes. Small enough to read; the pickup token has 26 characters.

import { svg } from "./ui.js";

// Per version: data codewords of each block, error-correction codewords per block (level M).
const BLOCKS = [null, [[16], 10], [[28], 16], [[44], 26], [[32, 32], 18], [[43, 43], 24], [[27, 27, 27, 27], 16]];

const EXP = new Uint8Array(512);
const LOG = new Uint8Array(256);
for (let i = 0, x = 1; i < 255; i += 1) {
  EXP[i] = EXP[i + 255] = x;
  LOG[x] = i;
  x = (x << 1) ^ (x & 128 ? 0x11d : 0);
}
const times = (a, b) => (a && b ? EXP[LOG[a] + LOG[b]] : 0);

function correction(data, count) {
  let generator = [1];
  for (let i = 0; i < count; i += 1) {
    const next = [...generator, 0];
    generator.forEach((g, j) => { next[j + 1] ^= times(g, EXP[i]); });
    generator = next;
  }
  const rest = [...data, ...new Array(count).fill(0)];
  data.forEach((_, i) => {
    const lead = rest[i];
    generator.forEach((g, j) => { rest[i + j] ^= times(g, lead); });
  });
  return rest.slice(data.length);
}

function codewords(bytes) {
  const version = BLOCKS.findIndex((b) => b && b[0].reduce((x, y) => x + y) - 2 >= bytes.length);
  if (version < 1) throw new RangeError("too long for a QR code of version 6");
  const [sizes, count] = BLOCKS[version];
  const room = sizes.reduce((x, y) => x + y);
  const bits = [];
  const put = (value, length) => { for (let i = length - 1; i >= 0; i -= 1) bits.push((value >> i) & 1); };
  put(4, 4);
  put(bytes.length, 8);
  bytes.forEach((b) => put(b, 8));
  put(0, Math.min(4, room * 8 - bits.length));
  while (bits.length % 8) bits.push(0);
  const data = [];
  for (let i = 0; i < bits.length; i += 8) data.push(parseInt(bits.slice(i, i + 8).join(""), 2));
  for (let pad = 0xec; data.length < room; pad ^= 0xec ^ 0x11) data.push(pad);
  const blocks = [];
  for (const size of sizes) blocks.push(data.splice(0, size));
  const checks = blocks.map((block) => correction(block, count));
  const out = [];
  const weave = (lists) => {
    for (let i = 0; i < Math.max(...lists.map((l) => l.length)); i += 1) {
      for (const list of lists) if (i < list.length) out.push(list[i]);
    }
  };
  weave(blocks);
  weave(checks);
  return { version, out };
}

const MASKS = [
  (r, c) => (r + c) % 2 === 0, (r) => r % 2 === 0, (r, c) => c % 3 === 0, (r, c) => (r + c) % 3 === 0,
  (r, c) => ((r >> 1) + Math.floor(c / 3)) % 2 === 0, (r, c) => ((r * c) % 2) + ((r * c) % 3) === 0,
  (r, c) => (((r * c) % 2) + ((r * c) % 3)) % 2 === 0, (r, c) => (((r + c) % 2) + ((r * c) % 3)) % 2 === 0,
];

/** The modules of the code of `text`, rows of booleans without the quiet zone. */
export function matrix(text, mask = null) {
  const { version, out } = codewords([...new TextEncoder().encode(text)]);
  if (mask !== null) return drawn(version, out, mask);
  const all = MASKS.map((_, i) => drawn(version, out, i));
  const worth = all.map(penalty);
  return all[worth.indexOf(Math.min(...worth))];
}

function drawn(version, words, mask) {
  const size = 17 + 4 * version;
  const grid = Array.from({ length: size }, () => new Array(size).fill(null));
  const square = (r, c, radius, rings) => {
    for (let i = -radius; i <= radius; i += 1) {
      for (let j = -radius; j <= radius; j += 1) {
        if (grid[r + i]?.[c + j] !== undefined) grid[r + i][c + j] = rings.includes(Math.max(Math.abs(i), Math.abs(j)));
      }
    }
  };
  for (const [r, c] of [[3, 3], [3, size - 4], [size - 4, 3]]) square(r, c, 4, [0, 1, 3]);
  if (version > 1) square(size - 7, size - 7, 2, [0, 2]);
  for (let i = 8; i < size - 8; i += 1) grid[6][i] = grid[i][6] = i % 2 === 0;
  // Level M is 00; the ten check bits are of a BCH code, and the whole is masked.
  let format = mask << 10;
  for (let i = 4; i >= 0; i -= 1) if ((format >> (i + 10)) & 1) format ^= 0x537 << i;
  format = ((mask << 10) | format) ^ 0x5412;
  for (let i = 0; i < 15; i += 1) {
    const bit = Boolean((format >> i) & 1);
    grid[i < 6 ? i : i < 8 ? i + 1 : size - 15 + i][8] = bit;
    grid[8][i < 8 ? size - 1 - i : i < 9 ? 7 : 14 - i] = bit;
  }
  grid[size - 8][8] = true;
  let index = 0;
  for (let right = size - 1; right > 0; right -= 2) {
    if (right === 6) right = 5;
    const up = ((right + 1) & 2) === 0;
    for (let step = 0; step < size; step += 1) {
      const r = up ? size - 1 - step : step;
      for (const c of [right, right - 1]) {
        if (grid[r][c] !== null) continue;
        const bit = index < words.length * 8 && ((words[index >> 3] >> (7 - (index & 7))) & 1) === 1;
        grid[r][c] = bit !== MASKS[mask](r, c);
        index += 1;
      }
    }
  }
  return grid;
}

function penalty(grid) {
  const size = grid.length;
  const lines = [...grid, ...grid.map((_, c) => grid.map((r) => r[c]))];
  let sum = 0;
  for (const line of lines) {
    const text = line.map((m) => (m ? "1" : "0")).join("");
    for (const run of text.match(/0{5,}|1{5,}/g) ?? []) sum += run.length - 2;
    sum += 40 * (text.match(/(?=10111010000|00001011101)/g) ?? []).length;
  }
  for (let r = 1; r < size; r += 1) {
    for (let c = 1; c < size; c += 1) {
      const m = grid[r][c];
      if (m === grid[r - 1][c] && m === grid[r][c - 1] && m === grid[r - 1][c - 1]) sum += 3;
    }
  }
  const dark = grid.flat().filter(Boolean).length / (size * size);
  return sum + 10 * Math.floor(Math.abs(dark * 100 - 50) / 5);
}

/** The code as an SVG, dark on white in every colour scheme, with its quiet zone. */
export function qr(text, label) {
  const rows = matrix(text);
  const size = rows.length + 8;
  const path = rows.flatMap((line, r) => line.map((m, c) => (m ? `M${c + 4} ${r + 4}h1v1h-1z` : ""))).join("");
  return svg("svg", { viewBox: `0 0 ${size} ${size}`, class: "qr", role: "img", "aria-label": label, "shape-rendering": "crispEdges" },
    svg("rect", { width: size, height: size, fill: "#fff" }), svg("path", { d: path, fill: "#000" }));
}
