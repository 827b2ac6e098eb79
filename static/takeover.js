// @ts-check
/** The progressive takeover: layers stream to the GPU in the background, and each one lowers the cut. */

import { messageOf, SplitComputeError } from "./errors.js";
import { lowestSplitWithin } from "./pieces.js";
import { loadLayers, lowestSplit, whyServerOnly } from "./session.js";
import { nextEvent, pause } from "./waiting.js";

/**
 * @typedef {import("./api.js").WeightDtype} WeightDtype
 * @typedef {import("./session.js").Connection} Connection
 *
 * @typedef {object} TakeoverOptions
 * @property {number} [to] the split to come down to; 0 by default
 * @property {number} [maxBytes] of layers on the GPU: those that fit are taken
 * @property {AbortSignal} [signal] ends the takeover
 * @property {(state: TakeoverState) => void} [onChange]
 *
 * @typedef {object} TakeoverState
 * @property {"streaming" | "paused" | "waiting" | "complete" | "ended"} kind "waiting" to try again
 *   what has failed; "complete" as long as nothing on the GPU is lost
 * @property {number} lowest the lowest split that the layers on the GPU allow now
 * @property {number} target the split that the takeover stops at: `to`, or a higher one where
 *   maxBytes or the GPU's memory end before
 * @property {string} [reason] why it waits, has ended by itself, or cannot come down to `to`
 */

const firstRetryMs = 1_000;
const longestRetryMs = 60_000;

/**
 * Works on by itself until it is ended, also after the GPU was lost or the server was away. The
 * pieces are fetched, checked and uploaded in the Worker.
 */
export class Takeover {
  #connection;
  #dtype;
  #options;
  /** @type {TakeoverState["kind"]} */
  #kind = "streaming";
  /** @type {string | undefined} */
  #reason;
  /** @type {TakeoverState | null} */
  #told = null;
  #streaming = new AbortController();
  #ending = new AbortController();

  /**
   * For SplitCompute.takeOver() alone.
   * @param {Connection} connection @param {WeightDtype} dtype
   * @param {TakeoverOptions & {to: number}} options
   */
  constructor(connection, dtype, options) {
    this.#connection = connection;
    this.#dtype = dtype;
    this.#options = options;
    const until = { signal: this.#ending.signal };
    connection.worker.addEventListener("lowest", () => this.#tell(), until);
    options.signal?.addEventListener("abort", () => this.end(), until);
    if (options.signal?.aborted) this.end();
    void this.#stream(this.#streaming.signal);
  }

  /** @returns {TakeoverState} */
  get state() {
    const lowest = lowestSplit(this.#connection);
    const reason = this.#reason;
    return { kind: this.#kind, lowest, target: this.#target, ...(reason ? { reason } : {}) };
  }

  /** Stops downloading. Layers that have come stay, and so do the bytes of the one under way. */
  pause() {
    if (this.#isEnded) return;
    this.#streaming.abort();
    this.#become("paused");
  }

  /** Goes on after pause(), or at once where it waits to try again. */
  resume() {
    if (this.#kind !== "paused" && this.#kind !== "waiting") return;
    this.#streaming.abort();
    this.#streaming = new AbortController();
    this.#become("streaming");
    void this.#stream(this.#streaming.signal);
  }

  /** Stops for good. Layers that have come stay. @param {string} [reason] */
  end(reason) {
    this.#end(reason);
  }

  get #isEnded() {
    return this.#ending.signal.aborted;
  }

  get #target() {
    return Math.max(this.#options.to, this.#affordable, this.#fitting);
  }

  /** The lowest split within maxBytes. */
  get #affordable() {
    const { n_layer, bytes } = this.#connection.info;
    const { maxBytes = Infinity } = this.#options;
    return lowestSplitWithin(n_layer, bytes[this.#dtype], maxBytes);
  }

  /** The lowest split that the GPU has room for, as far as is known. */
  get #fitting() {
    const { info, room } = this.#connection;
    return room.lowestSplit(info.n_layer, info.bytes[this.#dtype]);
  }

  /** @param {AbortSignal} signal */
  async #stream(signal) {
    // Whoever began the takeover has it in hand before it calls back.
    await null;
    const obstacle = whyServerOnly(this.#connection);
    if (obstacle) return this.#end(obstacle.words);
    for (let failures = 0; !signal.aborted; ) {
      const target = this.#target;
      try {
        await this.#step(signal);
        failures = 0;
      } catch (error) {
        if (signal.aborted) return;
        // A full GPU was emptied with it, and is filled again as far as it has room.
        const isKnownFull = isOfMemory(error) && this.#target > target;
        if (!isKnownFull) await this.#wait(messageOf(error), failures++, signal);
      }
    }
  }

  /** Lowers the cut by one layer, or rests until one is lost. @param {AbortSignal} signal */
  async #step(signal) {
    const { worker } = this.#connection;
    const lowest = lowestSplit(this.#connection);
    if (lowest > this.#target) {
      this.#become("streaming");
      await loadLayers(this.#connection, lowest - 1, signal);
    } else {
      this.#become("complete", this.#whyNoFurther());
      await nextEvent(worker, "lowest", signal);
    }
  }

  /** @param {string} reason @param {number} failures before @param {AbortSignal} signal */
  async #wait(reason, failures, signal) {
    this.#become("waiting", reason);
    const longest = Math.min(firstRetryMs * 2 ** failures, longestRetryMs);
    const over = new AbortController();
    const until = AbortSignal.any([signal, over.signal]);
    // Spread, so that a server that comes back is not met by all its visitors at once.
    const rest = pause(longest * (0.5 + Math.random() / 2), until);
    await Promise.race([rest, nextEvent(globalThis, "online", until)]).catch(() => {}); // ended early
    over.abort();
  }

  #whyNoFurther() {
    const { to, maxBytes } = this.#options;
    if (this.#target === to) return undefined;
    return this.#target === this.#fitting
      ? "The GPU's memory has no room for more layers."
      : `More layers would weigh more than ${maxBytes} bytes.`;
  }

  /** @param {string} [reason] */
  #end(reason) {
    if (this.#isEnded) return;
    this.#streaming.abort();
    this.#become("ended", reason);
    this.#ending.abort();
  }

  /** @param {TakeoverState["kind"]} kind @param {string} [reason] */
  #become(kind, reason) {
    this.#kind = kind;
    this.#reason = reason;
    this.#tell();
  }

  #tell() {
    const { state } = this;
    if (JSON.stringify(state) === JSON.stringify(this.#told)) return;
    this.#told = state;
    this.#options.onChange?.(state);
  }
}

/** @param {unknown} error */
function isOfMemory(error) {
  return error instanceof SplitComputeError && error.error_type === "Memory";
}
