/** Reductions over ragged rows. */

import { RuntimeError, showShape } from "../base/errors";
import type { SegmentOp } from "../ops/lookup";
import { cast, constant, make } from "../tensor/build";
import { keywords, named } from "../tensor/keywords";
import type { Tensor } from "../tensor/tensor";

export interface SegmentOptions {
  /** Rows of each segment; they must add up to the rows there are, which cannot be checked here. */
  lengths?: Tensor;
  axis?: number;
  unsafe?: boolean;
}

/** Each segment of rows reduced to one. */
export const segment_reduce = named(
  "segment_reduce",
  ["data: Tensor", "reduce", "..."],
  (data: Tensor, reduce: SegmentOp, options: SegmentOptions = {}): Tensor => {
    const { lengths, axis = 0 } = keywords<SegmentOptions>("segment_reduce", [], [options], ["lengths", "axis", "unsafe"]);
    if (!["sum", "mean", "max", "min"].includes(reduce))
      throw new RuntimeError(`segment_reduce: unsupported reduction ${String(reduce)}, expected sum, mean, max or min`);
    if (axis !== 0 || data.ndim === 0)
      throw new RuntimeError(
        `segment_reduce: expected axis 0 of a tensor of at least one dimension, got axis ${axis} of ${showShape(data.shape)}`,
      );
    if (lengths?.dtype !== "int32" || lengths.ndim !== 1)
      throw new RuntimeError(`segment_reduce: expected lengths to be int32 of one dimension, got ${String(lengths)}`);
    const shape = [lengths.numel(), ...data.shape.slice(1)];
    if (data.numel() === 0) return constant(EMPTY[reduce], shape, "float32", data.backend);
    return cast(make({ kind: "segment_reduce", reduce }, [cast(data, "float32"), lengths], shape, "float32"), data.dtype);
  },
);

/** What segments without rows reduce to. */
const EMPTY: Readonly<Record<SegmentOp, number>> = { sum: 0, mean: NaN, max: -Infinity, min: Infinity };
