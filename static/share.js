// @ts-check
/** What the browser does for one request: text or hidden state in, hidden state or one row a text out. */

import * as torch from "./torch.js";
import * as bert from "./bert.js";
import * as gpt2 from "./gpt2.js";
import { normalize, sequencesOf } from "./layers.js";
import { finishPiece, layerPieces } from "./pieces.js";
import { wireError } from "./safetensors.js";
import { decodeHidden, encodeHidden } from "./wire.js";

/**
 * @typedef {import("./torch.js").Tensor} Tensor
 * @typedef {import("./model_info.js").Dtype} Dtype
 * @typedef {import("./pieces.js").Run} Run
 * @typedef {import("./text_tokenizer.js").Tokens} Tokens
 * @typedef {import("./layer_cache.js").LayerCache} LayerCache
 * @typedef {import("./layers.js").Sequences} Sequences
 * @typedef {import("./wire.js").Hidden} Hidden
 *
 * @typedef {object} ShareResult
 * @property {Float32Array<ArrayBuffer>} rows (batch, n_embd)
 * @property {number[]} tokens of each text
 * @property {ShareTimings} timings
 *
 * @typedef {{tokenize: number, upload: number, browser: number, readback: number}} ShareTimings ms;
 *   tokenize: the table's part too
 *
 * @typedef {object} StartResult
 * @property {ArrayBuffer} body the hidden state, for the server to go on from
 * @property {number[]} tokens
 * @property {ShareTimings} timings
 */

const architectures = { gpt2, bert };
/** @type {WeakMap<LayerCache, Map<string, (x: Tensor, sequences: Sequences) => Tensor>>} */
const steps = new WeakMap();
/** webgpu-torch itself compiles ahead what other lengths need. */
const warmUpTokens = 8;

/**
 * Hidden state in, one row a text out.
 * @param {LayerCache} layers
 * @param {{run: Run, body: ArrayBuffer}} request
 * @returns {Promise<ShareResult>}
 */
export async function runShare(layers, { run: { start, stop }, body }) {
  const lap = stopwatch();
  const { revision, config } = layers.manifest;
  const hidden = decodeHidden(body, config.n_embd);
  if (hidden.metadata.revision !== revision) {
    throw wireError(`hidden state of revision ${hidden.metadata.revision}, expected ${revision}`);
  }
  const pieces = [...layerPieces(start, stop), finishPiece];
  const { values: rows, ...timings } = await runPieces(layers, pieces, hidden, lap);
  return { rows, tokens: [...hidden.lengths], timings: { tokenize: 0, ...timings } };
}

/** The weights (out, in) of a layer. @param {LayerCache} layers @param {string} layer that is on the GPU */
export function matricesOf(layers, layer) {
  return [...layers.get(layer).values()].filter(({ ndim }) => ndim === 2);
}

/**
 * Tokens in; one row a text out where all layers run here, else the hidden state.
 * @param {LayerCache} layers
 * @param {{run: Run, tokens: Tokens, wire: Dtype, tokenizeMs: number}} request
 * @returns {Promise<ShareResult | StartResult>}
 */
export async function startShare(layers, { run: { stop }, tokens, wire, tokenizeMs }) {
  const lap = stopwatch();
  const { model, revision, config } = layers.manifest;
  const { lengths } = tokens;
  const hidden = { values: embedTokens(layers, tokens), lengths };
  const tokenize = tokenizeMs + lap();
  const finishes = stop === config.n_layer;
  const pieces = [...layerPieces(0, stop), ...(finishes ? [finishPiece] : [])];
  const done = pieces.length > 0
    ? await runPieces(layers, pieces, hidden, lap)
    : { values: hidden.values, upload: 0, browser: 0, readback: 0 };
  const { values, ...measured } = done;
  const result = { tokens: [...lengths], timings: { tokenize, ...measured } };
  if (finishes) return { rows: values, ...result };
  return { body: encodeHidden({ values, lengths }, wire, { model, revision, start: stop }), ...result };
}

/**
 * Compiles what later runs need, with zeros for a hidden state. Twice through a layer, since kernels
 * reach from one layer into the next.
 * @param {LayerCache} layers @param {string} layer that is on the GPU
 */
export async function warmUp(layers, layer) {
  const { n_embd, n_positions } = layers.manifest.config;
  const tokens = Math.min(warmUpTokens, n_positions);
  const values = new Float32Array(tokens * n_embd);
  const pieces = [layer, layer, ...(layers.holds([finishPiece]) ? [finishPiece] : [])];
  await runPieces(layers, pieces, { values, lengths: Int32Array.of(tokens) }, stopwatch());
}

/** (total_tokens, n_embd), row after row. @param {LayerCache} layers @param {Tokens} tokens */
function embedTokens(layers, { ids, lengths }) {
  const { architecture, config } = layers.manifest;
  const { embed } = architectures[architecture];
  const values = new Float32Array(ids.length * config.n_embd);
  let at = 0;
  for (const length of lengths) {
    for (let position = 0; position < length; position++, at++) {
      const row = values.subarray(at * config.n_embd, (at + 1) * config.n_embd);
      embed(layers.table, row, ids[at] ?? 0, position, config);
    }
  }
  return values;
}

/**
 * @param {LayerCache} layers @param {readonly string[]} names of pieces @param {Hidden} hidden
 * @param {() => number} lap
 * @returns {Promise<{values: Float32Array<ArrayBuffer>, upload: number, browser: number, readback: number}>}
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
    const [made, browser] = await Promise.all([reading, computing]);
    const readback = lap();

    if (!made.every(Number.isFinite)) throw new Error("the GPU's result holds NaN or infinity");
    return { values: /** @type {Float32Array<ArrayBuffer>} */ (made), upload, browser, readback };
  } finally {
    for (const tensor of owned) tensor.dispose();
  }
}

/**
 * The pieces one after another, recorded once for each shape and replayed.
 * @param {LayerCache} layers @param {readonly string[]} names of pieces, the finish at most as the last
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
  const pieces = names.filter((name) => name !== finishPiece).map((name) => layers.get(name));
  const last = names.includes(finishPiece) ? layers.get(finishPiece) : null;
  return (/** @type {Tensor} */ x, /** @type {Sequences} */ sequences) => {
    const hidden = runLayers(pieces, x, sequences, config);
    if (!last) return hidden;
    const pooled = finish(last, hidden, sequences, config, pooling);
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
