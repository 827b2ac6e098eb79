/** Softmax attention over batches of sequences of one length, and over ragged ones. */

import { isFloat } from "../base/dtype";
import { RuntimeError, showShape } from "../base/errors";
import { broadcastShapes, numel, sameShape } from "../base/shape";
import { MAX_HEAD_DIM } from "../kernels/attention_parts";
import { cast, choose, constant, element, make, range } from "../tensor/build";
import { tril } from "../tensor/creation";
import { amax } from "../tensor/extremes";
import { type Args, keywords, named } from "../tensor/keywords";
import { matmul } from "../tensor/products";
import { flatten, permute, reshape, transpose, unflatten, unsqueeze } from "../tensor/shapes";
import type { Tensor } from "../tensor/tensor";
import { softmax } from "../tensor/softmax";

export interface VarlenOptions {
  scale?: number | null;
  /** [-1, -1]: every key; [-1, 0]: keys up to the query's own. */
  window_size?: readonly [number, number];
  enable_gqa?: boolean;
}

/**
 * Attention over sequences laid end to end: q (T, H, D), k and v (T, H, D), with enable_gqa of fewer heads; sequence i has the rows cu_seq[i] … cu_seq[i + 1].
 * The tensors may be views, such as the thirds of one projection, and are read in place.
 */
export const varlen_attn = named(
  "varlen_attn",
  ["query: Tensor", "key: Tensor", "value: Tensor", "cu_seq_q: Tensor", "cu_seq_k", "max_q: int", "max_k: int", "..."],
  (
    query: Tensor,
    key: Tensor,
    value: Tensor,
    cu_seq_q: Tensor,
    cu_seq_k: Tensor | null,
    max_q: number,
    max_k: number,
    options: VarlenOptions = {},
  ): Tensor => {
    const {
      scale,
      window_size = [-1, -1],
      enable_gqa = false,
    } = keywords<VarlenOptions>("varlen_attn", [], [options], ["scale", "window_size", "enable_gqa"]);
    const [left, right] = window_size;
    if (left !== -1 || (right !== -1 && right !== 0))
      throw new RuntimeError(`varlen_attn: window_size [${left}, ${right}], expected [-1, -1] or [-1, 0]`);
    if (query.ndim !== 3 || key.ndim !== 3 || !sameShape(key.shape, value.shape) || key.shape[2] !== query.shape[2]) {
      throw new RuntimeError(
        `varlen_attn: expected q (T, H, D) and k, v of one shape, got ${[query, key, value].map(({ shape }) => showShape(shape)).join(", ")}`,
      );
    }
    const [, heads = 1, headDim = 1] = query.shape;
    if (headDim > MAX_HEAD_DIM) throw new RuntimeError(`varlen_attn: heads of ${headDim}, at most ${MAX_HEAD_DIM}`);
    const ends = cu_seq_k ?? cu_seq_q;
    if (cu_seq_q.dtype !== "int32" || ends.dtype !== "int32" || cu_seq_q.ndim !== 1 || !sameShape(cu_seq_q.shape, ends.shape)) {
      throw new RuntimeError(
        `varlen_attn: expected cu_seq_q and cu_seq_k int32 of one length, got ${String(cu_seq_q)} and ${String(ends)}`,
      );
    }
    if (!Number.isInteger(max_q) || !Number.isInteger(max_k))
      throw new RuntimeError(`varlen_attn: max_q and max_k are lengths, got ${max_q} and ${max_k}`);
    if (query.numel() === 0) return query;
    groupOf("varlen_attn", heads, key.shape[1] ?? 1, enable_gqa);
    const inputs = [query, key, value].map((tensor) => cast(tensor, "float32"));
    const op = { kind: "attention", maxQ: max_q, causal: right === 0, scale: scale ?? 1 / Math.sqrt(headDim) } as const;
    return cast(make(op, [...inputs, cu_seq_q, ends], query.shape, "float32"), query.dtype);
  },
);

