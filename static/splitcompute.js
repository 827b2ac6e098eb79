// @ts-check
/**
 * The public client: connect to a SplitCompute server and embed texts, of which this browser's GPU
 * runs the layers from the split on. It touches no DOM.
 *
 * @example
 * const sc = await connect({ url: "https://models.example.org", model: "all-MiniLM-L6-v2" });
 * sc.takeOver(); // from here on, layers arrive in the background
 * const { embeddings } = await sc.embed(["a text", "another"], { split: "auto" });
 */

import { fetchModels } from "./api.js";
import { checkDtype, checkOptions, checkSplit, toList } from "./arguments.js";
import { highestSplit, holdsEmbed, loadRun, lowestSplit, openWorker, splitNow } from "./connection.js";
import { gpuName } from "./device.js";
import { SplitComputeError } from "./errors.js";
import { defaultTimeoutMs, serverUrl } from "./exchange.js";
import { GpuWorker } from "./gpu_worker.js";
import { Measurements } from "./measurements.js";
import { findModel } from "./model_info.js";
import { pieceBytes, piecesOf, runAt, wholeRun } from "./pieces.js";
import { Room } from "./room.js";
import { embedTexts } from "./session.js";
import { Takeover } from "./takeover.js";
import { Tally } from "./tally.js";
import { Trust } from "./trust.js";
import { keepTuning, keptTuning } from "./tuning.js";

export { SplitComputeError };

/**
 * @typedef {import("./model_info.js").Dtype} Dtype
 * @typedef {import("./model_info.js").WeightDtype} WeightDtype
 * @typedef {import("./model_info.js").ModelInfo} ModelInfo
 * @typedef {import("./api.js").Policy} Policy
 * @typedef {import("./pieces.js").Direction} Direction
 * @typedef {import("./exchange.js").Server} Server
 * @typedef {import("./device.js").Device} Device
 * @typedef {import("./layer_cache.js").Progress} Progress
 * @typedef {import("./line_meter.js").Amount} Amount
 * @typedef {import("./room.js").Full} Full
 * @typedef {import("./connection.js").Connection} Connection
 * @typedef {import("./report.js").EmbedResult} EmbedResult
 * @typedef {import("./report.js").LayerReport} LayerReport
 * @typedef {import("./report.js").Timings} Timings
 * @typedef {import("./takeover.js").TakeoverOptions} TakeoverOptions
 * @typedef {import("./torch.js").Autotuned} Autotuned
 * @typedef {import("./takeover.js").TakeoverState} TakeoverState
 *
 * @typedef {object} ConnectOptions
 * @property {string} [url] of the server; by default the one that this module came from
 * @property {string} [model] one of its models; by default its first
 * @property {WeightDtype} [dtype] of the layers that are downloaded; "f16" by default
 * @property {Dtype} [wire] of the hidden state on its way; "f32" by default
 * @property {Direction} [direction] who starts a request. "server-first", the default: the server gets
 *   the texts, and finishes what the browser cannot. "client-first": the browser makes the tokens and
 *   runs the first layers, and no text leaves it; what fails here is tried again here and rejects then.
 * @property {string} [apiKey]
 * @property {number} [timeoutMs] so long the server may take for an answer; 300,000 by default. It is asked
 *   once more then, and the next silence is an error ("Timeout")
 * @property {(progress: Progress) => void} [onProgress] of layers on their way to the GPU
 * @property {(reason: string) => void} [onDistrust] hears that the server has checked a result and
 *   found this browser's numbers wrong: it runs every layer from then on
 * @property {AbortSignal} [signal]
 *
 * @typedef {object} EmbedOptions
 * @property {number | "auto"} [split] where the model is cut, 0 … n_layer. Server-first it is how many
 *   layers the server runs, by default all; client-first how many the browser runs, "auto" by default.
 *   A number waits for the layers that it needs here. "auto" waits for none, but client-first for the
 *   first one: the planner chooses, among the splits that what is here allows at this moment.
 * @property {Policy} [policy] what "auto" is to bring; "offload" by default. offload: the least server
 *   work whose predicted time is within 1.2 times the server's own, or 100 ms if that is more. latency:
 *   the least time. server, browser: as much as possible there.
 * @property {AbortSignal} [signal] what has begun on the GPU runs to its end, and the next request after it
 * @property {(reason: string) => void} [onWait] hears why the server is asked once more: the network
 *   broke, the server restarts or has too many requests
 */

