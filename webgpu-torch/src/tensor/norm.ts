/** The p-norm. */

import { type DType, isFloat, promote } from "../base/dtype";
import { NotImplementedError, RuntimeError } from "../base/errors";
import { type Shape, wrapDims } from "../base/shape";
import { cast, element } from "./build";
import { type Args, keywords, named } from "./keywords";
import { type DimOptions, type Dims, reduced } from "./reduce";
import type { Tensor } from "./tensor";

export interface NormOptions extends DimOptions {
  p?: number | "fro" | null;
  /** Of the result, and no narrower than the input's. */
  dtype?: DType | null;
}

/** The p-norm over dimensions. */
export const norm = named(
  "norm",
  ["input: Tensor", "..."],
  (input: Tensor, ...args: Args<NormOptions, ["p", "dim", "keepdim"]>): Tensor => {
    const { p = 2, dim, keepdim = false, dtype } = keywords<NormOptions>("norm", ["p", "dim", "keepdim"], args, ["dtype"]);
    if (!isFloat(input.dtype)) throw new RuntimeError(`norm: only floating point dtypes are supported, got ${input.dtype}`);
    const result = dtype ?? input.dtype;
    if (promote("norm", result, input.dtype) !== result)
      throw new RuntimeError(
        `norm: the dtype of the input (${input.dtype}) should be convertible without narrowing to the specified dtype (${result})`,
      );
    const dims = wrapDims("norm", dim, input.ndim);
    const power = p === null ? 2 : p;
    checkOrder(power, dims, dim, input.shape);
    return cast(normOf(cast(input, "float32"), power === "fro" ? 2 : power, dims, keepdim), result);
  },
);

function checkOrder(p: unknown, dims: readonly number[], dim: Dims | undefined, shape: Shape): asserts p is number | "fro" {
  if (p === "nuc") throw new NotImplementedError("norm: the nuclear norm, which takes singular values, is not implemented");
  if (p !== "fro" && typeof p !== "number") throw new RuntimeError(`norm: Order ${String(p)} not supported`);
  if (p === "fro" && dim != null && dims.length > 2)
    throw new RuntimeError(`norm: dim must be a 2-tuple for order fro. Got ${dims.join(" ")}`);
  const empty = dims.find((d) => shape[d] === 0);
  if (empty !== undefined && p !== "fro" && (p < 0 || p === Infinity))
    throw new RuntimeError(
      `norm: cannot compute the ${p} norm on the dimension ${empty} because this dimension is empty and the operation does not have an identity`,
    );
}

function normOf(x: Tensor, p: number, dims: readonly number[], keepdim: boolean): Tensor {
  if (p === 2) return element("sqrt", reduced("sum", element("square", x), dims, keepdim));
  const size = element("abs", x);
  if (p === 1) return reduced("sum", size, dims, keepdim);
  if (p === Infinity) return reduced("amax", size, dims, keepdim);
  if (p === -Infinity) return reduced("amin", size, dims, keepdim);
  if (p === 0) return reduced("sum", cast(element("ne", x, 0), "float32"), dims, keepdim);
  return element("pow", reduced("sum", element("pow", size, p), dims, keepdim), 1 / p);
}
