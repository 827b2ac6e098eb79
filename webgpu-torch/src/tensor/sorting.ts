/** Functions that put elements in order. NaN is larger than everything. */

import { isPacked } from "../base/dtype";
import { RuntimeError } from "../base/errors";
import { numel, wrapDim } from "../base/shape";
import { keptOf, RUN } from "../ops/lists";
import { cast, constant, make } from "./build";
import { type Args, keywords, named } from "./keywords";
import { reshape, transpose } from "./shapes";
import type { Tensor } from "./tensor";

/** Elements and where they were. */
export interface Sorted {
  readonly values: Tensor;
  readonly indices: Tensor;
}

/** Positions of the first `keep` elements in order, along the last dimension. */
function positions(input: Tensor, descending: boolean, keep: number): Tensor {
  const width = input.shape.at(-1) ?? 1;
  const shape = [...input.shape.slice(0, -1), keep];
  if (numel(shape) === 0 || width === 0) return constant(0, shape, "int32", input.backend);
  const x = reshape(words(input), [-1, width]);
  const rows = numel(input.shape) / width;
  let run = RUN;
  let kept = Math.min(keep, RUN);
  let count = keptOf(width, run, kept);
  let order = make({ kind: "sort_runs", descending, keep: kept }, [x], [rows, count], "int32");
  for (run = kept; count > run; run = kept) {
    kept = Math.min(keep, 2 * run);
    count = keptOf(count, 2 * run, kept);
    order = make({ kind: "merge_runs", descending, run, keep: kept }, [x, order], [rows, count], "int32");
  }
  return reshape(order, shape);
}

/** The elements in words, in an order that is theirs. */
function words(input: Tensor): Tensor {
  if (input.dtype === "float16" || isPacked(input.dtype)) return cast(input, "float32");
  return input.dtype === "int8" ? cast(input, "int32") : input;
}

function ordered(name: string, input: Tensor, dim: number, descending: boolean, keep: number | null): Sorted {
  const d = wrapDim(name, dim, input.ndim);
  if (input.ndim === 0) {
    // Whatever k is.
    const { values, indices } = ordered(name, reshape(input, [1]), 0, descending, null);
    return { values: reshape(values, []), indices: reshape(indices, []) };
  }
  const last = input.ndim - 1;
  const rows = transpose(input, d, last);
  const order = positions(rows, descending, keep ?? rows.shape[last] ?? 0);
  const values =
    order.numel() === 0
      ? constant(0, order.shape, input.dtype, input.backend)
      : make({ kind: "take", dim: last }, [rows, order], order.shape, input.dtype);
  return { values: transpose(values, d, last), indices: transpose(order, d, last) };
}

export interface SortOptions {
  dim?: number;
  descending?: boolean;
  /** Sorting is always stable here. */
  stable?: boolean;
}

/** The elements of a dimension in order, and their positions. */
export const sort = named("sort", ["input: Tensor", "..."], (input: Tensor, ...args: Args<SortOptions, ["dim", "descending"]>): Sorted => {
  const { dim = -1, descending = false } = keywords<SortOptions>("sort", ["dim", "descending"], args, ["stable"]);
  return ordered("sort", input, dim, descending, null);
});

/** The positions that would put a dimension in order. */
export const argsort = named(
  "argsort",
  ["input: Tensor", "..."],
  (input: Tensor, ...args: Args<SortOptions, ["dim", "descending"]>): Tensor => {
    const { dim = -1, descending = false } = keywords<SortOptions>("argsort", ["dim", "descending"], args, ["stable"]);
    return ordered("argsort", input, dim, descending, null).indices;
  },
);

export interface TopkOptions {
  dim?: number;
  largest?: boolean;
  /** Whether the results need be in order; they always are here. */
  sorted?: boolean;
}

/** The k largest, or smallest, elements of a dimension, and their positions. Runs are cut to k before they are merged. */
export const topk = named(
  "topk",
  ["input: Tensor", "k: int", "..."],
  (input: Tensor, k: number, ...args: Args<TopkOptions, ["dim", "largest", "sorted"]>): Sorted => {
    const { dim = -1, largest = true } = keywords<TopkOptions>("topk", ["dim", "largest", "sorted"], args);
    if (input.dtype === "bool") throw new RuntimeError("topk: does not support bool dtypes");
    const d = wrapDim("topk", dim, input.ndim);
    if (!Number.isInteger(k) || k < 0 || k > (input.ndim === 0 ? 1 : (input.shape[d] ?? 0)))
      throw new RuntimeError(`topk: selected index k out of range: ${String(k)} of ${input.shape[d] ?? 1} at dimension ${d}`);
    return ordered("topk", input, dim, largest, k);
  },
);
