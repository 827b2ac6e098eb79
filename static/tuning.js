// @ts-check
/** What torch.autotune found on this device's GPU, kept from visit to visit. */

/** @typedef {import("./torch.js").Autotuned} Autotuned */

const key = "splitcompute.autotuned";

/** @returns {Autotuned | null} */
export function keptTuning() {
  try {
    const { adapter, tiles } = JSON.parse(localStorage.getItem(key) ?? "null");
    return typeof adapter === "string" && typeof tiles === "object" && tiles ? { adapter, tiles } : null;
  } catch {
    return null; // No storage, or nothing in it: it is measured again.
  }
}

/** @param {Autotuned} autotuned */
export function keepTuning(autotuned) {
  try {
    localStorage.setItem(key, JSON.stringify(autotuned));
  } catch {
    // No storage: it holds until the page is left.
  }
}