/** How many heads of queries share one of keys or values. */
function groupOf(op: string, heads: number, own: number, enable_gqa: boolean): number {
  if (heads === own || own === 1) return heads / own;
  if (!enable_gqa || heads % own !== 0)
    throw new RuntimeError(`${op}: ${heads} query heads and ${own} key heads; with enable_gqa the former must be a multiple of the latter`);
  return heads / own;
}

export interface SdpaOptions {
  attn_mask?: Tensor | null;
  dropout_p?: number;
  is_causal?: boolean;
  scale?: number | null;
  enable_gqa?: boolean;
}

/** softmax(q kᵀ · scale) v for q (…, L, E), k (…, S, E), v (…, S, Ev); a mask is bool (true: may be seen) or added to the scores. */
export const scaled_dot_product_attention = named(
  "scaled_dot_product_attention",
  ["query: Tensor", "key: Tensor", "value: Tensor", "..."],
  (query: Tensor, key: Tensor, value: Tensor, ...args: Args<SdpaOptions, ["attn_mask", "dropout_p", "is_causal"]>): Tensor => {
    const op = "scaled_dot_product_attention";
    const options = keywords<SdpaOptions>(op, ["attn_mask", "dropout_p", "is_causal"], args, ["scale", "enable_gqa"]);
    const { attn_mask = null, dropout_p = 0, is_causal = false, enable_gqa = false } = options;
    if (dropout_p !== 0) throw new RuntimeError(`${op}: this library only infers; dropout_p must be 0, got ${dropout_p}`);
    if (attn_mask && is_causal) throw new RuntimeError(`${op}: Explicit attn_mask should not be set when is_causal=True`);
    if (![query, key, value].every(({ dtype, ndim }) => isFloat(dtype) && ndim >= 2))
      throw new RuntimeError(`${op}: expected floating point tensors of at least 2 dimensions`);
    if (key.dtype !== query.dtype || value.dtype !== query.dtype)
      throw new RuntimeError(
        `${op}: Expected query, key, and value to have the same dtype, but got ${query.dtype}, ${key.dtype} and ${value.dtype}`,
      );
    if (query.shape.at(-1) !== key.shape.at(-1) || key.shape.at(-2) !== value.shape.at(-2)) {
      const shapes = [query, key, value].map(({ shape }) => showShape(shape)).join(", ");
      throw new RuntimeError(`${op}: expected query (…, L, E), key (…, S, E) and value (…, S, Ev), got ${shapes}`);
    }
    if (attn_mask && !["bool", "float32", query.dtype].includes(attn_mask.dtype))
      throw new RuntimeError(
        `${op}: Expected attn_mask dtype to be bool or float or to match query dtype, but got ${attn_mask.dtype} and ${query.dtype}`,
      );
    const [L = 0, E = 0] = query.shape.slice(-2);
    // Of vectors without elements all scores are 0, whatever they are multiplied by.
    const scale = options.scale ?? 1 / Math.sqrt(E || 1);
    for (const { shape } of [key, value]) groupOf(op, query.shape.at(-3) ?? 1, shape.at(-3) ?? 1, enable_gqa);
    const uniform =
      sameShape(key.shape, value.shape) && sameShape(query.shape.slice(0, -3), key.shape.slice(0, -3)) && query.ndim === key.ndim;
    const square = !is_causal || L === key.shape.at(-2);
    if (!attn_mask && uniform && square && E <= MAX_HEAD_DIM && query.numel() > 0 && key.numel() > 0)
      return asSequences(query, key, value, is_causal, scale);
    return byScores(query, key, value, is_causal ? causalMask(L, key) : attn_mask, scale);
  },
);

const causalMask = (L: number, k: Tensor): Tensor => tril(constant(1, [L, k.shape.at(-2) ?? 0], "bool", k.backend));

