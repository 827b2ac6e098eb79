// @ts-check
/** BERT encoders: the mirror of bert_model.py. */

import * as torch from "./torch.js";
import { attention, layerNorm, layerWeights, mlp, normRow, pool } from "./layers.js";

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
 * @param {ModelConfig} config
 */
export function embed(table, row, token, position, config) {
  table.addRow(row, "wte.weight", token);
  table.addRow(row, "wtt.weight", 0); // a text alone is all segment A
  table.addRow(row, "wpe.weight", position);
  normRow(row, table.vector("ln.weight"), table.vector("ln.bias"), config.layer_norm_epsilon);
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
 * What it leaves alone is the same as gpt2.js takes: the last layer ends with its own norm, so the piece is empty.
 * @param {Map<string, Tensor>} _piece
 * @param {Tensor} x (total_tokens, n_embd)
 * @param {Sequences} sequences
 * @param {ModelConfig} _config
 * @param {Pooling} pooling
 */
export function finish(_piece, x, sequences, _config, pooling) {
  return pool(pooling, x, sequences);
}

/**
 * Post-norm: each half's sum is normed.
 * @param {LayerWeights} layer @param {Tensor} x
 * @param {Sequences} sequences @param {ModelConfig} config
 */
function runLayer(layer, x, sequences, config) {
  x = layerNorm(layer.ln_1, x.add(attention(layer.attn, x, sequences, config)), config);
  return layerNorm(layer.ln_2, x.add(mlp(layer.mlp, x, config)), config);
}

/** A model's layers differ in their weights alone: one recording of a length serves them all. */
const recordedLayer = torch.compile(runLayer);
