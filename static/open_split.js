// @ts-check
/** What the server's planner must know to choose the split. */

/**
 * @typedef {import("./api.js").OpenSplit} OpenSplit
 * @typedef {import("./api.js").Policy} Policy
 * @typedef {import("./session.js").Connection} Connection
 */

/** @type {readonly Policy[]} */
export const policies = ["offload", "latency", "server", "browser"];

/** English text has about so many in either model's vocabulary. */
const charactersPerToken = 4;

/**
 * @param {Pick<Connection, "info" | "worker" | "measurements" | "lastSplit">} connection
 * @param {{texts: readonly string[], policy: Policy}} request
 * @returns {OpenSplit}
 */
export function openSplit({ info, worker, measurements, lastSplit }, { texts, policy }) {
  const { n_layer, normalize } = info;
  const lowest = worker.lowest?.split ?? n_layer;
  const characters = texts.reduce((sum, text) => sum + text.length, 0);
  return {
    split: "auto",
    held: Array.from({ length: n_layer - lowest }, (_, i) => lowest + i),
    browser: measurements.measured(characters / charactersPerToken),
    policy,
    ...(lastSplit === undefined ? {} : { previous: lastSplit }),
    finish: true,
    normalize,
  };
}
