// @ts-check
/** What callers of the public client may pass, and what they hear of anything else. */

import { SplitComputeError } from "./errors.js";
import { policies } from "./open_split.js";

/**
 * @typedef {import("./model_info.js").WeightDtype} WeightDtype
 * @typedef {import("./model_info.js").ModelInfo} ModelInfo
 * @typedef {import("./api.js").Policy} Policy
 * @typedef {import("./pieces.js").Direction} Direction
 */

/** @param {number} timeoutMs */
export function checkTimeout(timeoutMs) {
  if (Number.isFinite(timeoutMs) && timeoutMs > 0) return;
  throw new RangeError(`timeoutMs ${timeoutMs}: expected a finite number of milliseconds above 0`);
}

/** @param {Direction} direction */
export function checkDirection(direction) {
  if (["server-first", "client-first"].includes(direction)) return;
  throw new TypeError(`direction ${direction}: expected server-first or client-first`);
}

/** @param {Policy} policy */
export function checkPolicy(policy) {
  if (policies.includes(policy)) return;
  throw new TypeError(`policy ${policy}: expected ${policies.join(", ")}`);
}

/** @param {ModelInfo} info @param {WeightDtype} dtype */
export function checkDtype({ name, dtypes }, dtype) {
  if (!dtypes.includes(dtype)) {
    throw new SplitComputeError(`dtype ${dtype}: ${name} comes in ${dtypes.join(", ")}`);
  }
}

/** @param {number} split @param {ModelInfo} info */
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
