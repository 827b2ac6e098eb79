/** Variances and standard deviations. */

import { isFloat } from "../base/dtype";
import { RuntimeError } from "../base/errors";
import { wrapDims } from "../base/shape";
import { cast, element } from "./build";
import { type Args, keywords, named } from "./keywords";
import { countOf, type DimOptions, reduced } from "./reduce";
import { mean } from "./reductions";
import type { Tensor } from "./tensor";

export interface VarOptions extends DimOptions {
  correction?: number | null;
  unbiased?: boolean;
}

/** The arguments behind the input: (unbiased), or (dim, unbiased, keepdim). */
export type VarArgs = Args<VarOptions, ["dim", "unbiased", "keepdim"]> | Args<VarOptions, ["unbiased"]>;

function optionsOf(op: string, args: VarArgs): VarOptions {
  const names = typeof args[0] === "boolean" ? (["unbiased"] as const) : (["dim", "unbiased", "keepdim"] as const);
  const options = keywords<VarOptions>(op, names, args, ["dim", "unbiased", "keepdim", "correction"]);
  if (options.unbiased !== undefined && options.correction !== undefined)
    throw new TypeError(`${op}(): expected correction or unbiased, not both`);
  return options;
}

function varianceOf(op: string, input: Tensor, options: VarOptions): Tensor {
  const { dim, keepdim = false, unbiased = true } = options;
  const correction = options.correction ?? (unbiased ? 1 : 0);
  if (!isFloat(input.dtype)) throw new RuntimeError(`${op}: only floating point dtypes are supported, got ${input.dtype}`);
  const dims = wrapDims(op, dim, input.ndim);
  const x = cast(input, "float32");
  const squares = element("square", element("sub", x, mean(x, { dim: dims, keepdim: true })));
  const degrees = Math.max(0, countOf(input, dims) - correction);
  return element("div", reduced("sum", squares, dims, keepdim), degrees);
}

const spreadOf = (op: "var" | "std") => {
  const compute = (input: Tensor, options: VarOptions): Tensor => {
    const variance = varianceOf(op, input, options);
    return cast(op === "std" ? element("sqrt", variance) : variance, input.dtype);
  };
  return [
    named(op, ["input: Tensor", "..."], (input: Tensor, ...args: VarArgs): Tensor => compute(input, optionsOf(op, args))),
    named(`${op}_mean`, ["input: Tensor", "..."], (input: Tensor, ...args: VarArgs): Tensor[] => {
      const options = optionsOf(`${op}_mean`, args);
      const { dim = null, keepdim = false } = options;
      return [compute(input, options), mean(input, { dim, keepdim })];
    }),
  ] as const;
};

/**
 * The variance, and it and the mean; `correction` 1 (or unbiased) divides by one less than the number of elements.
 * `variance` is exported as `var`.
 */
export const [variance, var_mean] = spreadOf("var");
/** The standard deviation, and it and the mean. */
export const [std, std_mean] = spreadOf("std");
