/** Softmax and its logarithm. */

import { type DType, isFloat } from "../base/dtype";
import { NotImplementedError } from "../base/errors";
import { wrapDim } from "../base/shape";
import { cast, copied, make } from "./build";
import { keywords, named } from "./keywords";
import { reshape, transpose } from "./shapes";
import type { Tensor } from "./tensor";

export interface SoftmaxOptions {
  /** What the input is converted to before. */
  dtype?: DType | null;
}

const softmaxOver = (name: "softmax" | "log_softmax") =>
  named(name, ["input: Tensor", "dim: int", "..."], (given: Tensor, dim: number, options: SoftmaxOptions = {}): Tensor => {
    const { dtype = null } = keywords<SoftmaxOptions>(name, [], [options], ["dtype"]);
    const input = dtype === null ? given : cast(given, dtype);
    const d = wrapDim(name, dim, input.ndim);
    if (!isFloat(input.dtype)) {
      if (input.numel() === 0) return copied(input);
      throw new NotImplementedError(`${name}: not implemented for '${input.dtype}', only for floats`);
    }
    if (input.ndim === 0) return reshape(softmaxRows(name, reshape(input, [1])), []);
    const last = input.ndim - 1;
    // The kernel runs along rows: another dimension is put last and back.
    return transpose(softmaxRows(name, transpose(input, d, last)), d, last);
  });

function softmaxRows(name: "softmax" | "log_softmax", input: Tensor): Tensor {
  const rows = cast(input, "float32");
  return cast(
    input.numel() === 0 ? rows : make({ kind: "softmax", log: name === "log_softmax" }, [rows], rows.shape, "float32"),
    input.dtype,
  );
}

/** Positive numbers that add up to 1 along a dimension. */
export const softmax = softmaxOver("softmax");
/** The logarithm of `softmax`, without its underflow. */
export const log_softmax = softmaxOver("log_softmax");
