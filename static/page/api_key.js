// @ts-check
/** Keeps the server's API key for this tab only. */

const item = "splitcompute.apiKey";

/** @returns {string | undefined} */
export function readApiKey() {
  try {
    return sessionStorage.getItem(item) ?? undefined;
  } catch {
    return undefined;
  }
}

/** @param {string} key */
export function keepApiKey(key) {
  sessionStorage.setItem(item, key);
}
