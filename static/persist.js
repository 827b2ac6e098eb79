// @ts-check
/** Asks the server again what the network, a restart or a crowd has kept it from answering. */

import { messageOf, SplitComputeError } from "./errors.js";
import { nextEvent, pause } from "./waiting.js";

/**
 * @typedef {object} Patience
 * @property {AbortSignal} [signal]
 * @property {(reason: string) => void} [onWait] hears why the server is asked once more
 */

/**
 * 24 s in all, in which a server restarts and a phone finds its network again. Counted in tries
 * rather than by the clock, which goes on while a tab is frozen.
 */
const pausesMs = [250, 500, 1_000, 2_000, 4_000, 8_000, 8_000];
/** However long a server, or a proxy before it, asks to wait. */
const mostPauseMs = 30_000;
/** Where the connection was dead and neither end knew, a new one helps; a server that hangs would be asked for ever. */
const mostTimeouts = 1;
/** 408 and 429 are the server's, 502 to 504 a proxy's before a server that is starting. */
const passingStatus = [408, 429, 502, 503, 504];

/**
 * Only for what may be asked twice.
 * @template T
 * @param {() => Promise<T>} ask
 * @param {Patience} patience
 * @returns {Promise<T>}
 */
export async function persist(ask, { signal, onWait }) {
  let timeouts = 0;
  for (const ms of pausesMs) {
    try {
      return await ask();
    } catch (error) {
      signal?.throwIfAborted();
      if (!isPassing(error)) throw error;
      if (error.error_type === "Timeout" && timeouts++ === mostTimeouts) throw error;
      onWait?.(messageOf(error));
      await rest(Math.max(ms, Math.min(error.retryAfterMs, mostPauseMs)), signal);
    }
  }
  return ask();
}

/** @param {unknown} error @returns {error is SplitComputeError} */
function isPassing(error) {
  if (!(error instanceof SplitComputeError)) return false;
  if (error.error_type === "Download") return false; // a piece, which was asked for again already
  return ["Unreachable", "Timeout"].includes(error.error_type) || passingStatus.includes(error.status ?? 0);
}

/** Shorter where the network comes back meanwhile. @param {number} ms @param {AbortSignal} [signal] */
async function rest(ms, signal) {
  const over = new AbortController();
  const until = signal ? AbortSignal.any([signal, over.signal]) : over.signal;
  // Spread, so that a server that comes back is not met by all its visitors at once.
  const timer = pause(ms * (1 + Math.random() / 4), until);
  const online = nextEvent(globalThis, "online", until);
  try {
    await Promise.race([timer, online]);
  } finally {
    over.abort();
    await Promise.allSettled([timer, online]);
  }
}
