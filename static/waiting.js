// @ts-check
/** Waits that a signal can end early; they reject with its reason then. */

/** @param {number} ms @param {AbortSignal} [signal] @returns {Promise<void>} */
export function pause(ms, signal) {
  return new Promise((resolve, reject) => {
    signal?.throwIfAborted();
    const abort = () => (clearTimeout(timer), reject(signal?.reason));
    const timer = setTimeout(() => {
      signal?.removeEventListener("abort", abort);
      resolve();
    }, ms);
    signal?.addEventListener("abort", abort, { once: true });
  });
}

/**
 * None ever comes of Node's globalThis, which is no EventTarget.
 * @param {EventTarget} target @param {string} type @param {AbortSignal} signal
 * @returns {Promise<Event>}
 */
export function nextEvent(target, type, signal) {
  return new Promise((resolve, reject) => {
    signal.throwIfAborted();
    target.addEventListener?.(type, resolve, { once: true, signal });
    signal.addEventListener("abort", () => reject(signal.reason), { once: true });
  });
}
