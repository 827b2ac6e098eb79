// @ts-check
/** One request, top to bottom: the server's layers, the browser's, and the way back if those fail. */

import { fetchModels, findModel, postEmbed, postResume, postSplit } from "./api.js";
import { messageOf, SplitComputeError } from "./errors.js";
import { persist } from "./persist.js";
import { partsToEmbed, partsToSplit } from "./parts.js";
import { noShare, report } from "./report.js";
import { openSplit } from "./open_split.js";

/**
 * @typedef {import("./api.js").Dtype} Dtype
 * @typedef {import("./api.js").Exchange} Exchange
 * @typedef {import("./api.js").ModelInfo} ModelInfo
 * @typedef {import("./api.js").Server} Server
 * @typedef {import("./device.js").Device} Device
 * @typedef {import("./api.js").Half} Half
 * @typedef {import("./api.js").Policy} Policy
 * @typedef {import("./gpu_worker.js").GpuWorker} GpuWorker
 * @typedef {import("./measurements.js").Measurements} Measurements
 * @typedef {import("./report.js").Cause} Cause
 * @typedef {import("./report.js").EmbedResult} EmbedResult
 * @typedef {import("./report.js").Fallback} Fallback
 * @typedef {import("./report.js").Outcome} Outcome
 * @typedef {import("./tally.js").Tally} Tally
 * @typedef {import("./trust.js").Trust} Trust
 *
 * @typedef {object} Connection
 * @property {Server} server
 * @property {readonly ModelInfo[]} models
 * @property {ModelInfo} info of the model connected to
 * @property {Device} device
 * @property {Dtype} wire of the hidden state
 * @property {GpuWorker} worker
 * @property {Tally} tally of what this browser ran
 * @property {Trust} trust in this browser's GPU
 * @property {Measurements} measurements
 * @property {import("./room.js").Room} room that the GPU has for layers
 * @property {number} [lastSplit] that the server chose
 *
 * @typedef {object} Request
 * @property {string[]} texts
 * @property {number | "auto"} split
 * @property {Policy} policy of "auto"
 * @property {AbortSignal} [signal]
 * @property {(reason: string) => void} [onWait] hears why the server is asked once more
 *
 * @typedef {Request & {mayLoad: boolean}} Plan for one part of the texts; mayLoad: whether it may wait
 *   for the browser's layers to come
 */

/** In the planner's words. */
const nothingHeld = "the browser holds no layer to take over";

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
  const outcomes = await run(connection, { ...request, onWait }).finally(end);
  connection.tally.add(outcomes, connection.info);
  void connection.trust.check(outcomes, connection.info);
  connection.measurements.exchanged(outcomes.flatMap(({ exchanges }) => exchanges), begun);
  return report(outcomes, connection.info, performance.now() - begun, waits);
}

/** @param {Connection} connection @param {Request} request @returns {Promise<Outcome[]>} */
async function run(connection, request) {
  const { info } = connection;
  const obstacle = whyServerOnly(connection);
  const mayLoad = request.split !== "auto";
  // With no layer left for the browser, one row back is smaller than the hidden state.
  if (obstacle || (mayLoad ? request.split : lowestSplit(connection)) === info.n_layer) {
    const outcomes = await runAllOnServer(connection, request, obstacle);
    return mayLoad ? outcomes : outcomes.map((outcome) => ({ ...outcome, reason: nothingHeld }));
  }
  const outcomes = [];
  for (const texts of partsToSplit(request.texts, info)) {
    outcomes.push(await runPart(connection, { ...request, texts, mayLoad }, 1));
  }
  const why = fallback("revision", "The server has changed its revision meanwhile.");
  return areMixed(outcomes) ? runAllOnServer(connection, request, why) : outcomes;
}

/**
 * @param {Connection} connection @param {Request} request @param {Fallback} [why]
 * @returns {Promise<Outcome[]>}
 */
async function runAllOnServer(connection, request, why, retries = 1) {
  const outcomes = [];
  for (const texts of partsToEmbed(request.texts, connection.info)) {
    outcomes.push(await runOnServer(connection, { ...request, texts }, why));
  }
  if (!areMixed(outcomes)) return outcomes;
  if (retries > 0) return runAllOnServer(connection, request, why, retries - 1);
  const message = "The server keeps changing its revision";
  throw new SplitComputeError(message, { error_type: "Revision" });
}

