/** Attention with its projections. */

import { isFloat } from "../../base/dtype";
import { RuntimeError, showShape } from "../../base/errors";
import { sameShape } from "../../base/shape";
import { cast, choose, element } from "../../tensor/build";
import { zeros } from "../../tensor/creation";
import { type Args, type Arguments, arranged, keywords } from "../../tensor/keywords";
import { matmul } from "../../tensor/products";
import { mean } from "../../tensor/reductions";
import { chunk, narrow, reshape, squeeze, transpose, unsqueeze } from "../../tensor/shapes";
import type { Tensor } from "../../tensor/tensor";
import * as F from "../functional";
import { type FactoryOptions, Linear, uniform } from "./layers";
import { Module } from "./module";

export interface MultiheadOptions extends FactoryOptions {
  /** Of training, and without effect here. */
  dropout?: number;
  bias?: boolean;
  kdim?: number | null;
  vdim?: number | null;
  batch_first?: boolean;
}

export interface MultiheadForwardOptions {
  /** (N, S), or (S) beside (L, E), true where a key is padding; or added to the scores. */
  key_padding_mask?: Tensor | null;
  need_weights?: boolean;
  /** (L, S) or (N · heads, L, S), true where a key must not be seen; or added to the scores. */
  attn_mask?: Tensor | null;
  average_attn_weights?: boolean;
  /** A hint that attn_mask is the causal one. */
  is_causal?: boolean;
}

const FORWARD = ["key_padding_mask", "need_weights", "attn_mask", "average_attn_weights", "is_causal"] as const;

type MultiheadArgs = [embed_dim: number, num_heads: number, ...Args<MultiheadOptions, ["dropout", "bias"]>];
const SIZES = ["embed_dim: int", "num_heads: int", "..."] as const;
type ForwardArgs = [query: Tensor, key: Tensor, value: Tensor, ...Args<MultiheadForwardOptions, typeof FORWARD>];
const INPUTS = ["query: Tensor", "key: Tensor", "value: Tensor", "..."] as const;

/** Attention is all you need, section 3.2.2: heads of projected queries, keys and values, and a projection of their results. */
export class MultiheadAttention extends Module {
  in_proj_weight: Tensor | null = null;
  q_proj_weight: Tensor | null = null;
  k_proj_weight: Tensor | null = null;
  v_proj_weight: Tensor | null = null;
  in_proj_bias: Tensor | null;
  out_proj: Linear;
  readonly #heads: number;
  readonly #batchFirst: boolean;

  constructor(...args: Arguments<MultiheadArgs, typeof SIZES>) {
    super();
    const [embed_dim, num_heads, ...others] = arranged<MultiheadArgs, typeof SIZES>("MultiheadAttention", SIZES, args);
    const only = ["kdim", "vdim", "batch_first", "device", "dtype"] as const;
    const given = keywords<MultiheadOptions>("MultiheadAttention", ["dropout", "bias"], others, only);
    const { bias = true, kdim, vdim, batch_first = false, device, dtype } = given;
    const options = { ...(device && { device }), ...(dtype && { dtype }) };
    if (!(num_heads > 0) || embed_dim % num_heads !== 0)
      throw new RuntimeError(`MultiheadAttention: embed_dim must be divisible by num_heads, got ${embed_dim} and ${num_heads}`);
    this.#heads = num_heads;
    this.#batchFirst = batch_first;
    const [keys, values] = [kdim ?? embed_dim, vdim ?? embed_dim];
    // Xavier's bound: √(6 / (in + out)).
    const projection = (rows: number, columns: number) => uniform([rows, columns], Math.sqrt(6 / (rows + columns)), options);
    if (keys === embed_dim && values === embed_dim) {
      this.in_proj_weight = projection(3 * embed_dim, embed_dim);
    } else {
      this.q_proj_weight = projection(embed_dim, embed_dim);
      this.k_proj_weight = projection(embed_dim, keys);
      this.v_proj_weight = projection(embed_dim, values);
    }
    this.in_proj_bias = bias ? zeros(3 * embed_dim, options) : null;
    this.out_proj = new Linear(embed_dim, embed_dim, { bias, ...options });
    if (bias) this.out_proj.bias = zeros(embed_dim, options);
  }

