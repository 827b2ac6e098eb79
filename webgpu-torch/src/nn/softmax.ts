/** Softmax and its logarithm. */

import { type DType, isFloat } from "../base/dtype";
import { RuntimeError } from "../base/errors";
import { wrapDim } from "../base/shape";
import { cast, make } from "../tensor/build";
import { type Args, keywords } from "../tensor/keywords";
import { reshape, transpose } from "../tensor/shapes";
import type { Tensor } from "../tensor/tensor";

export interface SoftmaxOptions {
  dim?: number;
  /** What the input is converted to before. */
  dtype?: DType | null;
}

const softmaxOver =
  (name: "softmax" | "log_softmax") =>
  (given: Tensor, ...args: Args<SoftmaxOptions, ["dim"]>): Tensor => {
    const { dim, dtype = null } = keywords<SoftmaxOptions>(name, ["dim"], args, ["dtype"]);
    const input = dtype === null ? given : cast(given, dtype);
    if (dim === undefined) throw new TypeError(`${name}() missing 1 required argument: 'dim'`);
    if (!isFloat(input.dtype)) throw new RuntimeError(`${name}: not implemented for '${input.dtype}', only for floats`);
    const d = wrapDim(name, dim, input.ndim);
    if (input.ndim === 0) return reshape(softmaxOver(name)(reshape(input, [1]), 0), []);
    const last = input.ndim - 1;
    // The kernel runs along rows: another dimension is put last and back.
    const rows = transpose(cast(input, "float32"), d, last);
    const out = input.numel() === 0 ? rows : make({ kind: "softmax", log: name === "log_softmax" }, [rows], rows.shape, "float32");
    return cast(transpose(out, d, last), input.dtype);
  };

/** Positive numbers that add up to 1 along a dimension. */
export const softmax = softmaxOver("softmax");
/** The logarithm of `softmax`, without its underflow. */
export const log_softmax = softmaxOver("log_softmax");