/**
 * Downloads nothing large: the list of models, and a look at the GPU.
 * @param {ConnectOptions} [options]
 */
export async function connect(options = {}) {
  checkOptions("connect", options);
  const { apiKey, timeoutMs = defaultTimeoutMs, signal, dtype = "f16", wire = "f32" } = options;
  const { direction = "server-first", onProgress = () => {}, onDistrust = () => {} } = options;
  const server = { url: serverUrl(options.url), apiKey, timeoutMs };
  const models = await fetchModels(server, signal);
  const info = findModel(models, options.model ?? models[0]?.name);
  checkDtype(info, dtype);
  const worker = new GpuWorker({ server, model: info.name, dtype, autotuned: keptTuning() }, onProgress);
  const device = await openWorker(worker, server, signal);
  const tally = new Tally(server);
  const trust = new Trust(server, dtype, worker);
  trust.addEventListener("lost", () => onDistrust(trust.reason ?? ""));
  const measurements = new Measurements([server.url, gpuName(device), info.name, dtype].join(" "));
  worker.addEventListener("came", (event) => {
    measurements.came(/** @type {CustomEvent<Amount>} */ (event).detail);
  });
  worker.addEventListener("tuned", (event) => {
    const { detail } = /** @type {CustomEvent<Autotuned>} */ (event);
    worker.settings.autotuned = detail; // for the next Worker, if this one dies
    keepTuning(detail);
  });
  const room = new Room(gpuName(device));
  const parts = { server, models, info, device, direction, wire, worker, tally, trust, measurements, room };
  worker.addEventListener("full", (event) => {
    room.learn(/** @type {CustomEvent<Full>} */ (event).detail, parts.info.bytes[dtype]);
  });
  return new SplitCompute(parts, dtype);
}

/**
 * A connection to one model of one server. Owns a Worker and what that has on the GPU, until close().
 */
export class SplitCompute {
  #connection;
  #dtype;
  /** The most that the model has had meanwhile. */
  #n_layer;
  /** @type {Takeover | null} */
  #takeover = null;

