// @ts-check
/** Remembers what the visitor agreed to: bytes to download of a model and dtype, now or later. */

import { forget, forgetAll, recall, remember } from "./memory.js";

const agreed = "agreed:";
const paused = "paused";

/** @param {string} model @param {string} dtype @returns {number} bytes in all, 0 where nothing was agreed */
export function agreedBytes(model, dtype) {
  return Number(recall(nameOf(model, dtype)) ?? 0);
}

/** @param {string} model @param {string} dtype @param {number} bytes */
export function rememberAgreement(model, dtype, bytes) {
  remember(nameOf(model, dtype), String(bytes));
}

/** Takes every agreement back. */
export function forgetAgreements() {
  forgetAll(agreed);
  forget(paused);
}

/** Whether what was agreed to is to wait until the visitor asks for it. */
export function hasPaused() {
  return recall(paused) !== null;
}

/** @param {boolean} isPaused */
export function rememberPause(isPaused) {
  if (isPaused) remember(paused, "yes");
  else forget(paused);
}

/** @param {string} model @param {string} dtype */
function nameOf(model, dtype) {
  return `${agreed}${model}:${dtype}`;
}
