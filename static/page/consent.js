// @ts-check
/** Remembers how many bytes the visitor agreed to download for a model and dtype. */

/** For browsers that refuse storage: the answer then holds for this visit. @type {Map<string, string>} */
const unstored = new Map();

/** @param {string} model @param {string} dtype @returns {number} bytes in all, 0 where nothing was agreed */
export function agreedBytes(model, dtype) {
  const key = keyOf(model, dtype);
  try {
    return Number(localStorage.getItem(key) ?? unstored.get(key) ?? 0);
  } catch {
    return Number(unstored.get(key) ?? 0);
  }
}

/** @param {string} model @param {string} dtype @param {number} bytes */
export function rememberAgreement(model, dtype, bytes) {
  const key = keyOf(model, dtype);
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

const prefix = "splitcompute.agreed:";

/** @param {string} model @param {string} dtype */
function keyOf(model, dtype) {
  return `${prefix}${model}:${dtype}`;
}
