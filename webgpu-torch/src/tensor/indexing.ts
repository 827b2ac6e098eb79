/** Functions that pick elements by index. */

import { IndexError, RuntimeError, showShape } from "../base/errors";
import { wrapDim } from "../base/shape";
import { make } from "./build";
import { type Args, keywords, named } from "./keywords";
import { reshape } from "./shapes";
import { Tensor } from "./tensor";

/** Refuses what cannot be an index. */
export function checkIndex(op: string, index: Tensor): void {
  if (index.dtype !== "int32" && index.dtype !== "uint32")
    throw new RuntimeError(`${op}(): Expected dtype int32 for index, got ${index.dtype}`);
}

/**
 * The elements of a dimension that `index`, of one dimension, names. An index out of range, which PyTorch refuses, cannot
 * be seen before the GPU meets it: it gives NaN, or 0 among integers.
 */
export const index_select = named(
  "index_select",
  ["input: Tensor", "dim: int", "index: Tensor"],
  (input: Tensor, dim: number, index: Tensor): Tensor => {
    const d = wrapDim("index_select", dim, input.ndim);
    checkIndex("index_select", index);
    if (index.ndim > 1) throw new IndexError("index_select(): Index is supposed to be a vector");
    const count = index.numel();
    const shape = input.shape.map((size, i) => (i === d ? count : size));
    const aligned = reshape(
      index,
      shape.map((_, i) => (i === d ? count : 1)),
    );
    return make({ kind: "take", dim: d }, [input, aligned], shape, input.dtype);
  },
);

export interface GatherOptions {
  /** Of training, and without effect here. */
  sparse_grad?: boolean;
}

/** For each element of `index` the element of the same place, but for `dim`, where the index says. */
export const gather = named(
  "gather",
  ["input: Tensor", "dim: int", "index: Tensor", "..."],
  (input: Tensor, dim: number, index: Tensor, options: GatherOptions = {}): Tensor => {
    keywords<GatherOptions>("gather", [], [options], ["sparse_grad"]);
    const d = wrapDim("gather", dim, input.ndim);
    checkIndex("gather", index);
    // A single value is as good as a vector of one.
    const [from, at] = [input, index].map((tensor) => (tensor.ndim === 0 ? reshape(tensor, [1]) : tensor)) as [Tensor, Tensor];
    const fits = at.ndim === from.ndim && at.shape.every((size, i) => i === d || size <= (from.shape[i] ?? 0));
    if (!fits)
      throw new RuntimeError(
        `gather: Size does not match at dimension ${d}: expected index ${showShape(index.shape)} to be no larger than self ${showShape(input.shape)} apart from dimension ${d}`,
      );
    return reshape(make({ kind: "take", dim: d }, [from, at], at.shape, input.dtype), index.shape);
  },
);

/** As `gather`, with dimensions of size 1 broadcast; without a dimension, from the tensor as one row. */
export const take_along_dim = named(
  "take_along_dim",
  ["input: Tensor", "indices: Tensor", "..."],
  (input: Tensor, indices: Tensor, ...args: Args<{ dim?: number | null }, ["dim"]>): Tensor => {
    const { dim = null } = keywords<{ dim?: number | null }>("take_along_dim", ["dim"], args);
    if (dim === null) return take_along_dim(reshape(input, [-1]), reshape(indices, [-1]), 0);
    if (indices.ndim !== input.ndim)
      throw new RuntimeError(
        `torch.take_along_dim(): input and indices should have the same number of dimensions, but got ${input.ndim} and ${indices.ndim}`,
      );
    const d = wrapDim("take_along_dim", dim, input.ndim);
    checkIndex("take_along_dim", indices);
    const shape = input.shape.map((size, i) => {
      const other = indices.shape[i] ?? 1;
      if (i === d) return other;
      if (size !== other && size !== 1 && other !== 1)
        throw new RuntimeError(`take_along_dim: shapes ${showShape(input.shape)} and ${showShape(indices.shape)} do not broadcast`);
      return Math.max(size, other);
    });
    const source = shape.map((size, i) => (i === d ? (input.shape[i] ?? 1) : size));
    const expanded = make({ kind: "move", move: { kind: "expand", shape: source } }, [input], source, input.dtype);
    return make({ kind: "take", dim: d }, [expanded, indices], shape, input.dtype);
  },
);
