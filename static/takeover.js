// @ts-check
/** The progressive takeover: layers stream to the GPU in the background, and each one moves the cut. */

import { isOf, messageOf } from "./errors.js";
import { highestSplit, holdsFor, holdsEmbed, loadRun, lowestSplit, whyServerOnly } from "./connection.js";
import { runBytes, stepsTo } from "./pieces.js";
import { nextEvent, pause } from "./waiting.js";

/**
 * @typedef {import("./model_info.js").WeightDtype} WeightDtype
 * @typedef {import("./connection.js").Connection} Connection
 * @typedef {import("./pieces.js").Run} Run
 *
 * @typedef {object} TakeoverOptions
 * @property {number} [to] the split to come to: 0 by default, n_layer where the browser goes first
 * @property {boolean} [embed] whether to go on past split 0, to the tokeniser and the embedding table,
 *   after which nothing is left for the server. Where the browser goes first, they come first anyway.
 * @property {number} [maxBytes] of pieces here: those that fit are taken
 * @property {AbortSignal} [signal] ends the takeover
 * @property {(state: TakeoverState) => void} [onChange]
 *
 * @typedef {object} TakeoverState
 * @property {"streaming" | "paused" | "waiting" | "complete" | "ended"} kind "waiting" to try again
 *   what has failed; "complete" as long as nothing on the GPU is lost
 * @property {number} lowest the lowest split that the layers on the GPU allow now, the server first
 * @property {number} highest the highest split that they allow, the browser first
 * @property {boolean} holdsEmbed whether the tokeniser and the embedding table are here
 * @property {number} target the split that the takeover stops at: `to`, or one before where
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
  /** Why the browser cannot make the tokens of this model. @type {string | undefined} */
  #noTokenizer;
  #streaming = new AbortController();
  #ending = new AbortController();

  /**
   * For SplitCompute.takeOver() alone.
   * @param {Connection} connection @param {WeightDtype} dtype
   * @param {TakeoverOptions & {embed: boolean}} options
   */
  constructor(connection, dtype, options) {
    this.#connection = connection;
    this.#dtype = dtype;
    this.#options = options;
    const until = { signal: this.#ending.signal };
    connection.worker.addEventListener("held", () => this.#tell(), until);
    options.signal?.addEventListener("abort", () => this.end(), until);
    if (options.signal?.aborted) this.end();
    void this.#stream(this.#streaming.signal);
  }

  /** @returns {TakeoverState} */
  get state() {
    const connection = this.#connection;
    const reason = this.#reason;
    return {
      kind: this.#kind,
      lowest: lowestSplit(connection),
      highest: highestSplit(connection),
      holdsEmbed: holdsEmbed(connection),
      target: this.#target,
      ...(reason ? { reason } : {}),
    };
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
    const { direction, info } = this.#connection;
    const last = this.#steps().at(-1);
    if (direction === "client-first") return last?.stop ?? 0;
    return last?.start ?? info.n_layer;
  }

  /** What is to come, as far as is allowed and fits. */
  #steps() {
    return this.#stepsWithin(this.#options.maxBytes ?? Infinity, this.#connection.room.bytes);
  }

  /** @param {number} maxBytes of all pieces @param {number} room for those on the GPU */
  #stepsWithin(maxBytes, room) {
    const { direction, info } = this.#connection;
    const { to, embed } = this.#options;
    const sizes = info.bytes[this.#dtype];
    const goal = { to, embed: embed && !this.#noTokenizer };
    return stepsTo(direction, goal, info.n_layer).filter((step) =>
      runBytes(step, info.n_layer, sizes) <= maxBytes &&
        runBytes({ ...step, embeds: false }, info.n_layer, sizes) <= room,
    );
  }

  /** @param {AbortSignal} signal */
  async #stream(signal) {
    // Whoever began the takeover has it in hand before it calls back.
    await null;
    if (this.#connection.worker.isClosed) return this.#end("The connection was closed.");
    const obstacle = whyServerOnly(this.#connection);
    if (obstacle) return this.#end(obstacle.words);
    for (let failures = 0; !signal.aborted; ) {
      const { length } = this.#steps();
      try {
        await this.#step(signal);
        failures = 0;
      } catch (error) {
        if (signal.aborted) return;
        if (isOf(error, "Tokenizer")) {
          this.#noTokenizer = messageOf(error);
          if (this.#connection.direction === "client-first") return this.#end(this.#noTokenizer);
          continue;
        }
        // A full GPU was emptied with it, and is filled again as far as it has room.
        const isKnownFull = isOf(error, "Memory") && this.#steps().length < length;
        if (!isKnownFull) await this.#wait(messageOf(error), failures++, signal);
      }
    }
  }

  /** Moves the cut by one layer, or rests until one is lost. @param {AbortSignal} signal */
  async #step(signal) {
    const connection = this.#connection;
    const isMissing = (/** @type {Run} */ step) => !holdsFor(connection, step);
    const next = this.#steps().find(isMissing);
    if (next) {
      this.#become("streaming");
      // Of a new revision, all are.
      await loadRun(connection, () => this.#steps().find(isMissing) ?? next, signal);
    } else {
      this.#become("complete", this.#whyNoFurther());
      await nextEvent(connection.worker, "held", signal);
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
    const { maxBytes = Infinity } = this.#options;
    const { length } = this.#steps();
    if (length === this.#stepsWithin(Infinity, Infinity).length) return this.#noTokenizer;
    return length < this.#stepsWithin(maxBytes, Infinity).length
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
    try {
      this.#options.onChange?.(state);
    } catch (error) {
      // The listener's own: the takeover goes on, and the page hears of it as of any error in a listener.
      reportError(error);
    }
  }
}
