// @ts-check
/**
 * One request, top to bottom: the server's layers, the browser's, and the way back if those fail.
 */

import { fetchModels, findModel, postEmbed, postResume, postSplit } from "./api.js";
import { messageOf } from "./errors.js";

/**
 * @typedef {import("./api.js").Dtype} Dtype
 * @typedef {import("./api.js").Exchange} Exchange
 * @typedef {import("./api.js").ModelInfo} ModelInfo
 * @typedef {import("./api.js").Server} Server
 * @typedef {import("./browser_model.js").ShareResult} ShareResult
 * @typedef {import("./device.js").Device} Device
 * @typedef {import("./gpu_worker.js").GpuWorker} GpuWorker
 *
 * @typedef {object} Connection
 * @property {Server} server
 * @property {readonly ModelInfo[]} models
 * @property {ModelInfo} info of the model connected to
 * @property {Device} device
 * @property {Dtype} wire of the hidden state
 * @property {GpuWorker} worker
 *
 * @typedef {object} Request
 * @property {string[]} texts
 * @property {number} split
 * @property {AbortSignal} [signal]
 *
 * @typedef {"server" | "browser"} Where
 *
 * @typedef {object} LayerReport
 * @property {number} layer
 * @property {Where} where
 * @property {number} [ms] the mean of its side, which runs its layers in one go
 *
 * @typedef {object} Timings milliseconds
 * @property {number} tokenize
 * @property {number} server its layers, and all that it does besides to answer
 * @property {number} network
 * @property {number} load pieces that were not on the GPU yet
 * @property {number} upload the hidden state, to the GPU
 * @property {number} browser layers and finish
 * @property {number} readback
 * @property {number} total
 *
 * @typedef {object} EmbedResult
 * @property {Float32Array[]} embeddings one a text
 * @property {number[]} tokens of each text
 * @property {number} dimensions
 * @property {number} split the layers that the server ran are [0, split)
 * @property {LayerReport[]} layers
 * @property {Where} finish
 * @property {Timings} timings
 * @property {{up: number, down: number}} bytes
 * @property {string} [note] why the server ran more than was asked of it
 *
 * @typedef {object} Outcome
 * @property {Float32Array[]} rows
 * @property {number[]} tokens
 * @property {number} split
 * @property {Exchange[]} exchanges with the server
 * @property {number} load ms
 * @property {ShareResult["timings"]} [share] of the browser
 * @property {string} [note]
 */

/**
 * @param {Connection} connection
 * @param {Request} request
 * @returns {Promise<EmbedResult>}
 */
export async function embedTexts(connection, request) {
  const begun = performance.now();
  const outcome = await run(connection, request, 1);
  return report(outcome, connection.info, performance.now() - begun);
}

/**
 * @param {Connection} connection @param {Request} request @param {number} retries
 * @returns {Promise<Outcome>}
 */
async function run(connection, request, retries) {
  const { server, info, wire, worker } = connection;
  const { texts, split, signal } = request;
  const obstacle = whyServerOnly(connection);
  // With no layer left for the browser, one row back is smaller than the hidden state.
  if (split === info.n_layer || obstacle) return runOnServer(connection, request, obstacle);

  const begun = performance.now();
  const share = { revision: info.revision, split };
  try {
    await worker.ask("load", share, { signal });
  } catch (error) {
    signal?.throwIfAborted();
    const why = `The browser could not load its layers (${messageOf(error)}).`;
    return startAgain(connection, request, retries, why);
  }
  const load = performance.now() - begun;

  const body = { model: info.name, inputs: texts, split, dtype: wire };
  const half = await postSplit(server, body, signal);
  if (half.revision !== info.revision) {
    const why = `The server has changed to revision ${half.revision}.`;
    return startAgain(connection, request, retries, why);
  }

  try {
    // A copy goes to the Worker: the server can go on from here even if the Worker dies with it.
    const hidden = half.body.slice(0);
    const question = { ...share, body: hidden };
    const result = await worker.ask("run", question, { signal, transfer: [hidden] });
    const { tokens, timings } = result;
    const rows = splitRows(result.rows, info.n_embd);
    return { rows, tokens, split, exchanges: [half.exchange], load, share: timings };
  } catch (error) {
    signal?.throwIfAborted();
    const why = `The browser could not run its layers (${messageOf(error)}).`;
    const outcome = await resumeOnServer(connection, request, half.body, why);
    return { ...outcome, exchanges: [half.exchange, ...outcome.exchanges], load };
  }
}

