// @ts-check
/** The browser's share of one model, on its GPU. */

import * as torch from "./torch.js";
import { fetchManifest } from "./api.js";
import { SplitComputeError } from "./errors.js";
import { isOfGpu, isOfMemory, onGpu } from "./gpu_errors.js";
import { LayerCache } from "./layer_cache.js";
import { isLayer } from "./pieces.js";
import { PieceSource } from "./piece_source.js";
import { forgetModel, keptPieces } from "./piece_store.js";
import { matricesOf, runShare, startShare, warmUp } from "./share.js";

/**
 * @typedef {import("./model_info.js").WeightDtype} WeightDtype
 * @typedef {import("./exchange.js").Server} Server
 * @typedef {import("./layer_cache.js").Progress} Progress
 * @typedef {import("./model_info.js").Dtype} Dtype
 * @typedef {import("./pieces.js").Run} Run
 * @typedef {import("./share.js").ShareResult} ShareResult
 * @typedef {import("./share.js").StartResult} StartResult
 * @typedef {import("./torch.js").Autotuned} Autotuned
 *
 * @typedef {object} Settings
 * @property {Server} server
 * @property {string} model
 * @property {WeightDtype} dtype
 * @property {Autotuned | null} [autotuned] what was found at an earlier visit
 *
 * @typedef {object} Held what is here
 * @property {string} revision
 * @property {string[]} pieces
 *
 * @typedef {object} Listeners
 * @property {(progress: Progress) => void} onProgress
 * @property {(held: Held | null) => void} onHeld hears which pieces are here
 * @property {(full: import("./room.js").Full) => void} onFull hears that the GPU's memory was full, before
 *   what is on it is given up
 * @property {(came: import("./line_meter.js").Amount) => void} onCame hears how fast a piece came
 * @property {(autotuned: Autotuned) => void} onTuned hears which kernels suit this GPU
 */

/** A slow GPU measures the rest at the next visit. */
const tuningMs = 2000;

/** Owns the GPU's part of the model. */
export class BrowserModel {
  /** @type {Promise<unknown> | null} */
  #gpu = null;
  /** @type {LayerCache | null} */
  #layers = null;
  /** The last, for a GPU that is lost while the server is away. @type {import("./model_info.js").Manifest | null} */
  #manifest = null;
  /** Those that the shaders are compiled for. @type {LayerCache | null} */
  #warm = null;
  // Pieces come one after another; what happens on the GPU takes turns. A request needs a turn alone,
  // so it waits for no download.
  #loads = new Queue();
  #turns = new Queue();

  /** @param {Settings} settings @param {Listeners} listeners */
  constructor(settings, listeners) {
    this.settings = settings;
    this.listeners = listeners;
    this.source = new PieceSource(settings.server, listeners.onCame);
  }

  /** Finds the GPU. Rejects with a plain reason where there is none. */
  async open() {
    const { autotuned } = this.settings;
    this.#gpu ??= torch.init({ device: "webgpu", autotuned });
    try {
      await this.#gpu;
    } catch (error) {
      this.#gpu = null;
      throw error;
    }
    return torch.device_info();
  }

  /**
   * Brings the pieces here, one after another.
   * @param {{revision: string, pieces: readonly string[]}} wanted @param {AbortSignal} [signal]
   * @returns {Promise<LayerCache>}
   */
  async load(wanted, signal) {
    const layers = this.#layersOf(wanted.revision);
    if (layers?.holds(wanted.pieces)) return layers;
    return this.#loads.add(() => this.#guard("load", () => this.#load(wanted, signal), signal));
  }

  /**
   * With what load() has brought.
   * @param {{revision: string, run: Run, body: ArrayBuffer}} request body: the hidden state as /split gave it
   * @param {AbortSignal} [signal]
   * @returns {Promise<ShareResult>}
   */
  run(request, signal) {
    return this.#takeTurn(request.revision, (layers) => runShare(layers, request), signal);
  }

  /**
   * From the texts on, with what load() has brought.
   * @param {{revision: string, run: Run, texts: readonly string[], wire: Dtype}} request
   *   wire: of the hidden state, where the server goes on
   * @param {AbortSignal} [signal]
   * @returns {Promise<ShareResult | StartResult>}
   */
  async start({ revision, run, texts, wire }, signal) {
    const begun = performance.now();
    // Beside what the GPU does.
    const tokens = this.#here(revision).tokenizer.encode(texts);
    const request = { run, tokens, wire, tokenizeMs: performance.now() - begun };
    return this.#takeTurn(revision, (layers) => startShare(layers, request), signal);
  }

