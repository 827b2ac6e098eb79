// @ts-check
/** What the GPU does for one request: from the server's hidden state to one row a text. */

import * as torch from "./torch.js";
import * as bert from "./bert.js";
import * as gpt2 from "./gpt2.js";
import { normalize, sequencesOf } from "./layers.js";
import { finishPiece, layerPieces } from "./pieces.js";
import { decodeHidden } from "./wire.js";

/**
 * @typedef {import("./torch.js").Tensor} Tensor
 * @typedef {import("./layer_cache.js").LayerCache} LayerCache
 * @typedef {import("./layers.js").Sequences} Sequences
 * @typedef {import("./wire.js").Hidden} Hidden
 *
 * @typedef {object} ShareResult
 * @property {Float32Array<ArrayBuffer>} rows (batch, n_embd)
 * @property {number[]} tokens of each text
 * @property {{upload: number, browser: number, readback: number}} timings ms
 */

const architectures = { gpt2, bert };
/** @type {WeakMap<LayerCache, Map<string, (x: Tensor, sequences: Sequences) => Tensor>>} */
const steps = new WeakMap();
/** webgpu-torch itself compiles ahead what other lengths need. */
const warmUpTokens = 8;

/**
 * Hidden state in, one row a text out.
 * @param {LayerCache} layers
 * @param {{split: number, body: ArrayBuffer}} request
 * @returns {Promise<ShareResult>}
 */
export function runShare(layers, { split, body }) {
  const lap = stopwatch();
  const { n_layer, n_embd } = layers.manifest.config;
  return runPieces(layers, layerPieces(split, n_layer), decodeHidden(body, n_embd), lap);
}

/** The weights (out, in) of the last layer. @param {LayerCache} layers that hold it */
export function matricesOfLast(layers) {
  const { n_layer } = layers.manifest.config;
  const [last] = layerPieces(n_layer - 1, n_layer);
  return last === undefined ? [] : [...layers.get(last).values()].filter(({ ndim }) => ndim === 2);
}

/**
 * Compiles what later runs need, with zeros for a hidden state. Twice through the last layer, since
 * kernels reach from one layer into the next.
 * @param {LayerCache} layers that hold the last one, and the finish
 */
export async function warmUp(layers) {
  const { n_layer, n_embd, n_positions } = layers.manifest.config;
  const [last] = layerPieces(n_layer - 1, n_layer);
  if (last === undefined) return;
  const tokens = Math.min(warmUpTokens, n_positions);
  const values = new Float32Array(tokens * n_embd);
  await runPieces(layers, [last, last], { values, lengths: Int32Array.of(tokens) }, stopwatch());
}

/**
 * @param {LayerCache} layers @param {readonly string[]} names of pieces @param {Hidden} hidden
 * @param {() => number} lap
 * @returns {Promise<ShareResult>}
 */
async function runPieces(layers, names, { values, lengths }, lap) {
  const { n_embd } = layers.manifest.config;
  /** @type {Tensor[]} */
  const owned = [];
  try {
    const hidden = torch.frombuffer(values).reshape([-1, n_embd]);
    owned.push(hidden);
    const sequences = sequencesOf(lengths);
    owned.push(sequences.lengths, sequences.bounds);
    const upload = lap();

    const result = stepOf(layers, names)(hidden, sequences);
    owned.push(result);
    // Reading is what makes the GPU run; what is left of the read when the GPU is done is read-back.
    const reading = result.numpy();
    const computing = torch.synchronize().then(lap);
    const [rows, browser] = await Promise.all([reading, computing]);
    const readback = lap();

    if (!rows.every(Number.isFinite)) throw new Error("the GPU's result holds NaN or infinity");
    return {
      rows: /** @type {Float32Array<ArrayBuffer>} */ (rows),
      tokens: [...lengths],
      timings: { upload, browser, readback },
    };
  } finally {
    for (const tensor of owned) tensor.dispose();
  }
}

/**
 * The layers and the finish, recorded once for each shape and replayed.
 * @param {LayerCache} layers @param {readonly string[]} names of pieces
 * @returns {(x: Tensor, sequences: Sequences) => Tensor}
 */
function stepOf(layers, names) {
  const known = steps.get(layers) ?? new Map();
  steps.set(layers, known);
  const key = names.join();
  const step = known.get(key) ?? torch.compile(forward(layers, names));
  known.set(key, step);
  return step;
}

/** @param {LayerCache} layers @param {readonly string[]} names */
function forward(layers, names) {
  const { architecture, config, pooling, normalize: toUnitLength } = layers.manifest;
  const { runLayers, finish } = architectures[architecture];
  const pieces = names.map((name) => layers.get(name));
  const last = layers.get(finishPiece);
  return (/** @type {Tensor} */ x, /** @type {Sequences} */ sequences) => {
    const pooled = finish(last, runLayers(pieces, x, sequences, config), sequences, config, pooling);
    return toUnitLength ? normalize(pooled) : pooled;
  };
}

/** A function that tells the ms since it was last called. */
function stopwatch() {
  let last = performance.now();
  return () => {
    const before = last;
    last = performance.now();
    return last - before;
  };
}