/** Vectors of two revisions must not end up in one result. @param {readonly Outcome[]} outcomes */
function areMixed(outcomes) {
  // The last answer brought the vectors; one before it may have been of no use any more.
  return new Set(outcomes.map(({ exchanges }) => exchanges.at(-1)?.revision)).size > 1;
}

/**
 * @param {Connection} connection @param {Plan} plan @param {number} retries
 * @returns {Promise<Outcome>}
 */
async function runPart(connection, plan, retries) {
  const { split, signal } = plan;
  // Also for the other parts of a long list, where a part before was found wrong.
  const obstacle = whyServerOnly(connection);
  if (obstacle) return runOnServer(connection, plan, obstacle);
  if (split === "auto") return runSplit(connection, plan, retries);
  const begun = performance.now();
  try {
    await loadLayers(connection, split, signal);
  } catch (error) {
    signal?.throwIfAborted();
    const why = fallback("load", `The browser could not load its layers: ${plain(error)}.`);
    return runOnServer(connection, plan, why);
  }
  const load = performance.now() - begun;
  const outcome = await runSplit(connection, plan, retries);
  return { ...outcome, load: outcome.load + load };
}

/**
 * With the browser's layers in place.
 * @param {Connection} connection @param {Plan} plan @param {number} retries
 * @returns {Promise<Outcome>}
 */
async function runSplit(connection, plan, retries) {
  const { server, info, wire } = connection;
  const { texts, mayLoad, signal } = plan;
  const choice = plan.split === "auto" ? openSplit(connection, plan) : { split: plan.split };
  const asked = { model: info.name, inputs: texts, dtype: wire, ...choice };
  const half = await persist(() => postSplit(server, asked, signal), plan).catch(nullIfTooLarge);
  if (!half) {
    const words = "A text has more tokens than the server sends as a hidden state.";
    const why = fallback("too_large", words);
    return runOnServer(connection, plan, why);
  }
  const { revision } = half.exchange;
  const reason = mayLoad ? undefined : half.reason;
  if (!mayLoad) connection.lastSplit = half.split;
  if (half.kind === "whole") {
    const { embeddings, tokens, exchange } = half;
    return { embeddings, tokens, ...allOnServer(info, exchange), reason };
  }
  if (revision !== info.revision) {
    const hasChanged = await persist(() => refresh(connection, info.revision, signal), plan);
    if (hasChanged && mayLoad && retries > 0) return runPart(connection, plan, retries - 1);
    const why = fallback("revision", `The server has another revision now (${revision}).`);
    return runOnServer(connection, plan, why);
  }
  try {
    return { ...(await runHere(connection, half, signal)), reason };
  } catch (error) {
    signal?.throwIfAborted();
    const why = whyNotHere(error);
    const outcome = await resumeOnServer(connection, plan, half.body, why);
    return { ...outcome, exchanges: [half.exchange, ...outcome.exchanges] };
  }
}

/**
 * @param {Connection} connection @param {Half} half @param {AbortSignal} [signal]
 * @returns {Promise<Outcome>}
 */
async function runHere({ info, worker, measurements }, { split, body, exchange }, signal) {
  const begun = performance.now();
  // A copy goes to the Worker: the server can go on from here even if the Worker dies with it.
  const copy = body.slice(0);
  const share = { revision: info.revision, split, body: copy };
  const { rows, tokens, timings } = await worker.ask("run", share, { signal, transfer: [copy] });
  const outcome = { embeddings: splitRows(rows, info.n_embd), tokens, split };
  measurements.ran({
    tokens: tokens.reduce((sum, count) => sum + count, 0),
    layers: info.n_layer - split,
    browserMs: timings.browser,
    totalMs: performance.now() - begun,
  });
  return { ...outcome, exchanges: [exchange], load: 0, share: timings, check: exchange.check };
}

/**
 * One text can be more than a hidden state may hold, where /embed still takes it.
 * @param {unknown} error
 */
function nullIfTooLarge(error) {
  if (error instanceof SplitComputeError && error.status === 413) return null;
  throw error;
}

/**
 * A server that came back with another revision is no failure: its new pieces are loaded then.
 * @param {Connection} connection @param {number} split @param {AbortSignal} [signal]
 */
