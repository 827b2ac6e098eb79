// @ts-check
/** What the browser runs of a request in its Worker, and what it measures of itself thereby. */

import { wholeRun } from "./pieces.js";

/**
 * @typedef {import("./api.js").Half} Half
 * @typedef {import("./connection.js").Connection} Connection
 * @typedef {import("./model_info.js").ModelInfo} ModelInfo
 * @typedef {import("./pieces.js").Run} Run
 * @typedef {import("./report.js").Outcome} Outcome
 * @typedef {import("./share.js").ShareResult} ShareResult
 * @typedef {import("./share.js").StartResult} StartResult
 */

/**
 * From the server's hidden state on.
 * @param {Connection} connection
 * @param {ModelInfo} info that the hidden state is of. Not the connection's, which another request may
 *   have moved on while this one was asked for.
 * @param {Half} half @param {AbortSignal} [signal]
 * @returns {Promise<Outcome>}
 */
export async function finishHere(connection, info, { split, body, exchange }, signal) {
  const { worker } = connection;
  const begun = performance.now();
  const run = { start: split, stop: info.n_layer, embeds: false };
  // A copy goes to the Worker: the server can go on from here even if the Worker dies with it.
  const copy = body.slice(0);
  const question = { revision: info.revision, run, body: copy };
  const result = await worker.ask("run", question, { signal, transfer: [copy] });
  measure(connection, run, result, begun);
  return { ...finished(run, info, result), split, exchanges: [exchange], check: exchange.check };
}

/**
 * All of it: nobody is asked.
 * @param {Connection} connection @param {string[]} texts @param {AbortSignal} [signal]
 * @returns {Promise<Omit<Outcome, "split">>}
 */
export async function runAlone(connection, texts, signal) {
  const { info } = connection;
  const run = wholeRun(info.n_layer);
  const result = await startHere(connection, run, texts, signal);
  if (!("rows" in result)) throw new TypeError("a whole run ends in rows");
  return finished(run, info, result);
}

/**
 * From the texts on, as far as the run goes.
 * @param {Connection} connection @param {Run} run @param {string[]} texts @param {AbortSignal} [signal]
 * @returns {Promise<ShareResult | StartResult>}
 */
export async function startHere(connection, run, texts, signal) {
  const { info, wire, worker } = connection;
  const begun = performance.now();
  const question = { revision: info.revision, run, texts, wire };
  const result = await worker.ask("start", question, { signal });
  measure(connection, run, result, begun);
  return result;
}

/** @param {Connection} connection @param {Run} run @param {ShareResult | StartResult} result @param {number} begun */
function measure({ measurements }, { start, stop }, { tokens, timings }, begun) {
  if (start === stop) return;
  measurements.ran({
    tokens: tokens.reduce((sum, count) => sum + count, 0),
    layers: stop - start,
    browserMs: timings.browser,
    totalMs: performance.now() - begun,
  });
}

/** @param {Run} ran @param {ModelInfo} info of the layers that it ran through @param {ShareResult} result */
function finished(ran, { revision, n_layer }, { rows, tokens, timings }) {
  const embeddings = splitRows(rows, tokens.length);
  return { embeddings, tokens, ran, revision, n_layer, exchanges: [], load: 0, share: timings };
}

/** @param {Float32Array} values @param {number} count of rows */
function splitRows(values, count) {
  const width = values.length / count;
  return Array.from({ length: count }, (_, row) => values.slice(row * width, (row + 1) * width));
}
