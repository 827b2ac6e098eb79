// @ts-check
/** What a connection to one model is made of, which pieces are here, and how they get here. */

import { fetchModels } from "./api.js";
import { isOf, messageOf, SplitComputeError } from "./errors.js";
import { findModel } from "./model_info.js";
import { persist } from "./persist.js";
import { firstLayers, hasEmbed, lowestSplit as lowestOf, piecesOf, runBytes } from "./pieces.js";

/**
 * @typedef {import("./model_info.js").Dtype} Dtype
 * @typedef {import("./model_info.js").ModelInfo} ModelInfo
 * @typedef {import("./exchange.js").Server} Server
 * @typedef {import("./device.js").Device} Device
 * @typedef {import("./api.js").Policy} Policy
 * @typedef {import("./gpu_worker.js").GpuWorker} GpuWorker
 * @typedef {import("./measurements.js").Measurements} Measurements
 * @typedef {import("./pieces.js").Direction} Direction
 * @typedef {import("./pieces.js").Run} Run
 * @typedef {import("./report.js").Cause} Cause
 * @typedef {import("./report.js").Fallback} Fallback
 * @typedef {import("./tally.js").Tally} Tally
 * @typedef {import("./trust.js").Trust} Trust
 *
 * @typedef {object} Connection
 * @property {Server} server
 * @property {readonly ModelInfo[]} models
 * @property {ModelInfo} info of the model connected to
 * @property {Device} device
 * @property {Direction} direction
 * @property {Dtype} wire of the hidden state
 * @property {GpuWorker} worker
 * @property {Tally} tally of what this browser ran
 * @property {Trust} trust in this browser's GPU
 * @property {Measurements} measurements
 * @property {import("./room.js").Room} room that the GPU has for layers
 * @property {import("./api.js").Cut} [lastCut] that the server chose
 *
 * @typedef {object} Request
 * @property {string[]} texts
 * @property {number | "auto"} split beyond the model's layers: all of them
 * @property {Policy} policy of "auto"
 * @property {AbortSignal} [signal]
 * @property {(reason: string) => void} [onWait] hears why the server is asked once more
 */

/**
 * The server may have gone since it named its models: then its scripts are asked for once more when it is
 * back. What else keeps them from running does so again, and is why there is no GPU. Closes the Worker
 * where it rejects.
 * @param {GpuWorker} worker @param {Server} server @param {AbortSignal} [signal]
 * @returns {Promise<Device>}
 */
export async function openWorker(worker, server, signal) {
  try {
    const device = (await worker.open().catch(() => null)) ?? (await openAgain(worker, server, signal));
    signal?.throwIfAborted();
    return device;
  } catch (error) {
    worker.close();
    throw error;
  }
}

/** @param {GpuWorker} worker @param {Server} server @param {AbortSignal} [signal] @returns {Promise<Device>} */
async function openAgain(worker, server, signal) {
  await persist(() => fetchModels(server, signal), { signal });
  return worker.open().catch((error) => ({ ok: false, reason: messageOf(error) }));
}

/** Whether a piece is here, of the revision that the server has. @param {Connection} connection @returns {(piece: string) => boolean} */
export function isHere({ info, worker }) {
  const pieces = new Set(worker.held?.revision === info.revision ? worker.held.pieces : []);
  return (piece) => pieces.has(piece);
}

/** Of those that the layers on the GPU allow, the server first. @param {Connection} connection */
export function lowestSplit(connection) {
  return lowestOf(connection.info.n_layer, isHere(connection));
}

/** Of those that the layers on the GPU allow, the browser first. @param {Connection} connection */
export function highestSplit(connection) {
  return firstLayers(connection.info.n_layer, isHere(connection));
}

/** @param {Connection} connection */
export function holdsEmbed(connection) {
  return hasEmbed(isHere(connection));
}

/** Of the model's layers, which were more or fewer when it was asked for. @param {Connection} connection @param {number} split */
export function splitNow({ info }, split) {
  return Math.min(split, info.n_layer);
}

