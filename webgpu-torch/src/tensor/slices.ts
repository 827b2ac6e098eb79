/** Indexing with the brackets of Python, under the names of PyTorch's C++ frontend: `x.index([torch.Slice(1, null, 2), "...", 0])`. */

import { IndexError, ValueError } from "../base/errors";
import { tensor } from "./creation";
import type { Nested } from "./host";
import { indexTensors } from "./index_tensors";
import { named } from "./keywords";
import { maskedIndex } from "./nonzero";
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

/** Integers, in arrays of arrays. */
type Integers = readonly (number | Integers)[];

/**
 * A number picks one element, a Slice a range of them, null puts in a dimension, "..." passes over all that are not named. Tensors
 * and arrays of integers pick elements one by one, those of several dimensions together.
 */
export type Index = number | Slice | null | "..." | Tensor | Integers;

/** The part of a tensor that x[…] names in Python. An index in a tensor that is out of range, which PyTorch refuses, gives NaN, or 0 among integers. */
export const index = named("index", ["input: Tensor", "indices"], (input: Tensor, indices: readonly Index[]): Tensor => {
  if (!Array.isArray(indices)) throw new TypeError(`index: expected an array of indices, got ${String(indices)}`);
  const taken = indices.filter((one) => one !== null && one !== "...").length;
  if (taken > input.ndim) throw new IndexError(`index: too many indices for tensor of dimension ${input.ndim}, got ${taken}`);
  if (indices.filter((one) => one === "...").length > 1) throw new IndexError("index: an index can only have a single ellipsis ('...')");
  let out = input;
  // For each dimension of `out` that is done, the tensor that is to pick from it.
  const picks: (Tensor | null)[] = [];
  for (const one of indices) {
    const dim = picks.length;
    if (one === null) out = unsqueeze(out, dim);
    else if (one instanceof Slice) out = sliced(out, dim, one);
    else if (typeof one === "number") {
      out = picked(out, dim, one);
      continue;
    } else if (one === "...") {
      for (let d = taken; d < input.ndim; d++) picks.push(null);
      continue;
    } else {
      const tensor = integers(one, dim, out);
      if (tensor.ndim > 0) {
        picks.push(tensor);
        continue;
      }
      // Like a number, and unlike other tensors, it does not care where they stand.
      out = indexTensors(out, [...picks.map(() => null), tensor]);
      continue;
    }
    picks.push(null);
  }
  return picks.some((pick) => pick !== null) ? indexTensors(out, picks) : out;
});

/** An index as a tensor. Those that come as an array are known, and checked. */
function integers(one: Tensor | Integers, dim: number, { shape, device }: Tensor): Tensor {
  if (!(one instanceof Tensor)) {
    if (!Array.isArray(one))
      throw new IndexError(
        `index: only integers, Slice, null, "..." and tensors or arrays of integers are valid indices, got ${String(one)}`,
      );
    const all = (one as readonly unknown[]).flat(Infinity);
    const size = shape[dim] ?? 0;
    const beyond = all.find((at) => typeof at !== "number" || !Number.isInteger(at) || at < -size || at >= size);
    if (beyond !== undefined)
      throw new IndexError(`index: index ${String(beyond)} is out of bounds for dimension ${dim} with size ${size}`);
    return tensor(one as Nested, { dtype: "int32", device });
  }
  if (one.dtype === "bool") throw maskedIndex();
  if (one.dtype !== "int32" && one.dtype !== "uint32")
    throw new IndexError(`index: tensors used as indices must be int32 or uint32, got ${one.dtype}`);
  return one;
}

function picked(input: Tensor, dim: number, at: number): Tensor {
  const size = input.shape[dim] ?? 0;
  if (!Number.isInteger(at)) throw new IndexError(`index: only integers are valid indices, got ${at}`);
  if (at < -size || at >= size) throw new IndexError(`index: index ${at} is out of bounds for dimension ${dim} with size ${size}`);
  return select(input, dim, at);
}

/** As Python counts: bounds beyond the ends are the ends. */
function sliced(input: Tensor, dim: number, { start, stop, step }: Slice): Tensor {
  const size = input.shape[dim] ?? 0;
  const by = step ?? 1;
  const odd = [start, stop, step].find((one) => one !== null && !Number.isInteger(one));
  if (odd !== undefined) throw new TypeError(`index: slice indices must be integers or null, got ${String(odd)}`);
  if (by < 1) throw new ValueError(`index: step must be greater than zero, got ${String(step)}`);
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
