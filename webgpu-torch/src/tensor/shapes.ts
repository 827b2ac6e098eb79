/** Functions that change a tensor's shape without computing anything. */

import { IndexError, RuntimeError, showShape } from "../base/errors";
import { checkIntegers, checkShape, inferSize, numel, sameShape, type Shape, wrapDim, wrapDims } from "../base/shape";
import { moved } from "./build";
import { type Args, keywords, named } from "./keywords";
import type { Tensor } from "./tensor";

/** Sizes as separate arguments or as one array. */
export type Sizes = readonly number[] | readonly [readonly number[]];

export const sizesOf = (sizes: Sizes): readonly number[] => (Array.isArray(sizes[0]) ? sizes[0] : (sizes as readonly number[]));

/** The same elements in another shape; one size may be -1. */
export const reshape = named("reshape", ["input: Tensor", "shape", "..."], (input: Tensor, ...sizes: Sizes): Tensor => {
  const shape = inferSize("reshape", sizesOf(sizes), input.numel());
  return sameShape(shape, input.shape) ? input : moved(input, { kind: "reshape", shape }, shape);
});

/** As `reshape`: tensors here share memory where they can, and where they cannot no one can tell. */
export const view = named("view", ["input: Tensor", "size", "..."], (input: Tensor, ...sizes: Sizes): Tensor => reshape(input, ...sizes));

/** All dimensions from start_dim to end_dim in one. */
export const flatten = named(
  "flatten",
  ["input: Tensor", "..."],
  (input: Tensor, ...args: Args<{ start_dim?: number; end_dim?: number }, ["start_dim", "end_dim"]>): Tensor => {
    const { start_dim = 0, end_dim = -1 } = keywords<{ start_dim?: number; end_dim?: number }>("flatten", ["start_dim", "end_dim"], args);
    const start = wrapDim("flatten", start_dim, input.ndim);
    const end = wrapDim("flatten", end_dim, input.ndim);
    if (start > end) throw new RuntimeError("flatten: has invalid args: start_dim cannot come after end_dim");
    const { shape } = input;
    return reshape(input, [...shape.slice(0, start), numel(shape.slice(start, end + 1)), ...shape.slice(end + 1)]);
  },
);

/** One dimension as several; one of the sizes may be -1. */
export const unflatten = named(
  "unflatten",
  ["input: Tensor", "dim: int", "sizes"],
  (input: Tensor, dim: number, sizes: readonly number[]): Tensor => {
    const d = wrapDim("unflatten", dim, input.ndim);
    const { shape } = input;
    return reshape(input, [...shape.slice(0, d), ...inferSize("unflatten", sizes, shape[d] ?? 1), ...shape.slice(d + 1)]);
  },
);

/** The dimensions in another order. */
export const permute = named("permute", ["input: Tensor", "dims", "..."], (input: Tensor, ...dims: Sizes): Tensor => {
  const order = sizesOf(dims).map((dim) => wrapDim("permute", dim, input.ndim));
  if (order.length !== input.ndim || new Set(order).size !== order.length) {
    throw new RuntimeError(
      `permute(sparse_coo): number of dimensions in the tensor input does not match the length of the desired ordering: ${showShape(input.shape)} and ${showShape(order)}`,
    );
  }
  return moved(
    input,
    { kind: "permute", order },
    order.map((dim) => input.shape[dim] ?? 1),
  );
});

/** Two dimensions swapped. */
export const transpose = named(
  "transpose",
  ["input: Tensor", "dim0: int", "dim1: int"],
  (input: Tensor, dim0: number, dim1: number): Tensor => {
    const a = wrapDim("transpose", dim0, input.ndim);
    const b = wrapDim("transpose", dim1, input.ndim);
    if (a === b) return input;
    return permute(
      input,
      input.shape.map((_, d) => (d === a ? b : d === b ? a : d)),
    );
  },
);

/** The transpose of a matrix. */
export const t = named("t", ["input: Tensor"], (input: Tensor): Tensor => {
  if (input.ndim > 2) throw new RuntimeError(`t() expects a tensor with <= 2 dimensions, but self is ${input.ndim}D`);
  return input.ndim < 2 ? input : transpose(input, 0, 1);
});

