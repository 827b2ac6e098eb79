// @ts-check
/** Remembers which GPU was found to give wrong numbers, and how that was put. */

import { gpuName } from "../device.js";
import { forget, recall, remember } from "./memory.js";

/** @typedef {import("../device.js").Device} Device */

/** @param {Device} device @returns {string | null} */
export function rememberedDistrust(device) {
  return device.ok ? recall(nameOf(device)) : null;
}

/** @param {Device} device @param {string} reason */
export function rememberDistrust(device, reason) {
  if (device.ok) remember(nameOf(device), reason);
}

/** @param {Device} device */
export function forgetDistrust(device) {
  if (device.ok) forget(nameOf(device));
}

/** Of all models: it is the GPU that is wrong. @param {Device} device */
function nameOf(device) {
  return `distrust:${gpuName(device)}`;
}
