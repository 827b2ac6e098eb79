/** Indexing by tensors of integers, as brackets do: one for each of some dimensions, broadcast together. */

import { IndexError, RuntimeError, showShape } from "../base/errors";
import { at } from "../base/list";
import { broadcastShapes, contiguousStrides, numel, type Shape } from "../base/shape";
import { cast, choose, element, make } from "./build";
import { movedim } from "./rearrange";
import { expand, reshape } from "./shapes";
import type { Tensor } from "./tensor";

/**
 * The elements whose places in some dimensions the tensors tell; null leaves a dimension as it is. The dimensions that the indices
 * have in common come where those that they name were, if these lie side by side, and else first.
 */
export function indexTensors(input: Tensor, indices: readonly (Tensor | null)[]): Tensor {
  const dims = indices.flatMap((index, d) => (index ? [d] : []));
  const tensors = indices.filter((index) => index !== null);
  const picked = commonShape(tensors);
  for (const d of dims) {
    if (input.shape[d] === 0 && numel(picked) > 0) throw new IndexError("index: index is out of bounds for dimension with size 0");
  }
  const [first = 0] = dims;
  const sideBySide = dims.every((d, i) => d === first + i);
  const front = dims.map((_, i) => i);
  const rows = movedim(input, dims, sideBySide ? dims : front);
  const start = sideBySide ? first : 0;
  const sizes = rows.shape.slice(start, start + dims.length);
  const [before, behind] = [rows.shape.slice(0, start), rows.shape.slice(start + dims.length)];
  const source = reshape(rows, [...before, numel(sizes), ...behind]);
  const places = reshape(
    linear(
      tensors.map((tensor) => expand(cast(tensor, "int32"), picked)),
      sizes,
    ),
    [...before.map(() => 1), numel(picked), ...behind.map(() => 1)],
  );
  const taken = make({ kind: "take", dim: start }, [source, places], [...before, numel(picked), ...behind], input.dtype);
  return reshape(taken, [...before, ...picked, ...behind]);
}

function commonShape(tensors: readonly Tensor[]): Shape {
  const shapes = tensors.map(({ shape }) => shape);
  try {
    return shapes.reduce<Shape>((shape, other) => broadcastShapes("index", shape, other), []);
  } catch (error) {
    if (!(error instanceof RuntimeError)) throw error;
    throw new IndexError(
      `index: shape mismatch: indexing tensors could not be broadcast together with shapes ${shapes.map(showShape).join(", ")}`,
    );
  }
}

/** Places in several dimensions as one in all of them, row by row. Negative ones count from the end; -1 is one out of range. */
function linear(indices: readonly Tensor[], sizes: Shape): Tensor {
  const strides = contiguousStrides(sizes);
  const parts = indices.map((index, i) => {
    const size = at(sizes, i);
    const place = choose(element("lt", index, 0), element("add", index, size), index);
    const within = element("logical_and", element("ge", place, 0), element("lt", place, size));
    return { within, step: element("mul", place, at(strides, i)) };
  });
  const within = parts.map((part) => part.within).reduce((a, b) => element("logical_and", a, b));
  const sum = parts.map((part) => part.step).reduce((a, b) => element("add", a, b));
  return choose(within, sum, -1);
}
