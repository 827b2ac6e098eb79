// @ts-check
/** What the server's planner must know to choose the cut, and when it need not be asked. */

import { postPlan } from "./api.js";
import { highestSplit, holdsFor, isHere, lowestSplit, refresh } from "./connection.js";
import { isOf, outdated } from "./errors.js";
import { isLayer, layerPieces, wholeRun } from "./pieces.js";

/**
 * @typedef {import("./api.js").Cut} Cut
 * @typedef {import("./api.js").OpenSplit} OpenSplit
 * @typedef {import("./api.js").Policy} Policy
 * @typedef {import("./connection.js").Connection} Connection
 *
 * @typedef {{texts: string[], policy: Policy, signal?: AbortSignal}} Request
 */

/** @type {readonly Policy[]} */
export const policies = ["offload", "latency", "server", "browser"];

/** English text has about so many in either model's vocabulary. */
const charactersPerToken = 4;
/** What offload allows whatever the server would take, as planner.py has it. */
const latencyGoalMs = 100;

/**
 * For a request that the server starts.
 * @param {Connection} connection @param {Request} request
 * @returns {OpenSplit}
 */
export function openSplit(connection, { texts, policy }) {
  const { info, measurements, lastCut } = connection;
  const { n_layer, normalize } = info;
  const lowest = lowestSplit(connection);
  return {
    split: "auto",
    held: Array.from({ length: n_layer - lowest }, (_, i) => lowest + i),
    browser: measurements.measured(characters(texts) / charactersPerToken),
    policy,
    ...(lastCut?.first === "server" ? { previous: lastCut.split } : {}),
    finish: true,
    normalize,
  };
}

/**
 * For a request that the browser starts, or could run alone. The server hears how many tokens the
 * texts have, and is asked only where its own speed matters. Whatever keeps it from a plan is no error
 * where the browser needs nobody. Throws Revision where the server has another one now.
 * @param {Connection} connection @param {Request} request
 * @returns {Promise<Cut & {reason: string}>}
 */
export async function planCut(connection, { texts, policy, signal }) {
  const { server, info, direction, worker, measurements, lastCut: previous, wire } = connection;
  const { n_layer, revision } = info;
  if (policy === "browser") return byBrowser(connection, "browser: as much as it holds");
  const counts = await worker.ask("count", { revision, texts }, { signal });
  const tokens = counts.reduce((sum, count) => sum + count, 0);
  const browser = measurements.measured(tokens);
  const ms = predictedAlone(browser, tokens, n_layer);
  if (policy === "offload" && ms <= latencyGoalMs && holdsFor(connection, wholeRun(n_layer))) {
    const words = `all in the browser, ${ms.toPrecision(3)} ms predicted`;
    return byBrowser(connection, `offload: ${words}; within ${latencyGoalMs} ms, so nobody is asked`);
  }
  const body = {
    model: info.name,
    tokens,
    texts: texts.length,
    text_bytes: characters(texts),
    dtype: wire,
    held: heldLayers(connection),
    browser,
    direction,
    policy,
    ...(previous ? { previous } : {}),
  };
  let plan;
  try {
    plan = await postPlan(server, body, signal);
    // Who is to run all alone would never hear of it otherwise.
    if (plan.revision !== revision) await refresh(connection, revision, signal);
  } catch (error) {
    signal?.throwIfAborted();
    if (!holdsFor(connection, wholeRun(n_layer))) throw error;
    const why = isOf(error, "Unreachable", "Timeout") ? "cannot be reached" : "has no plan";
    return byBrowser(connection, `the server ${why}, and the browser holds all layers`);
  }
  if (connection.info.revision !== revision) throw outdated();
  const { split, first, reason } = plan;
  connection.lastCut = { split, first };
  return { split, first, reason };
}

/** @param {Connection} connection @param {string} reason @returns {Cut & {reason: string}} */
function byBrowser(connection, reason) {
  return { split: highestSplit(connection), first: "browser", reason };
}

/** @param {import("./measurements.js").BrowserMeasured} browser @param {number} tokens @param {number} n_layer */
function predictedAlone({ layer_ms, overhead_ms }, tokens, n_layer) {
  if (!layer_ms) return Infinity;
  return overhead_ms + n_layer * (layer_ms.per_request + layer_ms.per_token * tokens);
}

/** @param {Connection} connection */
function heldLayers(connection) {
  const here = isHere(connection);
  const layers = layerPieces(0, connection.info.n_layer).filter(isLayer);
  return layers.flatMap((piece, layer) => (here(piece) ? [layer] : []));
}

/** @param {readonly string[]} texts */
function characters(texts) {
  return texts.reduce((sum, text) => sum + text.length, 0);
}
