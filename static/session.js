// @ts-check
/** One request: who starts it, and what is counted, checked and learnt of it. */

import { runClientFirst } from "./client_first.js";
import { probe } from "./probe.js";
import { report } from "./report.js";
import { runServerFirst } from "./server_first.js";

/**
 * @typedef {import("./connection.js").Connection} Connection
 * @typedef {import("./connection.js").Request} Request
 * @typedef {import("./report.js").EmbedResult} EmbedResult
 */

/**
 * @param {Connection} connection
 * @param {Request} request
 * @returns {Promise<EmbedResult>}
 */
export async function embedTexts(connection, request) {
  const begun = performance.now();
  /** @type {string[]} */
  const waits = [];
  const onWait = (/** @type {string} */ reason) => {
    waits.push(reason);
    request.onWait?.(reason);
  };
  const end = connection.measurements.begin();
  const run = connection.direction === "client-first" ? runClientFirst : runServerFirst;
  const outcomes = await run(connection, { ...request, onWait }).finally(end);
  connection.tally.add(outcomes, connection.info);
  void connection.trust.check(outcomes, connection.info);
  void probe(connection, outcomes);
  connection.measurements.exchanged(outcomes.flatMap(({ exchanges }) => exchanges), begun);
  return report(outcomes, connection.info, performance.now() - begun, waits);
}