  /** For connect() alone. @param {Connection} connection @param {WeightDtype} dtype */
  constructor(connection, dtype) {
    this.#connection = connection;
    this.#dtype = dtype;
    this.#n_layer = connection.info.n_layer;
    const { trust } = connection;
    trust.addEventListener("lost", () => this.#takeover?.end(trust.reason ?? ""));
  }

  /** All models of the server, its default first. @returns {readonly ModelInfo[]} */
  get models() {
    return this.#connection.models;
  }

  /** Who starts a request. @returns {Direction} */
  get direction() {
    return this.#connection.direction;
  }

  /** The model that this connection is to. @returns {ModelInfo} */
  get info() {
    return this.#connection.info;
  }

  /** The GPU, or why there is none; then the server runs every layer. @returns {Device} */
  get device() {
    return this.#connection.device;
  }

  /** Why the server runs every layer although there is a GPU; null as long as it is trusted. */
  get distrusted() {
    return this.#connection.trust.reason;
  }

  /**
   * Leaves every layer to the server until trust(), as after a result that the server found wrong.
   * @param {string} reason
   */
  distrust(reason) {
    void this.#connection.trust.lose(reason, this.info);
  }

  /** Lets the GPU run layers again, which are downloaded anew. */
  trust() {
    this.#connection.trust.restore();
  }

  /** The lowest split that the layers on the GPU allow at this moment, the server first; n_layer without any. */
  get lowest() {
    return lowestSplit(this.#connection);
  }

  /** The highest split that they allow, the browser first; 0 without any. */
  get highest() {
    return highestSplit(this.#connection);
  }

  /** Whether the tokeniser and the embedding table are here: with every layer, nobody need be asked. */
  get holdsEmbed() {
    return holdsEmbed(this.#connection);
  }

  /**
   * How much the browser's part at this split weighs, and how much of it is yet to be downloaded.
   * @param {number} split
   * @param {{embed?: boolean}} [options] embed: at split 0, with the tokeniser and the embedding table
   * @returns {Promise<{total: number, missing: number}>}
   */
  async bytes(split, options = {}) {
    checkOptions("bytes", options);
    const { embed = false } = options;
    const { info, device, worker } = this.#connection;
    const pieces = this.#pieces(split, embed);
    const size = (/** @type {readonly string[]} */ names) =>
      names.reduce((sum, piece) => sum + pieceBytes(piece, info.bytes[this.#dtype]), 0);
    const question = { revision: info.revision, pieces };
    const held = device.ok ? await worker.ask("kept", question) : [];
    return { total: size(pieces), missing: size(pieces) - size(held) };
  }

  /**
   * Downloads, checks and uploads what this split takes here and is not here yet.
   * @param {number} split
   * @param {{embed?: boolean, signal?: AbortSignal}} [options] embed: see bytes()
   */
  async load(split, options = {}) {
    checkOptions("load", options);
    const { embed = false, signal } = options;
    this.#checkSplit(split);
    const { device, trust } = this.#connection;
    if (!device.ok) throw new SplitComputeError(`No GPU to load layers to: ${device.reason}`);
    if (trust.reason !== null) throw new SplitComputeError(trust.reason);
    await loadRun(this.#connection, () => this.#run(split, embed), signal);
  }

  /**
   * Lets layers stream to the GPU in the background while requests go on, the last one first, or the
   * first one where the browser goes first: each that arrives moves the cut of those that ask for
   * "auto". Ends the takeover before it, whose layers stay. Ask your visitor first: see bytes().
   * @param {TakeoverOptions} [options]
   * @example
   * const takeover = sc.takeOver({ maxBytes: 100e6, onChange: ({ lowest }) => draw(lowest) });
   * takeover.pause();
   */
  takeOver(options = {}) {
    checkOptions("takeOver", options);
    const { to, embed = false } = options;
    if (to !== undefined) this.#checkSplit(to);
    this.#takeover?.end();
    return (this.#takeover = new Takeover(this.#connection, this.#dtype, { ...options, embed }));
  }

  /**
   * One embedding a text. Server-first, layers [0, split) on the server, the others here; whatever fails
   * here, the server does instead, and the result's note says so. Client-first it is the other way
   * round, no text leaves the browser, and what fails here rejects.
   * @param {string | string[]} texts
   * @param {EmbedOptions} [options]
   * @returns {Promise<EmbedResult>}
   */
  async embed(texts, options = {}) {
    checkOptions("embed", options);
    const { policy = "offload", signal, onWait } = options;
    const { n_layer } = this.info;
    const asked = options.split ?? (this.direction === "client-first" ? "auto" : n_layer);
    if (asked !== "auto") this.#checkSplit(asked);
    // All layers, also of a revision that has more of them.
    const split = asked === n_layer ? Infinity : asked;
    return embedTexts(this.#connection, { texts: toList(texts), split, policy, signal, onWait });
  }

  /** Forgets the model's layers, in the browser's cache and on the GPU. Ends the takeover. */
  async clear() {
    this.#takeover?.end();
    await this.#connection.worker.ask("clear", {});
  }

  /** Frees the GPU. */
  close() {
    this.#takeover?.end();
    this.#connection.tally.close();
    this.#connection.measurements.close();
    this.#connection.worker.close();
  }

  /** What was a split is no error once the model has fewer layers: it stands for all of them. @param {number} split */
  #checkSplit(split) {
    this.#n_layer = Math.max(this.#n_layer, this.info.n_layer);
    checkSplit(split, { n_layer: this.#n_layer });
  }

  /** @param {number} split @param {boolean} embed */
  #run(split, embed) {
    const { direction, info } = this.#connection;
    if (embed && split === 0) return wholeRun(info.n_layer);
    return runAt(direction, splitNow(this.#connection, split), info.n_layer);
  }

  /** @param {number} split @param {boolean} embed */
  #pieces(split, embed) {
    this.#checkSplit(split);
    const { direction, info } = this.#connection;
    // The server finishes too where it runs every layer.
    if (direction === "server-first" && split >= info.n_layer) return [];
    return piecesOf(this.#run(split, embed), info.n_layer, direction);
  }
}
