// @ts-check
/** What this browser measured of itself and of its network while it was used, as POST /split takes it. */

import { affine, estimate, seen } from "./estimates.js";

/**
 * @typedef {import("./api.js").Exchange} Exchange
 * @typedef {import("./estimates.js").Estimate} Estimate
 *
 * @typedef {object} BrowserMeasured what POST /split calls `browser`
 * @property {{per_request: number, per_token: number}} [layer_ms]
 * @property {number} overhead_ms
 * @property {number} round_trip_ms
 * @property {number} download_bytes_per_s
 * @property {number} upload_bytes_per_s
 *
 * @typedef {object} Run of this browser's layers
 * @property {number} tokens
 * @property {number} layers
 * @property {number} browserMs the layers, all together
 * @property {number} totalMs from the page's asking the Worker to its answer
 *
 * @typedef {{layer: Estimate, overhead: Estimate, at: number}} Kept at: when, as Date.now() tells
 */

// Scaled by the first measurement, so only their ratios count much: a layer costs a request as much
// as some tokens, and a link of 10 Mbit/s has a round trip of 40 ms.
const layerGuess = { perRequest: 1, perUnit: 0.02 };
const overheadGuess = { perRequest: 2, perUnit: 0.005 };
const networkGuess = { perRequest: 40, perUnit: 1 / 1250 };
const answerGuess = { perRequest: 1, perUnit: 1 / 1250 };
/** The server refuses rates below; a link that slow sends nothing anyway. */
const slowestBytesPerS = 1;
const fastestBytesPerS = 1e10;

/** The GPU may be another one's by then, or its driver. */
const goodForMs = 24 * 60 * 60 * 1000;
/**
 * What was once too slow is never chosen, so never measured again. After so many requests without
 * a layer of its own the browser says that it does not know, and gets one layer to try.
 */
const requestsUntilUnknown = 30;

/** Of one model in one dtype on this device; of the network, since the page was opened. */
export class Measurements {
  #layer = estimate(layerGuess);
  #overhead = estimate(overheadGuess);
  /** Until an answer begins, by bytes up. */
  #asking = estimate(networkGuess);
  /** From there on, by bytes down. */
  #answer = estimate(answerGuess);
  #at = 0;
  #requestsSince = 0;

  /** @param {string} key under which they are kept from visit to visit, where the browser lets them be */
  constructor(key) {
    this.key = `splitcompute.measured:${key}`;
    this.#restore();
  }

  /** @param {readonly Exchange[]} exchanges of one request */
  exchanged(exchanges) {
    for (const { up, down, askingMs, answerMs } of exchanges) {
      this.#asking = seen(this.#asking, up, askingMs);
      this.#answer = seen(this.#answer, down, answerMs);
    }
    this.#requestsSince += 1;
  }

  /** @param {Run} run */
  ran({ tokens, layers, browserMs, totalMs }) {
    this.#layer = seen(this.#layer, tokens, browserMs / layers);
    this.#overhead = seen(this.#overhead, tokens, Math.max(totalMs - browserMs, 0));
    this.#at = Date.now();
    this.#requestsSince = 0;
    this.#keep();
  }

  /**
   * @param {number} tokens expected in the request, since the overhead goes out as one number
   * @returns {BrowserMeasured}
   */
  measured(tokens) {
    const [layer, overhead, asking, answer] =
      [this.#layer, this.#overhead, this.#asking, this.#answer].map(affine);
    if (!layer || !overhead || !asking || !answer) throw new TypeError("four estimates");
    return {
      ...(this.#knowsLayer && { layer_ms: { per_request: layer.perRequest, per_token: layer.perUnit } }),
      overhead_ms: this.#knowsLayer ? overhead.perRequest + overhead.perUnit * tokens : 0,
      round_trip_ms: asking.perRequest + answer.perRequest,
      download_bytes_per_s: rate(answer.perUnit),
      upload_bytes_per_s: rate(asking.perUnit),
    };
  }

  get #knowsLayer() {
    const isFresh = Date.now() - this.#at < goodForMs;
    return this.#layer.weight > 0 && isFresh && this.#requestsSince < requestsUntilUnknown;
  }

  #restore() {
    try {
      const text = localStorage.getItem(this.key);
      if (!text) return;
      const kept = /** @type {Kept} */ (JSON.parse(text));
      if (!isEstimate(kept.layer) || !isEstimate(kept.overhead)) return;
      this.#layer = { ...kept.layer, guess: layerGuess };
      this.#overhead = { ...kept.overhead, guess: overheadGuess };
      this.#at = Math.min(Number(kept.at), Date.now());
    } catch {
      // No storage, or not what was put there: measured anew, then.
    }
  }

  #keep() {
    /** @type {Kept} */
    const kept = { layer: this.#layer, overhead: this.#overhead, at: this.#at };
    try {
      localStorage.setItem(this.key, JSON.stringify(kept));
    } catch {
      // Private mode, or no space: they hold for this visit.
    }
  }
}

/** @param {number} msPerByte */
function rate(msPerByte) {
  return Math.min(Math.max(1000 / Math.max(msPerByte, 1e-9), slowestBytesPerS), fastestBytesPerS);
}

/** @param {unknown} value @returns {value is Estimate} */
function isEstimate(value) {
  if (typeof value !== "object" || value === null) return false;
  const numbers = ["weight", "u", "y", "uu", "uy", "surprises"];
  return numbers.every((name) => Number.isFinite(/** @type {Record<string, unknown>} */ (value)[name]));
}
