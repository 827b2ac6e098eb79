// @ts-check
/** Which pieces are here: fetched or kept, checked against their SHA-256, and put on the GPU. */

import * as torch from "./torch.js";
import { authorization, pieceUrl } from "./api.js";
import { SplitComputeError } from "./errors.js";
import { download } from "./piece_download.js";
import { forgetPiece, keepPiece, readPiece } from "./piece_store.js";
import { parseSafetensors, wireError } from "./safetensors.js";

/**
 * @typedef {import("./torch.js").Tensor} Tensor
 * @typedef {import("./api.js").Dtype} Dtype
 * @typedef {import("./api.js").Manifest} Manifest
 * @typedef {import("./api.js").PieceFile} PieceFile
 * @typedef {import("./api.js").Server} Server
 * @typedef {import("./safetensors.js").TensorView} TensorView
 *
 * @typedef {object} Progress
 * @property {"download" | "verify" | "upload" | "ready"} phase
 * @property {string} piece
 * @property {number} loaded bytes of this piece
 * @property {number} size
 * @property {number} totalLoaded bytes of all pieces of this load
 * @property {number} total
 */

const downloadsOfDamagedPiece = 2;
const torchDtype = /** @type {const} */ ({
  F32: torch.float32,
  F16: torch.float16,
  I32: torch.int32,
  I8: torch.int8,
});

/** One revision's pieces. Owns their tensors. */
export class LayerCache {
  /** @type {Map<string, Map<string, Tensor>>} */
  #onGpu = new Map();
  #disposal = new AbortController();

  /**
   * @param {Server} server
   * @param {Manifest} manifest
   * @param {Dtype} dtype
   * @param {(progress: Progress) => void} onProgress
   */
  constructor(server, manifest, dtype, onProgress) {
    this.server = server;
    this.manifest = manifest;
    this.dtype = dtype;
    this.onProgress = onProgress;
  }

  /**
   * Puts these pieces on the GPU, those that are not there yet.
   * @param {readonly string[]} pieces @param {AbortSignal} [signal]
   */
  async load(pieces, signal) {
    const disposal = this.#disposal.signal;
    const either = signal ? AbortSignal.any([signal, disposal]) : disposal;
    const missing = pieces.filter((piece) => !this.#onGpu.has(piece));
    const total = missing.reduce((sum, piece) => sum + this.#file(piece).bytes, 0);
    let before = 0;
    for (const piece of missing) {
      const size = this.#file(piece).bytes;
      /** @type {Report} */
      const report = (phase, loaded = size) =>
        this.onProgress({ phase, piece, loaded, size, totalLoaded: before + loaded, total });
      const bytes = await this.#intactBytes(piece, report, either);
      either.throwIfAborted();
      report("upload");
      const tensors = toTensors(bytes);
      this.#onGpu.set(piece, tensors);
      await torch.synchronize();
      disposal.throwIfAborted();
      report("ready");
      before += size;
    }
  }

  /** @param {readonly string[]} pieces */
  holds(pieces) {
    return pieces.every((piece) => this.#onGpu.has(piece));
  }

  /**
   * The tensors of a piece that is on the GPU.
   * @param {string} piece @returns {Map<string, Tensor>}
   */
  get(piece) {
    const tensors = this.#onGpu.get(piece);
    if (!tensors) throw new SplitComputeError(`${piece}: not on the GPU`);
    return tensors;
  }

  /** Ends what is being loaded too. */
  dispose() {
    this.#disposal.abort(new SplitComputeError("The layers on the GPU were given up"));
    for (const tensors of this.#onGpu.values()) {
      for (const tensor of tensors.values()) tensor.dispose();
    }
    this.#onGpu.clear();
  }

  /** @typedef {(phase: Progress["phase"], loaded?: number) => void} Report */

  /** @param {string} piece @param {Report} report @param {AbortSignal} [signal] */
  async #intactBytes(piece, report, signal) {
    const file = this.#file(piece);
    const url = pieceUrl(this.server, { ...this.manifest, dtype: this.dtype }, piece);
    const kept = await readPiece(url);
    if (kept) {
      report("verify");
      if (await isIntact(kept, file)) return kept;
      await forgetPiece(url);
    }
    return this.#download(url, file, report, signal);
  }

  /**
   * @param {string} url @param {PieceFile} file @param {Report} report
   * @param {AbortSignal} [signal]
   */
  async #download(url, file, report, signal) {
    for (let attempt = 0; attempt < downloadsOfDamagedPiece; attempt++) {
      report("download", 0);
      const bytes = await download(url, {
        size: file.bytes,
        headers: authorization(this.server),
        onProgress: (loaded) => report("download", loaded),
        signal,
      });
      report("verify");
      if (await isIntact(bytes, file)) {
        await keepPiece(url, bytes);
        return bytes;
      }
    }
    const message = `${url}: the bytes do not have the manifest's SHA-256 ${file.sha256}`;
    throw new SplitComputeError(message, { error_type: "Download" });
  }

  /** @param {string} piece @returns {PieceFile} */
  #file(piece) {
    const file = this.manifest.pieces[piece]?.[this.dtype];
    if (!file) throw new SplitComputeError(`${piece}: not in the manifest as ${this.dtype}`);
    return file;
  }
}

/** @param {ArrayBuffer} bytes @param {PieceFile} file */
export async function isIntact(bytes, file) {
  const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", bytes));
  const hex = Array.from(digest, (byte) => byte.toString(16).padStart(2, "0")).join("");
  return hex === file.sha256;
}

/**
 * Uploads straight from the file's bytes.
 * @param {ArrayBuffer} bytes @returns {Map<string, Tensor>}
 */
function toTensors(bytes) {
  const { tensors: views } = parseSafetensors(bytes);
  const tensors = new Map();
  for (const [name, view] of views) {
    if (isScale(name, views)) continue;
    tensors.set(name, view.dtype === "I8" ? toQuantized(name, views) : toTensor(view));
  }
  return tensors;
}

/**
 * Of 8-bit weights, with which it makes one tensor.
 * @param {string} name @param {Map<string, TensorView>} views
 */
function isScale(name, views) {
  return name.endsWith("_scale") && views.get(name.slice(0, -"_scale".length))?.dtype === "I8";
}

/** @param {string} name @param {Map<string, TensorView>} views */
function toQuantized(name, views) {
  const [integers, scale] = [views.get(name), views.get(`${name}_scale`)];
  if (!integers || !scale) throw wireError(`${name}: 8-bit weights without ${name}_scale`);
  return torch.quantized_weight(toTensor(integers), toTensor(scale));
}

/** @param {TensorView} view */
function toTensor({ dtype, shape, offset, count, buffer }) {
  return torch.frombuffer(buffer, { dtype: torchDtype[dtype], offset, count }).reshape(shape);
}
