// @ts-check
/** Which pieces are here, and how layers get on the GPU: a part at a time, between requests. */

import * as torch from "./torch.js";
import { pieceUrl } from "./api.js";
import { messageOf, SplitComputeError } from "./errors.js";
import { EmbedTable } from "./embed_table.js";
import { onGpu } from "./gpu_errors.js";
import { embedPiece, tokenizerPiece } from "./pieces.js";
import { parseSafetensors, wireError } from "./safetensors.js";
import { openTokenizer } from "./text_tokenizer.js";

/**
 * @typedef {import("./torch.js").Tensor} Tensor
 * @typedef {import("./model_info.js").WeightDtype} WeightDtype
 * @typedef {import("./model_info.js").Manifest} Manifest
 * @typedef {import("./model_info.js").PieceFile} PieceFile
 * @typedef {import("./piece_source.js").PieceSource} PieceSource
 * @typedef {import("./safetensors.js").TensorView} TensorView
 *
 * @typedef {object} Progress
 * @property {"download" | "verify" | "upload" | "ready"} phase
 * @property {string} piece
 * @property {number} loaded bytes of this piece
 * @property {number} size
 * @property {number} totalLoaded bytes of all pieces of this load
 * @property {number} total
 *
 * @typedef {object} Surroundings
 * @property {PieceSource} source
 * @property {(task: () => Promise<void>) => Promise<void>} takeTurn runs the task when the GPU is free
 * @property {(progress: Progress) => void} onProgress
 * @property {() => Promise<void>} onChange other pieces are here now
 */

/** So many numbers are a few ms of a slow GPU's time: a request waits no longer for a turn. */
const numbersPerTurn = 2 ** 20;
const torchDtype = /** @type {const} */ ({
  F32: torch.float32,
  F16: torch.float16,
  I32: torch.int32,
  U32: torch.uint32,
  I8: torch.int8,
});

/** One revision's pieces. Owns their tensors. */
export class LayerCache {
  /** @type {Map<string, Map<string, Tensor>>} */
  #onGpu = new Map();
  /** @type {EmbedTable | undefined} */
  #table;
  /** @type {import("./text_tokenizer.js").TextTokenizer | undefined} */
  #tokenizer;
  #disposal = new AbortController();

  /** @param {Manifest} manifest @param {WeightDtype} dtype @param {Surroundings} surroundings */
  constructor(manifest, dtype, surroundings) {
    this.manifest = manifest;
    this.dtype = dtype;
    this.surroundings = surroundings;
  }

  /**
   * Brings these pieces here, those that are not yet, and resolves when they are kept too.
   * @param {readonly string[]} pieces @param {AbortSignal} [signal]
   */
  async load(pieces, signal) {
    const disposal = this.#disposal.signal;
    const either = signal ? AbortSignal.any([signal, disposal]) : disposal;
    const missing = pieces.filter((piece) => !this.holds([piece]));
    const total = missing.reduce((sum, piece) => sum + this.#file(piece).bytes, 0);
    let before = 0;
    try {
      for (const piece of missing) {
        await this.#loadPiece(piece, this.#reporter(piece, before, total), either);
        before += this.#file(piece).bytes;
      }
    } finally {
      // Whoever clears the cache next must find what was kept.
      await this.surroundings.source.settled();
    }
  }

  /** @param {readonly string[]} pieces */
  holds(pieces) {
    const held = this.held;
    return pieces.every((piece) => held.includes(piece));
  }

  /** The pieces that are here. */
  get held() {
    const table = this.#table ? [embedPiece] : [];
    const tokenizer = this.#tokenizer ? [tokenizerPiece] : [];
    return [...this.#onGpu.keys(), ...table, ...tokenizer];
  }

  get table() {
    return this.#table ?? missing(embedPiece);
  }

  get tokenizer() {
    return this.#tokenizer ?? missing(tokenizerPiece);
  }

  /**
   * The tensors of a piece that is on the GPU.
   * @param {string} piece @returns {Map<string, Tensor>}
   */
  get(piece) {
    return this.#onGpu.get(piece) ?? missing(piece);
  }

  /** Ends what is being loaded too. */
  dispose() {
    this.#disposal.abort(new SplitComputeError("The layers on the GPU were given up"));
    this.#onGpu.forEach(disposeAll);
    this.#onGpu.clear();
    this.#table = this.#tokenizer = undefined;
  }

  /** @typedef {(phase: Progress["phase"], loaded?: number) => void} Report */

  /** @param {string} piece @param {Report} report @param {AbortSignal} signal */
  async #loadPiece(piece, report, signal) {
    const { source, onChange } = this.surroundings;
    const { server } = source;
    const url = pieceUrl(server, { ...this.manifest, dtype: this.dtype }, piece);
    /** @template T @param {(bytes: ArrayBuffer) => Promise<T>} take */
    const load = (take, giveUp = (/** @type {T} */ _) => {}) =>
      source.load(url, this.#file(piece), { take, giveUp }, report, signal);
    if (piece === tokenizerPiece) {
      this.#tokenizer = await load((bytes) => openTokenizer(bytes, this.manifest));
    } else if (piece === embedPiece) {
      this.#table = await load(async (bytes) => new EmbedTable(bytes));
    } else {
      const upload = (/** @type {ArrayBuffer} */ bytes) => this.#upload(piece, bytes, signal);
      this.#onGpu.set(piece, await load(upload, disposeAll));
    }
    await onChange();
    report("ready");
  }

  /**
   * Straight from the file's bytes, in as many turns as keep requests from waiting.
   * @param {string} piece @param {ArrayBuffer} bytes @param {AbortSignal} signal
   */
  async #upload(piece, bytes, signal) {
    /** @type {Map<string, Tensor>} */
    const tensors = new Map();
    const rest = toTensors(bytes);
    let isDone = false;
    const move = async () => {
      isDone = moveSome(rest, tensors);
      await torch.synchronize();
    };
    const turn = async () => {
      signal.throwIfAborted();
      await onGpu(piece, move);
      signal.throwIfAborted();
    };
    try {
      while (!isDone) await this.surroundings.takeTurn(turn);
      return tensors;
    } catch (error) {
      disposeAll(tensors);
      throw error;
    }
  }

  /** @param {string} piece @param {number} before bytes of the pieces before @param {number} total */
  #reporter(piece, before, total) {
    const size = this.#file(piece).bytes;
    /** @type {Report} */
    return (phase, loaded = size) => {
      const counts = { loaded, size, totalLoaded: before + loaded, total };
      this.surroundings.onProgress({ phase, piece, ...counts });
    };
  }

