// @ts-check
/** Keeps the server's API key for this tab only. */

const item = "splitcompute.apiKey";
/** For browsers that refuse storage: the key then holds for this visit. @type {string | undefined} */
let unstored;

/** @returns {string | undefined} */
export function readApiKey() {
  try {
    return unstored ?? sessionStorage.getItem(item) ?? undefined;
  } catch {
    return undefined;
  }
}

/** @param {string} key */
export function keepApiKey(key) {
  unstored = undefined;
  try {
    sessionStorage.setItem(item, key);
  } catch {
    unstored = key;
  }
}