/** Dimensions of size 1 repeated; -1 keeps a size. */
export const expand = named("expand", ["input: Tensor", "size", "..."], (input: Tensor, ...sizes: Sizes): Tensor => {
  const wanted = sizesOf(sizes);
  checkIntegers("expand", wanted);
  const missing = wanted.length - input.ndim;
  const fail = () =>
    new RuntimeError(
      `expand: The expanded size of the tensor must match the existing size at non-singleton dimensions: target ${showShape(wanted)}, tensor ${showShape(input.shape)}`,
    );
  if (missing < 0) throw fail();
  const shape = wanted.map((size, i) => {
    const own = input.shape[i - missing];
    const target = size === -1 && own !== undefined ? own : size;
    if (own !== undefined && own !== 1 && own !== target) throw fail();
    return target;
  });
  checkShape("expand", shape);
  return sameShape(shape, input.shape) ? input : moved(input, { kind: "expand", shape }, shape);
});

export const expand_as = named(
  "expand_as",
  ["input: Tensor", "other: Tensor"],
  (input: Tensor, other: Tensor): Tensor => expand(input, other.shape),
);
export const broadcast_to = named("broadcast_to", ["input: Tensor", "size"], (input: Tensor, shape: Shape): Tensor => expand(input, shape));

/** Without the dimensions of size 1, or without those of them that are named. */
export const squeeze = named(
  "squeeze",
  ["input: Tensor", "..."],
  (input: Tensor, ...args: Args<{ dim?: number | readonly number[] }, ["dim"]>): Tensor => {
    const { dim } = keywords<{ dim?: number | readonly number[] }>("squeeze", ["dim"], args);
    const dims = dim === undefined ? input.shape.map((_, d) => d) : [dim].flat().map((d) => wrapDim("squeeze", d as number, input.ndim));
    const twice = dims.find((d, i) => dims.indexOf(d) < i);
    if (twice !== undefined) throw new RuntimeError(`squeeze: dim ${twice} appears multiple times in the list of dims`);
    return reshape(
      input,
      input.shape.filter((size, d) => size !== 1 || !dims.includes(d)),
    );
  },
);

/** With a dimension of size 1 put in. */
export const unsqueeze = named("unsqueeze", ["input: Tensor", "dim: int"], (input: Tensor, dim: number): Tensor => {
  const d = wrapDim("unsqueeze", dim, input.ndim + 1);
  return reshape(input, [...input.shape.slice(0, d), 1, ...input.shape.slice(d)]);
});

/** Elements start … start + length - 1 of a dimension. */
export const narrow = named(
  "narrow",
  ["input: Tensor", "dim: int", "start: int", "length: int"],
  (input: Tensor, dim: number, start: number, length: number): Tensor => {
    notSingle("narrow", input);
    const d = wrapDim("narrow", dim, input.ndim);
    const size = input.shape[d] ?? 0;
    if (start < -size || start > size)
      throw new IndexError(`narrow: start out of range (expected to be in range of [${-size}, ${size}], but got ${start})`);
    const first = start < 0 ? start + size : start;
    if (length < 0 || first + length > size)
      throw new RuntimeError(`narrow: start (${start}) + length (${length}) exceeds dimension size (${size}).`);
    return slice(input, d, first, length, 1);
  },
);

function notSingle(op: string, input: Tensor): void {
  if (input.ndim === 0) throw new RuntimeError(`${op}: cannot be applied to a 0-dim tensor`);
}

/** Every step-th element of a dimension from start on. */
export function slice(input: Tensor, dim: number, start: number, length: number, step: number): Tensor {
  if (start === 0 && step === 1 && length === input.shape[dim]) return input;
  return moved(
    input,
    { kind: "slice", dim, start, length, step },
    input.shape.map((size, i) => (i === dim ? length : size)),
  );
}

