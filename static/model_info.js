// @ts-check
/** What the server says of a model and of its files. */

import { SplitComputeError } from "./errors.js";

/**
 * @typedef {"f32" | "f16" | "q8"} Dtype of a hidden state on the wire
 * @typedef {Dtype | "q4"} WeightDtype of layers
 * @typedef {"mean" | "cls" | "max" | "last"} Pooling
 *
 * @typedef {object} ModelInfo an entry of GET /models
 * @property {string} name
 * @property {string} revision a hash of the checkpoint
 * @property {"gpt2" | "bert"} architecture
 * @property {number} n_layer
 * @property {number} n_embd
 * @property {number} n_head
 * @property {number} max_tokens
 * @property {Pooling} pooling
 * @property {boolean} normalize
 * @property {boolean} weights whether the server gives out layer files
 * @property {WeightDtype[]} dtypes
 * @property {Record<WeightDtype, import("./pieces.js").Sizes>} bytes sizes of pieces
 * @property {number} parameters
 * @property {number} max_client_batch_size texts in a request
 * @property {number} max_batch_tokens in a hidden state
 * @property {number} payload_limit bytes in a JSON body
 * @property {number} parity_share of requests, those whose result is to be checked
 *
 * @typedef {object} ModelConfig
 * @property {number} n_layer
 * @property {number} n_embd
 * @property {number} n_head
 * @property {number} n_inner
 * @property {number} n_positions
 * @property {number} vocab_size
 * @property {number} layer_norm_epsilon
 * @property {"gelu_new" | "gelu" | "relu"} activation
 * @property {boolean} causal
 * @property {boolean} norm_first
 *
 * @typedef {object} PieceFile
 * @property {number} bytes
 * @property {string} sha256 in hexadecimal
 * @property {{bytes: number, sha256: string[]}} blocks the same of each part of so many bytes
 *
 * @typedef {object} Manifest
 * @property {string} model
 * @property {string} revision
 * @property {"gpt2" | "bert"} architecture
 * @property {ModelConfig} config
 * @property {Pooling} pooling
 * @property {boolean} normalize
 * @property {number} max_tokens
 * @property {PieceFile} tokenizer
 * @property {Record<string, Partial<Record<WeightDtype, PieceFile>>>} pieces
 */

/** @param {readonly ModelInfo[]} models @param {string | undefined} name */
export function findModel(models, name) {
  const info = models.find((model) => model.name === name);
  if (info) return info;
  const names = models.map((model) => model.name).join(", ");
  throw new SplitComputeError(`model ${name}: the server has ${names || "none"}`);
}
