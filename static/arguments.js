// @ts-check
/** What callers of the public client may pass, and what they hear of anything else. */

import { SplitComputeError } from "./errors.js";
import { policies } from "./open_split.js";

/**
 * @typedef {import("./model_info.js").WeightDtype} WeightDtype
 * @typedef {import("./model_info.js").ModelInfo} ModelInfo
 */

/** In words, and whether a value is that. @typedef {readonly [string, (value: any) => boolean]} Kind */

/** @type {Readonly<Record<"any" | "text" | "flag" | "call" | "signal" | "bytes" | "ms", Kind>>} */
const kinds = {
  any: ["anything", () => true], // checked where it is known what is expected
  text: ["a string", (value) => typeof value === "string"],
  flag: ["true or false", (value) => typeof value === "boolean"],
  call: ["a function", (value) => typeof value === "function"],
  signal: ["an AbortSignal", (value) => typeof value?.aborted === "boolean"],
  bytes: ["a number of bytes, from 0 on", (value) => typeof value === "number" && value >= 0],
  ms: ["a finite number of milliseconds above 0", (value) => Number.isFinite(value) && value > 0],
};
const { any, text, flag, call, signal, bytes, ms } = kinds;

/** @type {Readonly<Record<string, Readonly<Record<string, Kind>>>>} */
const taken = {
  connect: {
    url: text,
    model: text,
    dtype: any,
    wire: oneOf("f32", "f16", "q8"),
    direction: oneOf("server-first", "client-first"),
    apiKey: text,
    timeoutMs: ms,
    onProgress: call,
    onDistrust: call,
    signal,
  },
  bytes: { embed: flag },
  load: { embed: flag, signal },
  takeOver: { to: any, embed: flag, maxBytes: bytes, signal, onChange: call },
  embed: { split: any, policy: oneOf(...policies), signal, onWait: call },
};

/** @param {readonly string[]} values @returns {Kind} */
function oneOf(...values) {
  return [`one of ${values.join(", ")}`, (value) => values.includes(value)];
}

/**
 * Refuses misspelt names too: an option that nobody reads is no way to hear of it.
 * @param {"connect" | "bytes" | "load" | "takeOver" | "embed"} caller @param {object} options
 */
export function checkOptions(caller, options) {
  const known = new Map(Object.entries(taken[caller] ?? {}));
  if (options === null || typeof options !== "object") {
    throw new TypeError(`${caller}: expected an object of options, came ${shown(options)}`);
  }
  for (const [name, value] of Object.entries(options)) {
    const expected = known.get(name);
    if (!expected) throw new TypeError(`${caller}: no option is called ${name}, only ${[...known.keys()].join(", ")}`);
    const [words, fits] = expected;
    if (value !== undefined && !fits(value)) {
      throw new TypeError(`${caller}: ${name} ${shown(value)}: expected ${words}`);
    }
  }
}

/** @param {unknown} value */
function shown(value) {
  return typeof value === "string" ? JSON.stringify(value) : String(value);
}

/** @param {ModelInfo} info @param {WeightDtype} dtype */
export function checkDtype({ name, dtypes }, dtype) {
  if (!dtypes.includes(dtype)) {
    throw new SplitComputeError(`dtype ${dtype}: ${name} comes in ${dtypes.join(", ")}`);
  }
}

/** @param {number} split @param {{n_layer: number}} model */
export function checkSplit(split, { n_layer }) {
  if (!Number.isInteger(split) || split < 0 || split > n_layer) {
    throw new RangeError(`split ${split}: expected a whole number from 0 to ${n_layer}`);
  }
}

/** @param {string | string[]} texts */
export function toList(texts) {
  const list = typeof texts === "string" ? [texts] : texts;
  if (!Array.isArray(list) || !list.every((text) => typeof text === "string")) {
    throw new TypeError("texts: expected a string or a list of strings");
  }
  return list;
}