/** One element of a dimension, which is gone then. */
export const select = named("select", ["input: Tensor", "dim: int", "index: int"], (input: Tensor, dim: number, index: number): Tensor => {
  if (input.ndim === 0) throw new IndexError("select: cannot be applied to a 0-dim tensor");
  const d = wrapDim("select", dim, input.ndim);
  const size = input.shape[d] ?? 0;
  if (index < -size || index >= size)
    throw new IndexError(`select(): index ${index} out of range for tensor of size ${showShape(input.shape)} at dimension ${dim}`);
  const one = slice(input, d, index < 0 ? index + size : index, 1, 1);
  return reshape(
    one,
    input.shape.filter((_, i) => i !== d),
  );
});

/** Parts of a size, or of the sizes given, along a dimension. */
export const split = named(
  "split",
  ["tensor: Tensor", "split_size_or_sections", "..."],
  (input: Tensor, split_size_or_sections: number | readonly number[], ...args: Args<{ dim?: number }, ["dim"]>): Tensor[] => {
    const { dim = 0 } = keywords<{ dim?: number }>("split", ["dim"], args);
    notSingle("split", input);
    const d = wrapDim("split", dim, input.ndim);
    const size = input.shape[d] ?? 0;
    const sections = typeof split_size_or_sections === "number" ? evenly(size, split_size_or_sections) : split_size_or_sections;
    checkIntegers("split", sections);
    const total = sections.reduce((sum, length) => sum + length, 0);
    if (total !== size)
      throw new RuntimeError(
        `split_with_sizes expects split_sizes to sum exactly to ${size} (input tensor's size at dimension ${d}), but got split_sizes=${showShape(sections)}`,
      );
    let start = 0;
    return sections.map((length) => {
      const part = narrow(input, d, start, length);
      start += length;
      return part;
    });
  },
);

function evenly(size: number, part: number): readonly number[] {
  if (!Number.isInteger(part) || part < 0 || (part === 0 && size > 0))
    throw new RuntimeError(
      `split: expects split_size be non-negative, and 0 only where the dimension is empty, but got split_size=${part}`,
    );
  if (size === 0) return [0];
  return Array.from({ length: Math.ceil(size / part) }, (_, i) => Math.min(part, size - i * part));
}

/** At most `chunks` parts, all of one size but the last. */
export const chunk = named(
  "chunk",
  ["input: Tensor", "chunks: int", "..."],
  (input: Tensor, chunks: number, ...args: Args<{ dim?: number }, ["dim"]>): Tensor[] => {
    if (!Number.isInteger(chunks) || chunks < 1)
      throw new RuntimeError(`chunk expects ` + "`chunks`" + ` to be greater than 0, got: ${chunks}`);
    notSingle("chunk", input);
    const { dim = 0 } = keywords<{ dim?: number }>("chunk", ["dim"], args);
    const size = input.shape[wrapDim("chunk", dim, input.ndim)] ?? 0;
    if (size === 0) return split(input, new Array<number>(chunks).fill(0), dim);
    return split(input, Math.max(1, Math.ceil(size / chunks)), dim);
  },
);

/** The parts along a dimension, each without it. */
export const unbind = named("unbind", ["input: Tensor", "..."], (input: Tensor, ...args: Args<{ dim?: number }, ["dim"]>): Tensor[] => {
  const { dim = 0 } = keywords<{ dim?: number }>("unbind", ["dim"], args);
  if (input.ndim === 0) throw new IndexError("unbind: Dimension specified as 0 but tensor has no dimensions");
  const d = wrapDim("unbind", dim, input.ndim);
  return Array.from({ length: input.shape[d] ?? 0 }, (_, i) => select(input, d, i));
});

/** Dimensions run backwards. */
export const flip = named("flip", ["input: Tensor", "dims", "..."], (input: Tensor, ...dims: Sizes): Tensor => {
  const distinct = sizesOf(dims).length === 0 ? [] : wrapDims("flip", sizesOf(dims), input.ndim);
  return distinct.reduce((flipped, d) => slice(flipped, d, Math.max(0, (input.shape[d] ?? 1) - 1), input.shape[d] ?? 1, -1), input);
});

/** A copy whose elements lie row by row; here every tensor that is read does. */
export const contiguous = named("contiguous", ["input: Tensor"], (input: Tensor): Tensor => input);