/** @param {Connection} connection @returns {string | undefined} */
function whyServerOnly({ device, info }) {
  if (!device.ok) return `This browser cannot run layers (${device.reason}).`;
  if (!info.weights) return `The server does not give out the layers of ${info.name}.`;
  return undefined;
}

/**
 * A server that was restarted with another revision is no failure: its new pieces are.
 * @param {Connection} connection @param {Request} request
 * @param {number} retries @param {string} why
 */
async function startAgain(connection, request, retries, why) {
  const hasChanged = retries > 0 && (await refresh(connection, request.signal));
  if (hasChanged) return run(connection, request, retries - 1);
  return runOnServer(connection, request, why);
}

/**
 * Asks which revision the server has now; tells whether it is another one.
 * @param {Connection} connection @param {AbortSignal} [signal]
 */
async function refresh(connection, signal) {
  const { name, revision } = connection.info;
  connection.models = await fetchModels(connection.server, signal);
  connection.info = findModel(connection.models, name);
  return connection.info.revision !== revision;
}

/**
 * @param {Connection} connection @param {Request} request @param {string} [why]
 * @returns {Promise<Outcome>}
 */
async function runOnServer({ server, info }, { texts, signal }, why) {
  const { name: model, normalize } = info;
  const body = { model, inputs: texts, normalize };
  const { exchange, ...result } = await postEmbed(server, body, signal);
  return { ...result, ...allOnServer(info, exchange, why) };
}

/**
 * @param {Connection} connection @param {Request} request
 * @param {ArrayBuffer} body the hidden state as /split gave it
 * @param {string} why
 * @returns {Promise<Outcome>}
 */
async function resumeOnServer(connection, request, body, why) {
  const { server, info } = connection;
  const { name: model, normalize } = info;
  try {
    const resumed = await postResume(server, { model, body, normalize }, request.signal);
    const { exchange, ...result } = resumed;
    return { ...result, ...allOnServer(info, exchange, why) };
  } catch {
    request.signal?.throwIfAborted();
    // The hidden state may be of a revision that is gone by now; the texts are good for any.
    return runOnServer(connection, request, why);
  }
}

/** @param {ModelInfo} info @param {Exchange} exchange @param {string} [why] */
function allOnServer(info, exchange, why) {
  const note = why && `${why} The server ran all layers.`;
  return { split: info.n_layer, exchanges: [exchange], load: 0, note };
}

/** @param {Outcome} outcome @param {ModelInfo} info @param {number} total @returns {EmbedResult} */
function report({ rows, tokens, split, exchanges, load, share, note }, { n_layer, n_embd }, total) {
  const sum = (/** @type {keyof Exchange} */ key) =>
    exchanges.reduce((all, exchange) => all + exchange[key], 0);
  const { upload, browser, readback } = share ?? { upload: 0, browser: 0, readback: 0 };
  const meanMs = { server: sum("layers") / split, browser: browser / (n_layer - split) };
  const layers = Array.from({ length: n_layer }, (_, layer) => {
    /** @type {Where} */
    const where = layer < split ? "server" : "browser";
    return { layer, where, ms: meanMs[where] };
  });
  return {
    embeddings: rows,
    tokens,
    dimensions: n_embd,
    split,
    layers,
    finish: share ? "browser" : "server",
    timings: {
      tokenize: sum("tokenize"),
      server: sum("server"),
      network: sum("network"),
      load,
      upload,
      browser,
      readback,
      total,
    },
    bytes: { up: sum("up"), down: sum("down") },
    ...(note ? { note } : {}),
  };
}

/** @param {Float32Array} values @param {number} width */
function splitRows(values, width) {
  const count = values.length / width;
  return Array.from({ length: count }, (_, row) => values.slice(row * width, (row + 1) * width));
}
