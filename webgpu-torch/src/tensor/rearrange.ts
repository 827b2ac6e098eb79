/** Functions that repeat elements or put them elsewhere, made of views and joins. */

import { RuntimeError, showShape } from "../base/errors";
import { checkIntegers, numel, wrapDim } from "../base/shape";
import { copied, make, range } from "./build";
import { cat } from "./joins";
import { type Args, keywords, named } from "./keywords";
import { expand, narrow, permute, reshape, type Sizes, sizesOf, transpose, unsqueeze } from "./shapes";
import type { Tensor } from "./tensor";

export interface RollOptions {
  dims?: number | readonly number[] | null;
}

/** Elements shifted along dimensions, those past the end put in at the start; without dimensions, as one row. */
export const roll = named(
  "roll",
  ["input: Tensor", "shifts", "..."],
  (input: Tensor, shifts: number | readonly number[], ...args: Args<RollOptions, ["dims"]>): Tensor => {
    const { dims = null } = keywords<RollOptions>("roll", ["dims"], args);
    const by = [shifts].flat() as number[];
    checkIntegers("roll", by);
    const along = dims === null ? [] : ([dims].flat() as number[]);
    if (by.length === 0) throw new RuntimeError("roll: `shifts` required");
    if (along.length === 0 && by.length === 1) return reshape(rollOne(reshape(input, [-1]), by[0] ?? 0, 0), input.shape);
    if (along.length !== by.length)
      throw new RuntimeError(`roll: shifts and dimensions must align. shifts: ${by.length}, dims:${along.length}`);
    return along.reduce((rolled, dim, i) => rollOne(rolled, by[i] ?? 0, wrapDim("roll", dim, input.ndim)), input);
  },
);

function rollOne(input: Tensor, shift: number, dim: number): Tensor {
  const size = input.shape[dim] ?? 0;
  if (size === 0) return copied(input);
  const first = ((shift % size) + size) % size;
  return first === 0 ? copied(input) : cat([narrow(input, dim, size - first, first), narrow(input, dim, 0, size - first)], dim);
}

/** The whole tensor repeated along each dimension. */
export const repeat = named("repeat", ["input: Tensor", "repeats", "..."], (input: Tensor, ...sizes: Sizes): Tensor => {
  const times = sizesOf(sizes);
  checkIntegers("repeat", times);
  const missing = times.length - input.ndim;
  if (missing < 0)
    throw new RuntimeError(
      `repeat: Number of dimensions of repeat dims can not be smaller than number of dimensions of tensor: ${showShape(times)} for ${showShape(input.shape)}`,
    );
  if (times.some((count) => count < 0))
    throw new RuntimeError(`repeat: Trying to create tensor with negative dimension: ${showShape(times)}`);
  const shape = [...new Array<number>(missing).fill(1), ...input.shape];
  // Every dimension gets one before it, of size 1, which is then made larger without a copy.
  const apart = shape.flatMap((size) => [1, size]);
  const larger = shape.flatMap((size, d) => [times[d] ?? 1, size]);
  return copied(
    reshape(
      expand(reshape(input, apart), larger),
      shape.map((size, d) => size * (times[d] ?? 1)),
    ),
  );
});

/** As `repeat`, with ones put before repetitions that are too few. */
export const tile = named("tile", ["input: Tensor", "dims", "..."], (input: Tensor, ...dims: Sizes): Tensor => {
  const times = sizesOf(dims);
  return repeat(input, [...new Array<number>(Math.max(0, input.ndim - times.length)).fill(1), ...times]);
});

export interface InterleaveOptions {
  dim?: number | null;
}

/** Each element repeated in its place, along a dimension or as one row. */
export const repeat_interleave = named(
  "repeat_interleave",
  ["input: Tensor", "repeats: int", "..."],
  (input: Tensor, repeats: number, ...args: Args<InterleaveOptions, ["dim"]>): Tensor => {
    const { dim = null } = keywords<InterleaveOptions>("repeat_interleave", ["dim"], args);
    if (!Number.isInteger(repeats) || repeats < 0)
      throw new RuntimeError(`repeat_interleave: repeats must be a non-negative integer, got ${String(repeats)}`);
    if (dim === null) return repeat_interleave(reshape(input, [-1]), repeats, 0);
    const d = wrapDim("repeat_interleave", dim, input.ndim);
    const { shape } = input;
    const wide = expand(unsqueeze(input, d + 1), [...shape.slice(0, d + 1), repeats, ...shape.slice(d + 1)]);
    return copied(reshape(wide, [...shape.slice(0, d), (shape[d] ?? 1) * repeats, ...shape.slice(d + 1)]));
  },
);

/** Dimensions moved to other places, the others left in order. */
export const movedim = named(
  "movedim",
  ["input: Tensor", "source", "destination"],
  (input: Tensor, source: number | readonly number[], destination: number | readonly number[]): Tensor => {
    const wrap = (dims: number | readonly number[]) => [dims].flat().map((dim) => wrapDim("movedim", dim as number, input.ndim));
    const [from, to] = [wrap(source), wrap(destination)];
    if (from.length !== to.length || new Set(from).size !== from.length || new Set(to).size !== to.length)
      throw new RuntimeError(
        `movedim: Invalid source or destination dims: source (${showShape(from)}) and destination (${showShape(to)}), each of distinct dims and of one length`,
      );
    const left = input.shape.map((_, d) => d).filter((d) => !from.includes(d));
    const order = input.shape.map((_, d) => {
      const moved = from[to.indexOf(d)];
      return moved ?? left.shift() ?? 0;
    });
    return permute(input, order);
  },
);

export { movedim as moveaxis, transpose as swapdims };

/** `transpose`, under NumPy's name. */
export const swapaxes = named(
  "swapaxes",
  ["input: Tensor", "axis0: int", "axis1: int"],
  (input: Tensor, axis0: number, axis1: number): Tensor => transpose(input, axis0, axis1),
);

export interface DiagonalOptions {
  offset?: number;
  dim1?: number;
  dim2?: number;
}

/** The diagonal of matrices, as a last dimension. */
export const diagonal = named(
  "diagonal",
  ["input: Tensor", "..."],
  (input: Tensor, ...args: Args<DiagonalOptions, ["offset", "dim1", "dim2"]>): Tensor => {
    const { offset = 0, dim1 = 0, dim2 = 1 } = keywords<DiagonalOptions>("diagonal", ["offset", "dim1", "dim2"], args);
    const [a, b] = [wrapDim("diagonal", dim1, input.ndim), wrapDim("diagonal", dim2, input.ndim)];
    if (a === b) throw new RuntimeError(`diagonal: diagonal dimensions cannot be identical ${dim1}, ${dim2}`);
    const last = movedim(input, [a, b], [-2, -1]);
    const [rows = 0, columns = 0] = last.shape.slice(-2);
    const count = Math.max(0, Math.min(rows - Math.max(0, -offset), columns - Math.max(0, offset)));
    const shape = [...last.shape.slice(0, -2), count, 1];
    const kept = narrow(last, -2, Math.min(rows, Math.max(0, -offset)), count);
    if (numel(shape) === 0) return reshape(narrow(kept, -1, 0, 0), shape.slice(0, -1));
    const moved = narrow(kept, -1, Math.max(0, offset), columns - Math.max(0, offset));
    const index = unsqueeze(range(count, input.backend), 1);
    return reshape(make({ kind: "take", dim: moved.ndim - 1 }, [moved, index], shape, input.dtype), shape.slice(0, -1));
  },
);