/** Attention by way of a matrix of all scores, in float32, as products of float16 may be too large for it before they are scaled. */
function byScores(query: Tensor, key: Tensor, value: Tensor, mask: Tensor | null, scale: number): Tensor {
  const [q, k, v] = [cast(query, "float32"), cast(key, "float32"), cast(value, "float32")];
  const scores = element("mul", byHeads(q, transpose(k, -2, -1)), scale);
  checkScores(scores, mask);
  return cast(byHeads(weightsOf(scores, mask), v), query.dtype);
}

function weightsOf(scores: Tensor, mask: Tensor | null): Tensor {
  if (mask === null || scores.numel() === 0) return softmax(scores, { dim: -1 });
  const masked = mask.dtype === "bool" ? choose(mask, scores, -Infinity) : element("add", scores, cast(mask, scores.dtype));
  // A query that may see nothing attends to nothing; softmax alone would give NaN.
  const isBlind = element("eq", amax(masked, -1, true), -Infinity);
  return choose(isBlind, 0, softmax(masked, { dim: -1 }));
}

function checkScores({ shape, backend: { maxBytes } }: Tensor, mask: Tensor | null): void {
  const op = "scaled_dot_product_attention";
  if (mask && !sameShape(broadcastShapes(op, shape, mask.shape), shape))
    throw new RuntimeError(`${op}: attn_mask ${showShape(mask.shape)} does not broadcast to the scores ${showShape(shape)}`);
  if (numel(shape) * 4 > maxBytes)
    throw new RuntimeError(
      `${op}: scores of shape ${showShape(shape)} take ${numel(shape) * 4} bytes, but this adapter's buffers hold at most ${maxBytes}`,
    );
}

/** A product of matrices (…, H, L, X) and (…, H or a divisor, X, N): heads that share a matrix all read it where it lies. */
function byHeads(a: Tensor, b: Tensor): Tensor {
  const [heads = 1, own = 1] = [a.shape.at(-3), b.shape.at(-3)];
  if (heads === own) return matmul(a, b);
  return flatten(matmul(unflatten(a, -3, [own, heads / own]), unsqueeze(b, -3)), -4, -3);
}

/** A batch as sequences laid end to end, read in place whether heads lie before rows, (…, H, L, E), or rows before heads. */
function asSequences(query: Tensor, key: Tensor, value: Tensor, is_causal: boolean, scale: number): Tensor {
  const [L = 0, E = 0] = query.shape.slice(-2);
  const S = key.shape.at(-2) ?? 0;
  const options = { scale, window_size: [-1, is_causal ? 0 : -1], enable_gqa: true } as const;
  const ends = (count: number, length: number) => element("mul", range(count + 1, query.backend), length);
  const grouped = query.shape.at(-3) !== key.shape.at(-3);
  const rowsFirst = grouped || (query.ndim === 4 && (query.shape[0] === 1 || isTransposed(query)));
  if (!rowsFirst) {
    const batch = numel(query.shape.slice(0, -2));
    const flat = (x: Tensor) => reshape(x, [batch * (x.shape.at(-2) ?? 0), 1, E]);
    return reshape(varlen_attn(flat(query), flat(key), flat(value), ends(batch, L), ends(batch, S), L, S, options), query.shape);
  }
  const batch = numel(query.shape.slice(0, -3));
  const flat = (x: Tensor) => {
    const [heads = 1, length = 0] = x.shape.slice(-3);
    return reshape(permute(reshape(x, [batch, heads, length, E]), [0, 2, 1, 3]), [batch * length, heads, E]);
  };
  const out = varlen_attn(flat(query), flat(key), flat(value), ends(batch, L), ends(batch, S), L, S, options);
  return reshape(permute(reshape(out, [batch, L, -1, E]), [0, 2, 1, 3]), query.shape);
}

const isTransposed = ({ node }: Tensor): boolean => node.op.kind === "move" && node.op.move.kind === "permute";
