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

/** @param {string} name */
export function forget(name) {
  unstored.delete(name);
  try {
    localStorage.removeItem(prefix + name);
  } catch {
    // Storage that cannot be read holds nothing either.
  }
}

/** Forgets all whose names begin so. @param {string} beginning */
export function forgetAll(beginning) {
  for (const name of [...unstored.keys(), ...storedNames()]) if (name.startsWith(beginning)) forget(name);
}

function storedNames() {
  try {
    return Object.keys(localStorage).filter((key) => key.startsWith(prefix)).map((key) => key.slice(prefix.length));
  } catch {
    return [];
  }
}
