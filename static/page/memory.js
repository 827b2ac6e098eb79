// @ts-check
/** What the page remembers from visit to visit, or for this visit where a browser refuses storage. */

const prefix = "splitcompute.";

/** Later than what is stored under the same name. @type {Map<string, string>} */
const unstored = new Map();

/** @param {string} name @returns {string | null} */
export function recall(name) {
  try {
    return unstored.get(name) ?? localStorage.getItem(prefix + name);
  } catch {
    return null;
  }
}

/** @param {string} name @param {string} value */
export function remember(name, value) {
  unstored.delete(name);
  try {
    localStorage.setItem(prefix + name, value);
  } catch {
    unstored.set(name, value);
  }
}

/** All whose names begin so. @param {string} beginning */
export function forget(beginning) {
  for (const name of unstored.keys()) if (name.startsWith(beginning)) unstored.delete(name);
  try {
    const keys = Object.keys(localStorage).filter((key) => key.startsWith(prefix + beginning));
    for (const key of keys) localStorage.removeItem(key);
  } catch {
    // Storage that cannot be read holds nothing either.
  }
}
