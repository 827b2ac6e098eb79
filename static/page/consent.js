// @ts-check
/** Remembers what the visitor agreed to: bytes to download of a model and dtype, and where texts go. */

/** @typedef {import("../pieces.js").Direction} Direction */

/** For browsers that refuse storage: the answer then holds for this visit. @type {Map<string, string>} */
const unstored = new Map();

/** @param {string} model @param {string} dtype @returns {number} bytes in all, 0 where nothing was agreed */
export function agreedBytes(model, dtype) {
  const key = keyOf(model, dtype);
  try {
    // What could not be stored is later than what was.
    return Number(unstored.get(key) ?? localStorage.getItem(key) ?? 0);
  } catch {
    return 0;
  }
}

/** @param {string} model @param {string} dtype @param {number} bytes */
export function rememberAgreement(model, dtype, bytes) {
  const key = keyOf(model, dtype);
  unstored.delete(key);
  try {
    localStorage.setItem(key, String(bytes));
  } catch {
    unstored.set(key, String(bytes));
  }
}

/** Takes every agreement back. */
export function forgetAgreements() {
  unstored.clear();
  try {
    const keys = Object.keys(localStorage).filter((key) => key.startsWith(prefix));
    for (const key of keys) localStorage.removeItem(key);
  } catch {
    // Storage that cannot be read holds no agreement either.
  }
}

/** Whoever kept texts here once must not send one after a reload. @returns {Direction} */
export function rememberedDirection() {
  try {
    return localStorage.getItem(directionKey) === "client-first" ? "client-first" : "server-first";
  } catch {
    return "server-first";
  }
}

/** @param {Direction} direction */
export function rememberDirection(direction) {
  try {
    localStorage.setItem(directionKey, direction);
  } catch {
    // It holds for this visit.
  }
}

const prefix = "splitcompute.agreed:";
const directionKey = "splitcompute.direction";

/** @param {string} model @param {string} dtype */
function keyOf(model, dtype) {
  return `${prefix}${model}:${dtype}`;
}
