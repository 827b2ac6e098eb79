// @ts-check
/** Tells the server now and then what this browser ran, to be counted there. */

import { postReport } from "./api.js";
import { countTokens, ranHere } from "./report.js";

/**
 * @typedef {import("./model_info.js").ModelInfo} ModelInfo
 * @typedef {import("./exchange.js").Server} Server
 * @typedef {import("./report.js").Cause} Cause
 * @typedef {import("./report.js").Outcome} Outcome
 *
 * @typedef {object} Counts of one model, not told yet
 * @property {number[]} layer_tokens
 * @property {Partial<Record<Cause, number>>} fallbacks
 * @property {number} alone requests that no server was asked about
 * @property {number} finished texts whose embeddings were made here
 */

/** Many requests make one report. */
const msBetweenReports = 2_000;

/** Holds up no request, and a report that does not arrive is not missed. */
export class Tally {
  /** By model. @type {Map<string, Counts>} */
  #untold = new Map();
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #timer;
  #closing = new AbortController();

  /** @param {Server} server */
  constructor(server) {
    this.server = server;
    const until = { signal: this.#closing.signal };
    globalThis.addEventListener?.("pagehide", () => this.#tell(), until); // Node has no page
  }

  /** @param {readonly Outcome[]} outcomes of one request @param {ModelInfo} info */
  add(outcomes, { name, n_layer }) {
    const untold = this.#untold.get(name);
    // The server cannot count by layer what it has others of by now.
    const counts = untold?.layer_tokens.length === n_layer ? untold : noCounts(n_layer);
    for (const outcome of outcomes) {
      const tokens = countTokens(outcome);
      counts.layer_tokens = counts.layer_tokens.map(
        (sum, layer) => (ranHere(outcome, layer) ? sum + tokens : sum),
      );
    }
    for (const cause of new Set(outcomes.map(({ why }) => why?.cause))) {
      if (cause) counts.fallbacks[cause] = (counts.fallbacks[cause] ?? 0) + 1;
    }
    if (outcomes.some(({ exchanges }) => exchanges.length === 0)) counts.alone += 1;
    for (const outcome of outcomes) {
      if (ranHere(outcome, n_layer - 1)) counts.finished += outcome.embeddings.length;
    }
    if (!hasNews(counts) || this.#closing.signal.aborted) return;
    this.#untold.set(name, counts);
    this.#timer ??= setTimeout(() => this.#tell(), msBetweenReports);
  }

  /** Tells what is left. */
  close() {
    this.#closing.abort();
    this.#tell();
  }

  #tell() {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    for (const [model, counts] of this.#untold) {
      postReport(this.server, { model, ...counts }).catch(() => {}); // see the class
    }
    this.#untold.clear();
  }
}

/** @param {number} n_layer @returns {Counts} */
function noCounts(n_layer) {
  return { layer_tokens: Array(n_layer).fill(0), fallbacks: {}, alone: 0, finished: 0 };
}

/** @param {Counts} counts */
function hasNews({ layer_tokens, fallbacks }) {
  return layer_tokens.some((tokens) => tokens > 0) || Object.keys(fallbacks).length > 0;
}
