// @ts-check
/** What all models are made of: pure functions on weight trees and tensors. */

import * as torch from "./torch.js";
import { SplitComputeError } from "./errors.js";

const F = torch.nn.functional;
const { varlen_attn } = torch.nn.attention.varlen;

/**
 * @typedef {import("./torch.js").Tensor} Tensor
 * @typedef {import("./model_info.js").ModelConfig} ModelConfig
 * @typedef {import("./model_info.js").Pooling} Pooling
 *
 * @typedef {{weight: Tensor, bias: Tensor}} Affine the weights of a linear map or of a norm
 *
 * @typedef {object} LayerWeights
 * @property {Affine} ln_1
 * @property {{c_attn: Affine, c_proj: Affine}} attn
 * @property {Affine} ln_2
 * @property {{c_fc: Affine, c_proj: Affine}} mlp
 *
 * @typedef {object} Sequences where each text lies among the rows of a ragged batch
 * @property {Tensor} lengths (batch,)
 * @property {Tensor} bounds (batch + 1,) running sum of lengths, from 0
 * @property {number} longest
 */

/** Whoever asks disposes of the two tensors. @param {Int32Array} lengths @returns {Sequences} */
export function sequencesOf(lengths) {
  const bounds = [0];
  for (const length of lengths) bounds.push((bounds.at(-1) ?? 0) + length);
  return {
    lengths: integers([...lengths]),
    bounds: integers(bounds),
    longest: Math.max(...lengths),
  };
}

/**
 * The tree that a piece's flat names spell: "attn.c_attn.weight" → tree.attn.c_attn.weight.
 * @param {Map<string, Tensor>} piece
 * @returns {LayerWeights}
 */
export function layerWeights(piece) {
  return {
    ln_1: affine(piece, "ln_1"),
    attn: { c_attn: affine(piece, "attn.c_attn"), c_proj: affine(piece, "attn.c_proj") },
    ln_2: affine(piece, "ln_2"),
    mlp: { c_fc: affine(piece, "mlp.c_fc"), c_proj: affine(piece, "mlp.c_proj") },
  };
}

/** @param {Map<string, Tensor>} piece @param {string} name @returns {Affine} */
export function affine(piece, name) {
  return { weight: need(piece, `${name}.weight`), bias: need(piece, `${name}.bias`) };
}

/** @param {Affine} weights @param {Tensor} x */
export function linear({ weight, bias }, x) {
  return F.linear(x, weight, bias);
}

/** @param {Affine} weights @param {Tensor} x @param {ModelConfig} config */
export function layerNorm({ weight, bias }, x, { n_embd, layer_norm_epsilon: eps }) {
  return F.layer_norm(x, [n_embd], weight, bias, { eps });
}

/**
 * The same of one row, in place, on the CPU.
 * @param {Float32Array} row @param {Float32Array} weight @param {Float32Array} bias @param {number} eps
 */
export function normRow(row, weight, bias, eps) {
  const mean = row.reduce((sum, x) => sum + x, 0) / row.length;
  const variance = row.reduce((sum, x) => sum + (x - mean) ** 2, 0) / row.length;
  const scale = 1 / Math.sqrt(variance + eps);
  for (let i = 0; i < row.length; i++) {
    row[i] = ((row[i] ?? 0) - mean) * scale * (weight[i] ?? 0) + (bias[i] ?? 0);
  }
}

/**
 * @param {LayerWeights["attn"]} weights
 * @param {Tensor} x (total_tokens, n_embd)
 * @param {Sequences} sequences
 * @param {ModelConfig} config
 */
export function attention({ c_attn, c_proj }, x, { bounds, longest }, { n_embd, n_head, causal }) {
  const qkv = linear(c_attn, x).reshape([-1, 3, n_head, n_embd / n_head]);
  const views = /** @type {[Tensor, Tensor, Tensor]} */ (qkv.unbind(1));
  const [q, k, v] = views; // (total_tokens, n_head, D) each
  /** @type {[number, number]} */
  const window_size = causal ? [-1, 0] : [-1, -1];
  const out = varlen_attn(q, k, v, bounds, bounds, longest, longest, { window_size });
  return linear(c_proj, out.reshape([-1, n_embd]));
}

/** @param {LayerWeights["mlp"]} weights @param {Tensor} x @param {ModelConfig} config */
export function mlp({ c_fc, c_proj }, x, { activation }) {
  return linear(c_proj, activate(activation, linear(c_fc, x)));
}

/**
 * One row a text, as the model's folder asks for it.
 * @param {Pooling} pooling @param {Tensor} x (total_tokens, n_embd) @param {Sequences} sequences
 */
export function pool(pooling, x, { lengths, bounds }) {
  const [batch] = /** @type {[number]} */ (lengths.shape);
  switch (pooling) {
    case "mean":
    case "max":
      return torch.segment_reduce(x, pooling, { lengths });
    case "cls":
      return torch.index_select(x, 0, bounds.narrow(0, 0, batch));
    case "last":
      return torch.index_select(x, 0, bounds.narrow(0, 1, batch).sub(1));
    default:
      throw new TypeError(`unknown pooling ${/** @satisfies {never} */ (pooling)}`);
  }
}

/** To unit length. @param {Tensor} rows (batch, n_embd) */
export function normalize(rows) {
  return F.normalize(rows, { dim: -1 });
}

/** @param {ModelConfig["activation"]} activation @param {Tensor} x */
function activate(activation, x) {
  switch (activation) {
    case "gelu_new":
      return F.gelu(x, { approximate: "tanh" });
    case "gelu":
      return F.gelu(x);
    case "relu":
      return F.relu(x);
    default:
      throw new TypeError(`unknown activation ${/** @satisfies {never} */ (activation)}`);
  }
}

/** @param {readonly number[]} values */
function integers(values) {
  return torch.tensor(values, { dtype: torch.int32 });
}

/** @param {Map<string, Tensor>} piece @param {string} name */
function need(piece, name) {
  const tensor = piece.get(name);
  if (tensor) return tensor;
  throw new SplitComputeError(`${name}: missing; the piece has ${[...piece.keys()].join(", ")}`);
}