  /** @param {string} piece @returns {PieceFile} */
  #file(piece) {
    const { tokenizer, pieces } = this.manifest;
    const file = piece === tokenizerPiece ? tokenizer : pieces[piece]?.[this.dtype];
    if (!file) throw new SplitComputeError(`${piece}: not in the manifest as ${this.dtype}`);
    return file;
  }
}

/** @param {string} piece @returns {never} */
function missing(piece) {
  throw new SplitComputeError(`${piece}: not here`);
}

/**
 * Tells whether these were the last.
 * @param {Iterator<[string, Tensor]>} from @param {Map<string, Tensor>} to
 */
function moveSome(from, to) {
  for (let numbers = 0; numbers < numbersPerTurn; ) {
    const { done, value } = from.next();
    if (done) return true;
    const [name, tensor] = value;
    to.set(name, tensor);
    numbers += tensor.numel();
  }
  return false;
}

/** @param {Map<string, Tensor>} tensors */
function disposeAll(tensors) {
  for (const tensor of tensors.values()) tensor.dispose();
}

/** @param {ArrayBuffer} bytes @returns {Generator<[string, Tensor], void>} */
function* toTensors(bytes) {
  const { tensors: views } = parseSafetensors(bytes);
  for (const [name, view] of views) {
    if (isScale(name, views)) continue;
    yield [name, isQuantized(view) ? toQuantized(name, view, views) : toTensor(view)];
  }
}

/** Integers are weights of 8 bits, or eight of 4 bits to a word. @param {TensorView | undefined} view */
function isQuantized(view) {
  return view?.dtype === "I8" || view?.dtype === "U32";
}

/**
 * Of quantised weights, with which it makes one tensor.
 * @param {string} name @param {Map<string, TensorView>} views
 */
function isScale(name, views) {
  return name.endsWith("_scale") && isQuantized(views.get(name.slice(0, -"_scale".length)));
}

/** @param {string} name @param {TensorView} integers @param {Map<string, TensorView>} views */
function toQuantized(name, integers, views) {
  const scale = views.get(`${name}_scale`);
  if (!scale) throw wireError(`${name}: quantised weights without ${name}_scale`);
  const parts = /** @type {const} */ ([toTensor(integers), toTensor(scale)]);
  try {
    return torch.quantized_weight(...parts);
  } catch (error) {
    parts.forEach((part) => part.dispose());
    throw wireError(`${name}: ${messageOf(error)}`);
  }
}

/** @param {TensorView} view */
function toTensor({ dtype, shape, offset, count, buffer }) {
  return torch.frombuffer(buffer, { dtype: torchDtype[dtype], offset, count }).reshape(shape);
}