  /** The result, and the weights of the keys, which are null if they are not needed. Sequences may be (L, E), (L, N, E) or, with batch_first, (N, L, E). */
  override forward(...args: Arguments<ForwardArgs, typeof INPUTS>): [Tensor, Tensor | null] {
    const [query, key, value, ...others] = arranged<ForwardArgs, typeof INPUTS>("MultiheadAttention", INPUTS, args);
    const options = keywords<MultiheadForwardOptions>("MultiheadAttention", FORWARD, others);
    const { need_weights = true, average_attn_weights = true } = options;
    const [q, k, v] = this.#projected(query, key, value);
    const single = query.ndim === 2;
    const mask = maskOf(options, q, k, single);
    if (!need_weights) {
      const causal = Boolean(options.is_causal) && !options.key_padding_mask && q.shape[2] === k.shape[2];
      const attended = F.scaled_dot_product_attention(q, k, v, causal ? { is_causal: true } : { attn_mask: mask });
      return [this.#joined(attended, single), null];
    }
    // In float32, as products of float16 may be too large for it before they are scaled.
    const [wideQ, wideK, wideV] = [cast(q, "float32"), cast(k, "float32"), cast(v, "float32")];
    const scores = element("mul", matmul(wideQ, transpose(wideK, -2, -1)), 1 / Math.sqrt(q.shape[3] ?? 1));
    const weights = F.softmax(mask ? element("add", scores, mask) : scores, -1);
    const shown = cast(average_attn_weights ? mean(weights, 1) : weights, q.dtype);
    return [this.#joined(cast(matmul(weights, wideV), q.dtype), single), single ? squeeze(shown, 0) : shown];
  }

  /** Queries, keys and values, (N, heads, length, head size). */
  #projected(query: Tensor, key: Tensor, value: Tensor): [Tensor, Tensor, Tensor] {
    const shapes = () => [query, key, value].map(({ shape }) => showShape(shape)).join(", ");
    if (![query, key, value].every(({ ndim }) => ndim === query.ndim) || (query.ndim !== 2 && query.ndim !== 3))
      throw new RuntimeError(`MultiheadAttention: expected query, key and value of 2 or 3 dimensions, got ${shapes()}`);
    const batch = query.ndim === 2 ? null : this.#batchFirst ? 0 : 1;
    if (!sameShape(key.shape.slice(0, -1), value.shape.slice(0, -1)) || (batch !== null && query.shape[batch] !== key.shape[batch]))
      throw new RuntimeError(
        `MultiheadAttention: expected key and value of one length, and all three of one batch size, got ${shapes()}`,
      );
    const sizes = [this.in_proj_weight ?? this.q_proj_weight, this.k_proj_weight, this.v_proj_weight].map((w) => w?.shape[1]);
    if (![query, key, value].every((x, i) => x.shape.at(-1) === (sizes[i] ?? sizes[0])))
      throw new RuntimeError(
        `MultiheadAttention: expected embedding dimensions of ${[0, 1, 2].map((i) => sizes[i] ?? sizes[0]).join(", ")}, got ${shapes()}`,
      );
    if (this.in_proj_weight && query === key && key === value) {
      const [q, k, v] = chunk(F.linear(query, this.in_proj_weight, this.in_proj_bias), 3, -1) as [Tensor, Tensor, Tensor];
      return [this.#split(q), this.#split(k), this.#split(v)];
    }
    const { in_proj_weight: packed, in_proj_bias: bias } = this;
    const [wq, wk, wv] = packed ? chunk(packed, 3, 0) : [this.q_proj_weight, this.k_proj_weight, this.v_proj_weight];
    if (!wq || !wk || !wv)
      throw new RuntimeError("MultiheadAttention: expected in_proj_weight, or q_proj_weight, k_proj_weight and v_proj_weight");
    const size = wq.shape[0] ?? 0;
    const project = (x: Tensor, w: Tensor, i: number) => this.#split(F.linear(x, w, bias && narrow(bias, 0, i * size, size)));
    return [project(query, wq, 0), project(key, wk, 1), project(value, wv, 2)];
  }

  #split(x: Tensor): Tensor {
    const batched = x.ndim === 2 ? unsqueeze(x, 0) : this.#batchFirst ? x : transpose(x, 0, 1);
    const [N = 1, L = 0, E = 0] = batched.shape;
    return transpose(reshape(batched, [N, L, this.#heads, E / this.#heads]), 1, 2);
  }

  #joined(x: Tensor, single: boolean): Tensor {
    const [N = 1, heads = 1, L = 0, size = 0] = x.shape;
    const out = this.out_proj.forward(reshape(transpose(x, 1, 2), [N, L, heads * size]));
    return single ? squeeze(out, 0) : this.#batchFirst ? out : transpose(out, 0, 1);
  }
}

/** Both masks in one, to be added to the scores (N, heads, L, S); `single` where there is no batch. */
function maskOf(options: MultiheadForwardOptions, q: Tensor, k: Tensor, single: boolean): Tensor | null {
  const { attn_mask = null, key_padding_mask = null, is_causal = false } = options;
  if (is_causal && !attn_mask) throw new RuntimeError("MultiheadAttention: Need attn_mask if specifying the is_causal hint.");
  const [N = 1, heads = 1, L = 0] = q.shape;
  const S = k.shape[2] ?? 0;
  const added = (name: string, mask: Tensor, expected: readonly number[]) => {
    if (mask.dtype !== "bool" && !isFloat(mask.dtype))
      throw new RuntimeError(`MultiheadAttention: only bool and floating types of ${name} are supported, got ${mask.dtype}`);
    if (!sameShape(mask.shape, expected))
      throw new RuntimeError(
        `MultiheadAttention: The shape of the ${name} is ${showShape(mask.shape)}, but should be ${showShape(expected)}`,
      );
    return mask.dtype === "bool" ? choose(mask, -Infinity, 0) : cast(mask, "float32");
  };
  const perHead = attn_mask?.ndim === 3;
  const scores = attn_mask && added("attn_mask", attn_mask, perHead ? [N * heads, L, S] : [L, S]);
  const padding = key_padding_mask && added("key_padding_mask", key_padding_mask, single ? [S] : [N, S]);
  const both = [scores && perHead ? reshape(scores, [N, heads, L, S]) : scores, padding && reshape(padding, [N, 1, 1, S])] as const;
  return both[0] && both[1] ? element("add", both[0], both[1]) : (both[0] ?? both[1]);
}