/** Whether all is here that the browser needs for it. @param {Connection} connection @param {Run} run */
export function holdsFor(connection, run) {
  const here = isHere(connection);
  return piecesOf(run, connection.info.n_layer, connection.direction).every(here);
}

/**
 * Rejects what the GPU is known to have no room for, where something is on it: to try would cost that.
 * @param {Connection} connection @param {Run} run
 */
export function checkRoom(connection, run) {
  const { info, room, worker } = connection;
  const size = runBytes({ ...run, embeds: false }, info.n_layer, info.bytes[worker.settings.dtype]);
  if (size <= room.bytes || !worker.held || holdsFor(connection, run)) return;
  throw new SplitComputeError("the GPU's memory has no room for so many", { error_type: "Memory" });
}

/**
 * A server that came back with another revision is no failure: its new pieces are loaded then.
 * @param {Connection} connection
 * @param {() => Run} runNow what to load of the model as it is known then: another revision may have
 *   another number of layers
 * @param {AbortSignal} [signal]
 */
export async function loadRun(connection, runNow, signal) {
  const { direction, worker, info: { revision } } = connection;
  const load = () => {
    const { info } = connection;
    const pieces = piecesOf(runNow(), info.n_layer, direction);
    return worker.ask("load", { revision: info.revision, pieces }, { signal });
  };
  try {
    await load();
  } catch (error) {
    signal?.throwIfAborted();
    // The server may be away, and need not be asked what the GPU had no room for.
    const hasChanged = mayBeOutdated(error) && (await refresh(connection, revision, signal));
    if (!hasChanged) throw error;
    await load();
  }
}

/** Of files that another revision has not, or has others. @param {unknown} error */
function mayBeOutdated(error) {
  if (!(error instanceof SplitComputeError)) return false;
  const types = ["Revision", "Download", "Unreachable", "Timeout"];
  return error.status !== undefined || types.includes(error.error_type);
}

/**
 * Asks which revision the server has now; tells whether it is another one than that.
 * @param {Connection} connection @param {string} revision @param {AbortSignal} [signal]
 */
export async function refresh(connection, revision, signal) {
  connection.models = await fetchModels(connection.server, signal);
  connection.info = findModel(connection.models, connection.info.name);
  const hasChanged = connection.info.revision !== revision;
  if (hasChanged) connection.worker.outdate(connection.info.revision);
  return hasChanged;
}

/** Why the browser can run nothing. @param {Connection} connection @returns {Fallback | undefined} */
export function whyServerOnly({ device, info, trust }) {
  if (!device.ok) return fallback("no_gpu", `This browser cannot run layers (${device.reason}).`);
  const words = `The server does not give out the layers of ${info.name}.`;
  if (trust.reason !== null) return fallback("parity", trust.reason);
  return info.weights ? undefined : fallback("no_weights", words);
}

/** Without webgpu-torch's advice to its caller. @param {unknown} error */
export function plain(error) {
  return messageOf(error).replace(/; call torch\.init\(\).*$/s, "").replace(/\.(\)?)$/, "$1");
}

/** What kept the browser's layers from coming. @param {unknown} error */
export function whyNotLoaded(error) {
  return fallback("load", `The browser could not load its layers: ${plain(error)}.`);
}

/**
 * What the browser's layers failed of. Most often, they are not here any more: of a revision that is
 * gone, or cleared since they were counted on.
 * @param {unknown} error
 */
export function whyNotHere(error) {
  if (isOf(error, "Memory")) return fallback("memory", "The GPU's memory was full.");
  const words = `The browser could not run its layers: ${plain(error)}.`;
  if (isOf(error, "Worker")) return fallback("worker", words);
  return fallback(isOf(error, "Gpu") ? "gpu" : "load", words);
}

/** @param {Cause} cause @param {string} words @returns {Fallback} */
export function fallback(cause, words) {
  return { cause, words };
}
