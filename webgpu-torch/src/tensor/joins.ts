/** Functions that put tensors beside each other. */

import { type DType, itemSize } from "../base/dtype";
import { RuntimeError, showShape, ValueError } from "../base/errors";
import { at } from "../base/list";
import { numel, sameShape, wrapDim } from "../base/shape";
import { cast, constant, copied, element, make, promoted, range } from "./build";
import { type Args, keywords, named } from "./keywords";
import { reshape, slice, unsqueeze } from "./shapes";
import { Tensor } from "./tensor";

/**
 * Tensors one after the other along a dimension. Rows that no buffer of the device could hold together stay apart: `linear` and
 * `embedding` take them as one weight.
 */
export const cat = named(
  "cat",
  ["tensors: Tensors", "..."],
  (tensors: readonly Tensor[], ...args: Args<{ dim?: number }, ["dim"]>): Tensor => {
    const { dim = 0 } = keywords<{ dim?: number }>("cat", ["dim"], args);
    // Vectors of nothing go with any shape, as PyTorch has it for the sake of old code.
    const shaped = tensors.filter((tensor) => tensor.ndim !== 1 || tensor.shape[0] !== 0);
    const [first = tensors[0]] = shaped;
    if (!first) throw new ValueError("cat: expected a non-empty list of Tensors");
    const d = wrapDim("cat", dim, first.ndim);
    const single = tensors.findIndex(({ ndim }) => ndim === 0);
    if (single >= 0) throw new RuntimeError(`cat: zero-dimensional tensor (at position ${single}) cannot be concatenated`);
    for (const { shape } of shaped) {
      if (
        !sameShape(
          shape.filter((_, i) => i !== d),
          first.shape.filter((_, i) => i !== d),
        )
      ) {
        throw new RuntimeError(
          `cat: Sizes of tensors must match except in dimension ${d}: ${showShape(first.shape)} and ${showShape(shape)}`,
        );
      }
    }
    const dtype = tensors.map((tensor) => tensor.dtype).reduce<DType>((a, b) => (a === b ? a : promoted("cat", tensors)), first.dtype);
    const full = tensors.filter((tensor) => tensor.numel() > 0).map((tensor) => cast(tensor, dtype));
    const total = shaped.reduce((sum, { shape }) => sum + (shape[d] ?? 0), 0);
    const shape = first.shape.map((size, i) => (i === d ? total : size));
    const [one] = full;
    if (!one) return constant(0, shape, dtype, first.backend);
    if (full.length === 1) return copied(one);
    const isSplit = d === 0 && numel(shape) * itemSize(dtype) > one.backend.maxBytes;
    const parts = isSplit ? full.map(copied) : full;
    const whole = joinAll(parts, d);
    return isSplit ? new Tensor(whole.node, parts) : whole;
  },
);

/** Joins in halves, so that no kernel reads more buffers than it can bind. */
function joinAll(tensors: readonly Tensor[], dim: number): Tensor {
  const half = Math.ceil(tensors.length / 2);
  return tensors.length === 1 ? at(tensors, 0) : join(joinAll(tensors.slice(0, half), dim), joinAll(tensors.slice(half), dim), dim);
}

/**
 * Both tensors are read over the whole result, from views that begin before their data or end behind it; of the two elements
 * one is real, and that one is chosen. Shaders read nothing harmful out of bounds.
 */
function join(a: Tensor, b: Tensor, dim: number): Tensor {
  const [first = 0, second = 0] = [a.shape[dim], b.shape[dim]];
  const total = first + second;
  const place = reshape(
    range(total, a.backend),
    a.shape.map((_, i) => (i === dim ? total : 1)),
  );
  const inFirst = element("lt", place, first);
  return make(
    { kind: "element", name: "where" },
    [inFirst, slice(a, dim, 0, total, 1), slice(b, dim, -first, total, 1)],
    slice(a, dim, 0, total, 1).shape,
    a.dtype,
  );
}

export { cat as concat, cat as concatenate };

/** Tensors of one shape along a new dimension. */
export const stack = named(
  "stack",
  ["tensors: Tensors", "..."],
  (tensors: readonly Tensor[], ...args: Args<{ dim?: number }, ["dim"]>): Tensor => {
    const { dim = 0 } = keywords<{ dim?: number }>("stack", ["dim"], args);
    const [first] = tensors;
    if (!first) throw new RuntimeError("stack: expects a non-empty list of Tensors");
    const other = tensors.find(({ shape }) => !sameShape(shape, first.shape));
    if (other)
      throw new RuntimeError(`stack: expects each tensor to be equal size, got ${showShape(first.shape)} and ${showShape(other.shape)}`);
    return cat(
      tensors.map((tensor) => unsqueeze(tensor, dim)),
      { dim: wrapDim("stack", dim, first.ndim + 1) },
    );
  },
);
