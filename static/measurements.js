// @ts-check
/** What this browser measured of itself and of its network while it was used, as POST /split takes it. */

import { affine, affineWith, estimate, seen } from "./estimates.js";

/**
 * @typedef {import("./exchange.js").Exchange} Exchange
 * @typedef {import("./estimates.js").Estimate} Estimate
 * @typedef {import("./line_meter.js").Amount} Amount
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

const lineGuess = { perRequest: 0, perUnit: 1 / 1250 };
/** The next network may be another. */
const lineGoodForMs = 10 * 60 * 1000;
/** Less is over before the line is filled, and tells what an answer takes to begin. */
const leastOfLine = 30_000;

/**
 * @typedef {object} Learned in one state of the tab
 * @property {Estimate} layer
 * @property {Estimate} overhead
 * @property {Estimate} asking until an answer begins, by bytes up
 * @property {Estimate} answer from there on, by bytes down
 * @property {number} at when a layer was measured, as Date.now() tells
 * @property {number} requestsSince
 */

/**
 * Of one model in one dtype on this device; of the network, since the page was opened. A hidden tab
 * is measured by itself, since browsers slow it down, and nothing is learnt of what took place partly
 * in view and partly not.
 */
export class Measurements {
  /** @type {Learned} */
  #inView = nothingLearned();
  /** Begins with what was learnt in view. @type {Learned | null} */
  #hidden = null;
  /** When the tab was last hidden or shown. */
  #turnedAt = 0;
  /** By bytes of what is large: pieces, and answers of their size. */
  #line = { estimate: estimate(lineGuess), at: -Infinity };
  #requests = { underWay: 0, endedAt: -Infinity };
  #closing = new AbortController();

  /** @param {string} key under which they are kept from visit to visit, where the browser lets them be */
  constructor(key) {
    this.key = `splitcompute.measured:${key}`;
    this.#restore();
    // In a Worker there is no document, nor anything to hide.
    const turned = () => void (this.#turnedAt = performance.now());
    globalThis.document?.addEventListener("visibilitychange", turned, { signal: this.#closing.signal });
  }

  /** A request begins; the function returned is to be called at its end, whatever that is. */
  begin() {
    this.#requests.underWay += 1;
    return () => {
      this.#requests.underWay -= 1;
      this.#requests.endedAt = performance.now();
    };
  }

  /** @param {readonly Exchange[]} exchanges of one request @param {number} begun as performance.now() tells */
  exchanged(exchanges, begun) {
    const learned = this.#learned;
    learned.requestsSince += 1;
    if (begun < this.#turnedAt) return;
    for (const { up, down, askingMs, answerMs } of exchanges) {
      learned.asking = seen(learned.asking, up, askingMs);
      learned.answer = seen(learned.answer, down, answerMs);
      this.#filled(down, answerMs);
    }
  }

  /** @param {Run} run that has just ended */
  ran({ tokens, layers, browserMs, totalMs }) {
    if (performance.now() - totalMs < this.#turnedAt) return;
    const learned = this.#learned;
    learned.layer = seen(learned.layer, tokens, browserMs / layers);
    learned.overhead = seen(learned.overhead, tokens, Math.max(totalMs - browserMs, 0));
    learned.at = Date.now();
    learned.requestsSince = 0;
    if (learned === this.#inView) this.#keep();
  }

  /**
   * A piece was fetched just now. Beside a request it tells nothing: both took their part of the line.
   * @param {Amount} came
   */
  came({ bytes, ms }) {
    const begun = performance.now() - ms;
    const wasAlone = this.#requests.underWay === 0 && this.#requests.endedAt < begun;
    if (wasAlone && begun >= this.#turnedAt) this.#filled(bytes, ms);
  }

  /**
   * @param {number} tokens expected in the request, since the overhead goes out as one number
   * @returns {BrowserMeasured}
   */
  measured(tokens) {
    const learned = this.#learned;
    const knowsLayer = doesKnowLayer(learned);
    const [layer, overhead] = [affine(learned.layer), affine(learned.overhead)];
    const [asking, answer] = [affine(learned.asking), this.#affineOf(learned.answer)];
    return {
      ...(knowsLayer && { layer_ms: { per_request: layer.perRequest, per_token: layer.perUnit } }),
      overhead_ms: knowsLayer ? overhead.perRequest + overhead.perUnit * tokens : 0,
      round_trip_ms: asking.perRequest + answer.perRequest,
      download_bytes_per_s: rate(answer.perUnit),
      upload_bytes_per_s: rate(asking.perUnit),
    };
  }

  /** Learns nothing any more. */
  close() {
    this.#closing.abort();
  }

  get #learned() {
    if (globalThis.document?.visibilityState !== "hidden") return this.#inView;
    return (this.#hidden ??= { ...this.#inView });
  }

  /** @param {number} bytes @param {number} ms */
  #filled(bytes, ms) {
    if (bytes < leastOfLine) return;
    this.#line = { estimate: seen(this.#line.estimate, bytes, ms), at: performance.now() };
  }

  /** @param {Estimate} answer */
  #affineOf(answer) {
    if (performance.now() - this.#line.at > lineGoodForMs) return affine(answer);
    return affineWith(answer, affine(this.#line.estimate).perUnit);
  }

  #restore() {
    try {
      const text = localStorage.getItem(this.key);
      if (!text) return;
      const kept = /** @type {Kept} */ (JSON.parse(text));
      if (!isEstimate(kept.layer) || !isEstimate(kept.overhead)) return;
      this.#inView.layer = { ...kept.layer, guess: layerGuess };
      this.#inView.overhead = { ...kept.overhead, guess: overheadGuess };
      this.#inView.at = Math.min(Number(kept.at), Date.now());
    } catch {
      // No storage, or not what was put there: measured anew, then.
    }
  }

  #keep() {
    const { layer, overhead, at } = this.#inView;
    try {
      localStorage.setItem(this.key, JSON.stringify(/** @type {Kept} */ ({ layer, overhead, at })));
    } catch {
      // Private mode, or no space: they hold for this visit.
    }
  }
}

/** @returns {Learned} */
function nothingLearned() {
  return {
    layer: estimate(layerGuess),
    overhead: estimate(overheadGuess),
    asking: estimate(networkGuess),
    answer: estimate(answerGuess),
    at: 0,
    requestsSince: 0,
  };
}

/** @param {Learned} learned */
function doesKnowLayer({ layer, at, requestsSince }) {
  return layer.weight > 0 && Date.now() - at < goodForMs && requestsSince < requestsUntilUnknown;
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
