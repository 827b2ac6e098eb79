/** Views: how the elements of a tensor lie in a buffer that another tensor may share. */

import { contiguousStrides, type Shape } from "./shape";

/** Element (i, j, …) lies at offset + i·strides[0] + j·strides[1] + …, counted in elements. */
export interface View {
  readonly shape: Shape;
  readonly strides: readonly number[];
  readonly offset: number;
}

/** A change of shape that moves no element. */
export type Move =
  | { readonly kind: "reshape"; readonly shape: Shape }
  | { readonly kind: "permute"; readonly order: readonly number[] }
  | { readonly kind: "expand"; readonly shape: Shape }
  /** Elements start, start + step, … of a dimension. A negative step runs backwards; a start out of range is read nowhere (see `cat`). */
  | { readonly kind: "slice"; readonly dim: number; readonly start: number; readonly length: number; readonly step: number };

/** The view of a whole buffer, row by row. */
export const contiguousView = (shape: Shape): View => ({ shape, strides: contiguousStrides(shape), offset: 0 });

/** Whether the elements lie row by row without gaps, from any offset. */
export function isContiguous({ shape, strides }: View): boolean {
  let step = 1;
  for (let i = shape.length - 1; i >= 0; i--) {
    const size = shape[i] ?? 1;
    if (size !== 1 && strides[i] !== step) return false;
    step *= size;
  }
  return true;
}

/** The moved view, or null where only a copy can take the new shape. */
export function moveView(view: View, move: Move): View | null {
  switch (move.kind) {
    case "reshape":
      return reshapeView(view, move.shape);
    case "permute":
      return {
        shape: move.order.map((dim) => view.shape[dim] ?? 1),
        strides: move.order.map((dim) => view.strides[dim] ?? 0),
        offset: view.offset,
      };
    case "expand":
      return expandView(view, move.shape);
    case "slice": {
      const stride = view.strides[move.dim] ?? 0;
      return {
        shape: view.shape.map((size, i) => (i === move.dim ? move.length : size)),
        strides: view.strides.map((step, i) => (i === move.dim ? step * move.step : step)),
        offset: view.offset + move.start * stride,
      };
    }
    default:
      return move satisfies never;
  }
}

/** Repeats dimensions of size 1 by giving them stride 0. */
function expandView(view: View, shape: Shape): View {
  const missing = shape.length - view.shape.length;
  const strides = shape.map((size, i) => (view.shape[i - missing] === size ? (view.strides[i - missing] ?? 0) : 0));
  return { shape, strides, offset: view.offset };
}

/** Runs of dimensions that lie as one are split anew; a new dimension across two runs cannot be had without a copy. */
function reshapeView(view: View, shape: Shape): View | null {
  if (shape.includes(0)) return contiguousView(shape);
  const runs = mergeDims(view);
  const strides = new Array<number>(shape.length).fill(0);
  let dim = shape.length - 1;
  for (let r = runs.length - 1; r >= 0; r--) {
    const run = runs[r];
    if (!run) break;
    let left = run.size;
    let stride = run.stride;
    while (dim >= 0 && left > 1) {
      const size = shape[dim] ?? 1;
      if (left % size !== 0) return null;
      strides[dim] = stride;
      stride *= size;
      left /= size;
      dim -= 1;
    }
    if (left !== 1) return null;
  }
  return { shape, strides, offset: view.offset };
}

/** A run of dimensions that step through memory at one stride. */
interface Run {
  size: number;
  stride: number;
}

/** The view's dimensions, those of size 1 left out and neighbours that lie as one merged. */
function mergeDims({ shape, strides }: View): Run[] {
  const runs: Run[] = [];
  for (const [i, size] of shape.entries()) {
    if (size === 1) continue;
    const stride = strides[i] ?? 0;
    const last = runs.at(-1);
    if (last && last.stride === stride * size) {
      last.size *= size;
      last.stride = stride;
    } else {
      runs.push({ size, stride });
    }
  }
  return runs;
}
