/** Functions that put tensors beside each other. */

import type { DType } from "../base/dtype";
import { RuntimeError, showShape } from "../base/errors";
import { sameShape, wrapDim } from "../base/shape";
import { cast, constant, element, make, promoted, range } from "./build";
import { type Args, keywords } from "./keywords";
import { narrow, reshape, slice, unsqueeze } from "./shapes";
import type { Tensor } from "./tensor";

/** Tensors one after the other along a dimension. */
export function cat(tensors: readonly Tensor[], ...args: Args<{ dim?: number }, ["dim"]>): Tensor {
  const { dim = 0 } = keywords<{ dim?: number }>("cat", ["dim"], args);
  const [first] = tensors;
  if (!first) throw new RuntimeError("cat: expected a non-empty list of Tensors");
  const d = wrapDim("cat", dim, first.ndim);
  for (const { shape } of tensors) {
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
  return (
    joinAll(
      tensors.filter((tensor) => tensor.numel() > 0).map((tensor) => cast(tensor, dtype)),
      d,
    ) ?? cast(first, dtype)
  );
}

/** Joins in halves, so that no kernel reads more buffers than it can bind. */
function joinAll(tensors: readonly Tensor[], dim: number): Tensor | null {
  if (tensors.length <= 1) return tensors[0] ?? null;
  const half = Math.ceil(tensors.length / 2);
  const a = joinAll(tensors.slice(0, half), dim);
  const b = joinAll(tensors.slice(half), dim);
  return a && b && join(a, b, dim);
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
export function stack(tensors: readonly Tensor[], ...args: Args<{ dim?: number }, ["dim"]>): Tensor {
  const { dim = 0 } = keywords<{ dim?: number }>("stack", ["dim"], args);
  return cat(
    tensors.map((tensor) => unsqueeze(tensor, dim)),
    { dim: wrapDim("stack", dim, (tensors[0]?.ndim ?? 0) + 1) },
  );
}

interface PadOptions {
  mode?: "constant";
  value?: number | null;
}

/** Zeros, or another number, around a tensor: `pad` gives how many before and after, from the last dimension on. Negative numbers cut off. */
export function pad(input: Tensor, widths: readonly number[], ...args: Args<PadOptions, ["mode", "value"]>): Tensor {
  const { mode = "constant", value = null } = keywords<PadOptions>("pad", ["mode", "value"], args);
  if (mode !== "constant") throw new RuntimeError(`pad: mode ${String(mode)} is not there, only constant`);
  let out = input;
  for (let i = 0; i < widths.length; i += 2) {
    const d = input.ndim - 1 - i / 2;
    const [before = 0, after = 0] = [widths[i], widths[i + 1]];
    if (d < 0)
      throw new RuntimeError(
        `pad: Padding length should be less than or equal to two times the input dimension but got padding length ${widths.length} and input of dimension ${input.ndim}`,
      );
    const kept = narrow(out, d, Math.max(0, -before), (out.shape[d] ?? 0) + Math.min(0, before) + Math.min(0, after));
    const fill = (size: number) =>
      constant(
        value ?? 0,
        kept.shape.map((own, j) => (j === d ? size : own)),
        kept.dtype,
        kept.backend,
      );
    out = cat([fill(Math.max(0, before)), kept, fill(Math.max(0, after))], { dim: d });
  }
  return out;
}