  /** How many tokens each text has. @param {{revision: string, texts: readonly string[]}} request */
  async count({ revision, texts }) {
    return [...this.#here(revision).tokenizer.encode(texts).lengths];
  }

  /**
   * Those of the pieces that need no download.
   * @param {string} revision @param {readonly string[]} pieces
   */
  async kept(revision, pieces) {
    const { server, model, dtype } = this.settings;
    const kept = await keptPieces(server, { model, revision, dtype }, pieces);
    return pieces.filter((piece) => kept.includes(piece) || this.#layersOf(revision)?.holds([piece]));
  }

  /** Forgets the model's pieces, kept or on the GPU. */
  clear() {
    return this.#loads.add(async () => {
      this.#dropLayers();
      this.source.forget();
      await forgetModel(this.settings.server, this.settings.model);
    });
  }

  /** @param {{revision: string, pieces: readonly string[]}} wanted @param {AbortSignal} [signal] */
  async #load({ revision, pieces }, signal) {
    await this.open();
    const layers = this.#layersOf(revision) ?? (await this.#openRevision(revision, signal));
    await layers.load(pieces, signal);
    return layers;
  }

  /**
   * @template T
   * @param {string} revision @param {(layers: LayerCache) => Promise<T>} task @param {AbortSignal} [signal]
   */
  #takeTurn(revision, task, signal) {
    const run = () => onGpu("the request", async () => task(this.#here(revision)));
    return this.#turns.add(() => this.#guard("run", run, signal));
  }

  /** @param {string} revision @param {AbortSignal} [signal] */
  async #openRevision(revision, signal) {
    const { server, model, dtype } = this.settings;
    if (this.#manifest?.revision !== revision) {
      this.#manifest = await fetchManifest(server, model, dtype, signal);
    }
    const manifest = this.#manifest;
    if (manifest.revision !== revision) {
      const message = `${model}: the server has revision ${manifest.revision}, expected ${revision}`;
      throw new SplitComputeError(message, { error_type: "Revision" });
    }
    await forgetModel(server, model, revision);
    this.#dropLayers();
    const layers = new LayerCache(manifest, dtype, {
      source: this.source,
      takeTurn: (task) => this.#turns.add(task),
      onProgress: this.listeners.onProgress,
      onChange: () => this.#report(layers),
    });
    return (this.#layers = layers);
  }

  /**
   * Where the GPU fails, all that is on it is given up, and when its memory was full, which is said
   * before: the device is lost or closed anyway. The next load begins anew.
   * @template T
   * @param {"load" | "run"} during
   * @param {() => Promise<T>} task
   * @param {AbortSignal} [signal]
   */
  async #guard(during, task, signal) {
    signal?.throwIfAborted();
    try {
      return await task();
    } catch (error) {
      if (isOfGpu(error) && !signal?.aborted) {
        if (isOfMemory(error)) this.#reportFull(during);
        this.#dropLayers();
        this.#gpu = null;
      }
      throw error;
    }
  }

  /** @param {"load" | "run"} during */
  #reportFull(during) {
    if (!this.#layers) return;
    this.listeners.onFull({ layers: this.#layers.held.filter(isLayer).length, during });
  }

  /**
   * Says what is here now. No request comes for the first layer before this has been said, so none
   * waits until its shaders are compiled.
   * @param {LayerCache} layers
   */
  async #report(layers) {
    const { revision } = layers.manifest;
    const layer = layers.held.find(isLayer);
    if (this.#warm !== layers && layer) {
      const run = () => onGpu("a request", () => warmUp(layers, layer));
      await this.#turns.add(() => this.#guard("run", run));
      if (this.#layers !== layers) return; // given up meanwhile
      this.#warm = layers;
      void this.#tune(layers, layer);
    }
    if (this.#layers === layers) this.listeners.onHeld({ revision, pieces: layers.held });
  }

  /** @param {string} revision */
  #here(revision) {
    const layers = this.#layersOf(revision);
    if (!layers) throw new SplitComputeError("they are not on the GPU");
    return layers;
  }

  /**
   * Measures which kernels suit this GPU, once for all models of these sizes: now, when little is on it.
   * A request waits for no more than a measurement of a few ms.
   * @param {LayerCache} layers @param {string} layer that is on it
   */
  async #tune(layers, layer) {
    try {
      const autotuned = await torch.autotune(matricesOf(layers, layer), { milliseconds: tuningMs });
      if (Object.keys(autotuned.tiles).length === 0) return;
      this.settings.autotuned = autotuned; // for the next device, if this one is lost
      this.listeners.onTuned(autotuned);
    } catch {
      // The GPU is gone: who asks it next hears so.
    }
  }

  /** @param {string} revision */
  #layersOf(revision) {
    return this.#layers?.manifest.revision === revision ? this.#layers : null;
  }

  #dropLayers() {
    if (!this.#layers) return;
    this.#layers.dispose();
    this.#layers = this.#warm = null;
    this.listeners.onHeld(null);
  }
}

/** Runs tasks one after another, in the order in which they came. */
class Queue {
  /** @type {Promise<unknown>} */
  #tail = Promise.resolve();

  /** @template T @param {() => Promise<T>} task @returns {Promise<T>} */
  add(task) {
    const result = this.#tail.then(task);
    this.#tail = result.catch(() => {}); // whoever asked hears of it
    return result;
  }
}
