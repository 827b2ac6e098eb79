/** Indexing with the brackets of Python, under the names of PyTorch's C++ frontend: `x.index([torch.Slice(1, null, 2), "...", 0])`. */

import { IndexError, RuntimeError, showShape, ValueError } from "../base/errors";
import { index_select } from "./indexing";
import { named } from "./keywords";
import { reshape, select, slice, unsqueeze } from "./shapes";
import { Tensor } from "./tensor";

/** start:stop:step, where null leaves one out. */
export class Slice {
  constructor(
    readonly start: number | null = null,
    readonly stop: number | null = null,
    readonly step: number | null = null,
  ) {}
}

/** A number picks one element, a Slice a range of them, null puts in a dimension, "..." passes over all that are not named. */
export type Index = number | Slice | null | "..." | Tensor;

/** The part of a tensor that x[…] names in Python. A tensor among the indices is an integer vector, and there is one at most. */
export const index = named("index", ["input: Tensor", "indices"], (input: Tensor, indices: readonly Index[]): Tensor => {
  const named = indices.filter((one) => one !== null && one !== "...").length;
  if (named > input.ndim)
    throw new IndexError(`too many indices for tensor of dimension ${input.ndim}: got ${named} for shape ${showShape(input.shape)}`);
  if (indices.filter((one) => one === "...").length > 1) throw new IndexError("index: an index can only have a single ellipsis ('...')");
  if (indices.filter((one) => one instanceof Tensor).length > 1)
    throw new RuntimeError("index: at most one of the indices may be a tensor; gather() or index_select() one after the other");
  let out = input;
  let dim = 0;
  for (const one of indices) {
    if (one === null) out = unsqueeze(out, dim++);
    else if (one === "...") dim += input.ndim - named;
    else if (one instanceof Tensor) out = index_select(out, dim++, vector(one));
    else if (one instanceof Slice) out = sliced(out, dim++, one);
    else if (Number.isInteger(one)) out = picked(out, dim, one);
    else throw new TypeError(`index: only integers, Slice, null, "..." and integer tensors are valid indices, got ${String(one)}`);
  }
  return out;
});

function vector(one: Tensor): Tensor {
  if (one.dtype === "bool")
    throw new IndexError("index: how many elements a bool mask picks is not known here; use where() or masked_fill()");
  if (one.ndim !== 1) throw new IndexError(`index: a tensor among the indices must be a vector, got ${showShape(one.shape)}`);
  return one;
}

function picked(input: Tensor, dim: number, at: number): Tensor {
  const size = input.shape[dim] ?? 0;
  if (at < -size || at >= size) throw new IndexError(`index ${at} is out of bounds for dimension ${dim} with size ${size}`);
  return select(input, dim, at);
}

/** As Python counts: bounds beyond the ends are the ends. */
function sliced(input: Tensor, dim: number, { start, stop, step }: Slice): Tensor {
  const size = input.shape[dim] ?? 0;
  const by = step ?? 1;
  if (!Number.isInteger(by) || by < 1) throw new ValueError(`index: step must be greater than zero, got ${String(step)}`);
  const bound = (at: number) => Math.min(size, Math.max(0, at < 0 ? at + size : at));
  const first = bound(start ?? 0);
  const length = Math.max(0, Math.ceil((bound(stop ?? size) - first) / by));
  if (length === 0)
    return reshape(
      slice(input, dim, 0, 0, 1),
      input.shape.map((own, d) => (d === dim ? 0 : own)),
    );
  return slice(input, dim, first, length, by);
}