export async function loadLayers(connection, split, signal) {
  const { revision } = connection.info;
  try {
    await connection.worker.ask("load", { revision, split }, { signal });
  } catch (error) {
    signal?.throwIfAborted();
    const hasChanged = await refresh(connection, revision, signal);
    if (!hasChanged) throw error;
    const share = { revision: connection.info.revision, split };
    await connection.worker.ask("load", share, { signal });
  }
}

/** Of those that the layers on the GPU allow. @param {Connection} connection */
export function lowestSplit({ info, worker }) {
  return worker.lowest?.revision === info.revision ? worker.lowest.split : info.n_layer;
}

/** @param {Connection} connection @returns {Fallback | undefined} */
export function whyServerOnly({ device, info, trust }) {
  if (!device.ok) return fallback("no_gpu", `This browser cannot run layers (${device.reason}).`);
  const words = `The server does not give out the layers of ${info.name}.`;
  if (trust.reason !== null) return fallback("parity", trust.reason);
  return info.weights ? undefined : fallback("no_weights", words);
}

/** @param {Cause} cause @param {string} words @returns {Fallback} */
function fallback(cause, words) {
  return { cause, words };
}

/** Without webgpu-torch's advice to its caller. @param {unknown} error */
function plain(error) {
  return messageOf(error).replace(/; call torch\.init\(\).*$/s, "").replace(/\.(\)?)$/, "$1");
}

/** What the browser's layers failed of. @param {unknown} error */
function whyNotHere(error) {
  const { error_type } = error instanceof SplitComputeError ? error : {};
  if (error_type === "Memory") return fallback("memory", "The GPU's memory was full.");
  const words = `The browser could not run its layers: ${plain(error)}.`;
  return fallback(error_type === "Worker" ? "worker" : "gpu", words);
}

/**
 * Asks which revision the server has now; tells whether it is another one than that.
 * @param {Connection} connection @param {string} revision @param {AbortSignal} [signal]
 */
async function refresh(connection, revision, signal) {
  connection.models = await fetchModels(connection.server, signal);
  connection.info = findModel(connection.models, connection.info.name);
  const hasChanged = connection.info.revision !== revision;
  if (hasChanged) connection.worker.outdate();
  return hasChanged;
}

/**
 * @param {Connection} connection @param {Pick<Request, "texts" | "signal" | "onWait">} request
 * @param {Fallback} [why]
 * @returns {Promise<Outcome>}
 */
async function runOnServer({ server, info }, request, why) {
  const { name: model, normalize } = info;
  const { texts, signal } = request;
  const body = { model, inputs: texts, normalize };
  const embedded = await persist(() => postEmbed(server, body, signal), request);
  const { exchange, ...result } = embedded;
  return { ...result, ...allOnServer(info, exchange, why) };
}

/**
 * @param {Connection} connection @param {Plan} request
 * @param {ArrayBuffer} body the hidden state as /split gave it
 * @param {Fallback} why
 * @returns {Promise<Outcome>}
 */
async function resumeOnServer(connection, request, body, why) {
  const { server, info } = connection;
  const { texts, signal } = request;
  const { name: model, normalize } = info;
  const hidden = { model, body, normalize };
  const ask = () =>
    postResume(server, hidden, signal).catch((error) => {
      signal?.throwIfAborted();
      if (!isOutOfReach(error, "Unreachable")) throw error;
      // What keeps a large body from the server may let the texts through.
      const inputs = { model, inputs: texts, normalize };
      return postEmbed(server, inputs, signal).catch(() => Promise.reject(error));
    });
  try {
    const resumed = await persist(ask, request);
    const { exchange, ...result } = resumed;
    return { ...result, ...allOnServer(info, exchange, why) };
  } catch (error) {
    request.signal?.throwIfAborted();
    if (isOutOfReach(error, "Unreachable", "Timeout")) throw error;
    // The hidden state may be of a revision that is gone by now; the texts are good for any.
    return runOnServer(connection, request, why);
  }
}

/** @param {unknown} error @param {string[]} types of error */
function isOutOfReach(error, ...types) {
  return error instanceof SplitComputeError && types.includes(error.error_type);
}

/** @param {ModelInfo} info @param {Exchange} exchange @param {Fallback} [why] */
function allOnServer(info, exchange, why) {
  return { split: info.n_layer, exchanges: [exchange], load: 0, share: noShare, why };
}

/** @param {Float32Array} values @param {number} width */
function splitRows(values, width) {
  const count = values.length / width;
  return Array.from({ length: count }, (_, row) => values.slice(row * width, (row + 1) * width));
}
