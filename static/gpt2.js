// @ts-check
/** GPT-2: the mirror of gpt2_model.py. */

import * as torch from "./torch.js";
import { affine, attention, layerNorm, layerWeights, mlp, pool } from "./layers.js";

/**
 * @typedef {import("./torch.js").Tensor} Tensor
 * @typedef {import("./model_info.js").ModelConfig} ModelConfig
 * @typedef {import("./model_info.js").Pooling} Pooling
 * @typedef {import("./layers.js").LayerWeights} LayerWeights
 * @typedef {import("./layers.js").Sequences} Sequences
 */

/**
 * One row of hidden states, on the CPU.
 * @param {import("./embed_table.js").EmbedTable} table
 * @param {Float32Array} row (n_embd,) of zeros @param {number} token @param {number} position
 */
export function embed(table, row, token, position) {
  table.addRow(row, "wte.weight", token);
  table.addRow(row, "wpe.weight", position);
}

/**
 * @param {readonly Map<string, Tensor>[]} pieces of the layers to run, in order
 * @param {Tensor} x (total_tokens, n_embd)
 * @param {Sequences} sequences
 * @param {ModelConfig} config
 */
export function runLayers(pieces, x, sequences, config) {
  return pieces.map(layerWeights).reduce((h, layer) => recordedLayer(layer, h, sequences, config), x);
}

/**
 * @param {Map<string, Tensor>} piece
 * @param {Tensor} x (total_tokens, n_embd)
 * @param {Sequences} sequences
 * @param {ModelConfig} config
 * @param {Pooling} pooling
 */
export function finish(piece, x, sequences, config, pooling) {
  return pool(pooling, layerNorm(affine(piece, "ln_f"), x, config), sequences);
}

/**
 * Pre-norm: each half adds to what it was given.
 * @param {LayerWeights} layer @param {Tensor} x
 * @param {Sequences} sequences @param {ModelConfig} config
 */
function runLayer(layer, x, sequences, config) {
  x = x.add(attention(layer.attn, layerNorm(layer.ln_1, x, config), sequences, config));
  return x.add(mlp(layer.mlp, layerNorm(layer.ln_2, x, config), config));
}

/** A model's layers differ in their weights alone: one recording of a length serves them all. */
const recordedLayer = torch.compile(runLayer);
