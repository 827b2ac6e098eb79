/** Arithmetic on shapes: element counts, broadcasting, dimension numbers. */

import { IndexError, RuntimeError, showShape } from "./errors";

/** Sizes of a tensor's dimensions; [] is a single value. */
export type Shape = readonly number[];

/** The shape as nobody can change it; one that somebody still could is copied. */
export const frozen = (shape: Shape): Shape => (Object.isFrozen(shape) ? shape : Object.freeze([...shape]));

/** Shaders count elements in u32. */
const MAX_ELEMENTS = 2 ** 32 - 1;

/** Elements of a shape, refused before it can overflow. */
export function numel(shape: Shape): number {
  let count = 1;
  for (const size of shape) count *= size;
  if (count > MAX_ELEMENTS) throw new RuntimeError(`shape ${showShape(shape)} has more than ${MAX_ELEMENTS} elements`);
  return count;
}

/** Refuses what is no list of integers. */
export function checkIntegers(op: string, numbers: readonly number[]): void {
  if (!Array.isArray(numbers) || !numbers.every(Number.isInteger)) throw new TypeError(`${op}: expected integers, got ${String(numbers)}`);
}

/** Refuses sizes that are no sizes; a shape of its own. */
export function checkShape(op: string, shape: readonly number[]): Shape {
  checkIntegers(op, shape);
  const negative = shape.find((size) => size < 0);
  if (negative !== undefined)
    throw new RuntimeError(`${op}: Trying to create tensor with negative dimension ${negative}: ${showShape(shape)}`);
  numel(shape);
  return frozen(shape);
}

export function sameShape(a: Shape, b: Shape): boolean {
  if (a.length !== b.length) return false;
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return false;
  return true;
}

/** Strides, in elements, of a tensor that lies row by row. */
export function contiguousStrides(shape: Shape): readonly number[] {
  const strides = new Array<number>(shape.length);
  let step = 1;
  for (let i = shape.length - 1; i >= 0; i--) {
    strides[i] = step;
    step *= shape[i] ?? 1;
  }
  return strides;
}

/** The shape that both broadcast to. */
export function broadcastShapes(op: string, a: Shape, b: Shape): Shape {
  if (sameShape(a, b)) return a;
  const rank = Math.max(a.length, b.length);
  const shape = new Array<number>(rank);
  for (let i = 1; i <= rank; i++) {
    const x = a[a.length - i] ?? 1;
    const y = b[b.length - i] ?? 1;
    if (x !== y && x !== 1 && y !== 1) {
      throw new RuntimeError(
        `${op}: The size of tensor a (${x}) must match the size of tensor b (${y}) at non-singleton dimension ${rank - i}: ${showShape(a)} and ${showShape(b)}`,
      );
    }
    shape[rank - i] = x === 1 ? y : x;
  }
  return shape;
}

/** A dimension counted from the front; negative ones count from the back. A single value has dimension 0. */
export function wrapDim(op: string, dim: number, rank: number): number {
  const range = Math.max(rank, 1);
  checkIntegers(op, [dim]);
  if (dim < -range || dim >= range) {
    throw new IndexError(`${op}: Dimension out of range (expected to be in range of [${-range}, ${range - 1}], but got ${dim})`);
  }
  return dim < 0 ? dim + range : dim;
}

/** Dimensions to reduce, in ascending order; none named means all. */
export function wrapDims(op: string, dims: number | readonly number[] | null | undefined, rank: number): readonly number[] {
  const list = typeof dims === "number" ? [dims] : (dims ?? []);
  checkIntegers(op, list);
  if (list.length === 0) return Array.from({ length: rank }, (_, i) => i);
  const wrapped = list.map((dim) => wrapDim(op, dim, rank));
  wrapped.sort((a, b) => a - b);
  wrapped.forEach((dim, i) => {
    if (dim === wrapped[i + 1]) throw new RuntimeError(`${op}: dim ${dim} appears multiple times in the list of dims`);
  });
  return rank === 0 ? [] : wrapped;
}

/** Fills in a -1 among the sizes of a reshape. */
export function inferSize(op: string, sizes: readonly number[], count: number): Shape {
  checkIntegers(op, sizes);
  const fail = () => new RuntimeError(`${op}: shape '${showShape(sizes)}' is invalid for input of size ${count}`);
  let known = 1;
  let unknown = -1;
  for (const [i, size] of sizes.entries()) {
    if (size === -1 && unknown < 0) unknown = i;
    else if (size >= 0) known *= size;
    else throw fail();
  }
  if (unknown < 0) {
    if (known !== count) throw fail();
    return frozen(sizes);
  }
  if (known === 0 || count % known !== 0) throw fail();
  return sizes.map((size) => (size === -1 ? count / known : size));
}

/** The shape without the dimensions in `dims`, or with them at size 1. */
export function reducedShape(shape: Shape, dims: readonly number[], keepdim: boolean): Shape {
  return keepdim ? shape.map((size, i) => (dims.includes(i) ? 1 : size)) : shape.filter((_, i) => !dims.includes(i));
}
