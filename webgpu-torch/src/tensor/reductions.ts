/** Functions that reduce dimensions. */

import type { DType } from "../base/dtype";
import { isFloat, promote } from "../base/dtype";
import { IndexError, RuntimeError } from "../base/errors";
import { numel, reducedShape, wrapDims } from "../base/shape";
import { reduceArgument, type ReduceName, reduceOp, reduceResult } from "../ops/reduce";
import { cast, choose, constant, element, make } from "./build";
import { type Args, keywords, named } from "./keywords";
import { reshape } from "./shapes";
import { Tensor } from "./tensor";

export type Dims = number | readonly number[] | null;

export interface DimOptions {
  dim?: Dims;
  keepdim?: boolean;
}

export interface SumOptions extends DimOptions {
  dtype?: DType;
}

export interface OneDimOptions {
  dim?: number | null;
  keepdim?: boolean;
}

/** Reduces dimensions, with what the operation does to empty ones. */
function reduced(name: ReduceName, input: Tensor, dims: readonly number[], keepdim: boolean): Tensor {
  const argument = reduceArgument(name, input.dtype);
  const result = reduceResult(name, argument);
  const shape = reducedShape(input.shape, dims, keepdim);
  const { empty, gives } = reduceOp(name);
  const ofFloats = gives === "same" && isFloat(input.dtype);
  if (dims.some((d) => input.shape[d] === 0)) {
    if (empty === undefined)
      throw new IndexError(`${name}: Expected reduction dim to be specified for input.numel() == 0, or to have non-zero size.`);
    return constant(empty, shape, ofFloats ? input.dtype : result, input.backend);
  }
  const values = make({ kind: "reduce", name, dims }, [cast(input, argument)], shape, result);
  // Sums of float16 are kept in float32 until they are complete.
  return ofFloats ? cast(values, input.dtype) : values;
}

const overDims = (name: ReduceName) =>
  named(name, ["input: Tensor", "..."], (input: Tensor, ...args: Args<DimOptions, ["dim", "keepdim"]>): Tensor => {
    const { dim, keepdim = false } = keywords<DimOptions>(name, ["dim", "keepdim"], args);
    if (dim === undefined && input.numel() === 0 && reduceOp(name).empty === undefined) throw nothingToReduce(name);
    return reduced(name, input, wrapDims(name, dim, input.ndim), keepdim);
  });

const nothingToReduce = (name: string): RuntimeError =>
  new RuntimeError(
    `${name}: Expected reduction dim to be specified for input.numel() == 0. Specify the reduction dim with the 'dim' argument.`,
  );

/** The sum. Integers and bools add up to int32. */
export const sum = named("sum", ["input: Tensor", "..."], (input: Tensor, ...args: Args<SumOptions, ["dim", "keepdim"]>): Tensor => {
  const { dim, keepdim = false, dtype = input.dtype } = keywords<SumOptions>("sum", ["dim", "keepdim"], args, ["dtype"]);
  return reduced("sum", cast(input, dtype), wrapDims("sum", dim, input.ndim), keepdim);
});

/** The product. */
export const prod = named(
  "prod",
  ["input: Tensor", "..."],
  (input: Tensor, ...args: Args<OneDimOptions & { dtype?: DType }, ["dim", "keepdim"]>): Tensor => {
    const {
      dim,
      keepdim = false,
      dtype = input.dtype,
    } = keywords<OneDimOptions & { dtype?: DType }>("prod", ["dim", "keepdim"], args, ["dtype"]);
    return reduced("prod", cast(input, dtype), wrapDims("prod", dim, input.ndim), keepdim);
  },
);

/** The average of floats. */
export const mean = named("mean", ["input: Tensor", "..."], (input: Tensor, ...args: Args<SumOptions, ["dim", "keepdim"]>): Tensor => {
  const { dim, keepdim = false, dtype = input.dtype } = keywords<SumOptions>("mean", ["dim", "keepdim"], args, ["dtype"]);
  if (!isFloat(dtype))
    throw new RuntimeError(`mean(): could not infer output dtype. Input dtype must be a floating point dtype. Got: ${dtype}`);
  const dims = wrapDims("mean", dim, input.ndim);
  const total = reduced("sum", cast(cast(input, dtype), "float32"), dims, keepdim);
  return cast(element("mul", total, 1 / count(input, dims)), dtype);
});

/** Elements that are reduced into one. */
const count = (input: Tensor, dims: readonly number[]): number => numel(dims.map((d) => input.shape[d] ?? 1));

export const amax = overDims("amax");
export const amin = overDims("amin");
export const any = overDims("any");
export const all = overDims("all");

/** A position of the largest or smallest element: the first. */
const position = (name: "argmax" | "argmin") =>
  named(name, ["input: Tensor", "..."], (input: Tensor, ...args: Args<OneDimOptions, ["dim", "keepdim"]>): Tensor => {
    const { dim = null, keepdim = false } = keywords<OneDimOptions>(name, ["dim", "keepdim"], args);
    if (input.dtype === "bool") throw new RuntimeError(`${name}: does not support bool input`);
    return reduced(name, input, wrapDims(name, dim, input.ndim), keepdim);
  });

export const argmax = position("argmax");
export const argmin = position("argmin");

/** What `max` and `min` along a dimension give. */
export interface Extremes {
  readonly values: Tensor;
  readonly indices: Tensor;
}

export type ExtremeArgs = Args<{ dim?: number; keepdim?: boolean }, ["dim", "keepdim"]>;

/** The forms of `t.max(…)` and `t.min(…)`. */
export interface ExtremeMethod {
  (): Tensor;
  (other: Tensor | { other: Tensor }): Tensor;
  (...args: ExtremeArgs): Extremes;
}

/** The forms of `torch.max(…)` and `torch.min(…)`. */
export interface ExtremeFunction {
  (input: Tensor): Tensor;
  (input: Tensor, other: Tensor | { other: Tensor }): Tensor;
  (input: Tensor, ...args: ExtremeArgs): Extremes;
  (named: { input: Tensor; dim: number; keepdim?: boolean }): Extremes;
  (named: { input: Tensor; other?: Tensor }): Tensor;
}

const extremes = (name: "max" | "min", values: typeof amax, indices: typeof argmax, elementwise: "maximum" | "minimum") => {
  const extreme = named(name, ["input: Tensor", "..."], (input: Tensor, ...args: unknown[]): Tensor | Extremes => {
    const [first] = args;
    if (first instanceof Tensor) return element(elementwise, input, first);
    if (args.length === 0) {
      return values(input);
    }
    const { other, ...options } = keywords<{ dim?: number; keepdim?: boolean; other?: Tensor }>(name, ["dim", "keepdim"], args, ["other"]);
    if (other) return element(elementwise, input, other);
    return { values: values(input, options), indices: indices(input.dtype === "bool" ? cast(input, "int32") : input, options) };
  });
  return extreme as ExtremeFunction;
};

/** The largest element; of two tensors the larger elements; along a dimension, values and indices. */
export const max = extremes("max", amax, argmax, "maximum");
/** The smallest element; of two tensors the smaller elements; along a dimension, values and indices. */
export const min = extremes("min", amin, argmin, "minimum");

/** The smallest and the largest element. */
export const aminmax = named(
  "aminmax",
  ["input: Tensor", "..."],
  (input: Tensor, options: OneDimOptions = {}): { readonly min: Tensor; readonly max: Tensor } => {
    const { dim = null, keepdim = false } = keywords<OneDimOptions>("aminmax", [], [options], ["dim", "keepdim"]);
    if (dim === null && input.numel() === 0) throw nothingToReduce("aminmax");
    return { min: amin(input, { dim, keepdim }), max: amax(input, { dim, keepdim }) };
  },
);

export interface VarOptions extends DimOptions {
  correction?: number;
  unbiased?: boolean;
}

function varianceOf(op: string, input: Tensor, args: readonly unknown[]): Tensor {
  const {
    dim,
    keepdim = false,
    unbiased = true,
    correction = unbiased ? 1 : 0,
  } = keywords<VarOptions>(op, ["dim"], args, ["keepdim", "correction", "unbiased"]);
  if (!isFloat(input.dtype)) throw new RuntimeError(`${op}: only floating point dtypes are supported, got ${input.dtype}`);
  const dims = wrapDims(op, dim, input.ndim);
  const x = cast(input, "float32");
  const squares = element("square", element("sub", x, mean(x, { dim: dims, keepdim: true })));
  const degrees = Math.max(0, count(input, dims) - correction);
  return element("div", reduced("sum", squares, dims, keepdim), degrees);
}

/** The variance; `correction` 1 (or unbiased) divides by one less than the number of elements. Exported as `var`. */
export const variance = named(
  "var",
  ["input: Tensor", "..."],
  (input: Tensor, ...args: Args<VarOptions, ["dim"]>): Tensor => cast(varianceOf("var", input, args), input.dtype),
);

/** The standard deviation. */
export const std = named(
  "std",
  ["input: Tensor", "..."],
  (input: Tensor, ...args: Args<VarOptions, ["dim"]>): Tensor => cast(element("sqrt", varianceOf("std", input, args)), input.dtype),
);

/** The standard deviation and the mean. */
export const std_mean = named("std_mean", ["input: Tensor", "..."], (input: Tensor, ...args: Args<VarOptions, ["dim"]>): Tensor[] =>
  withMean(std, input, args),
);
/** The variance and the mean. */
export const var_mean = named("var_mean", ["input: Tensor", "..."], (input: Tensor, ...args: Args<VarOptions, ["dim"]>): Tensor[] =>
  withMean(variance, input, args),
);

function withMean(spread: typeof std, input: Tensor, args: Args<VarOptions, ["dim"]>): Tensor[] {
  const { dim = null, keepdim = false } = keywords<VarOptions>("var_mean", ["dim"], args, ["keepdim", "correction", "unbiased"]);
  return [spread(input, ...args), mean(input, { dim, keepdim })];
}

/** The sum of all that is no NaN. */
export const nansum = named(
  "nansum",
  ["input: Tensor", "..."],
  (input: Tensor, ...args: Args<SumOptions, ["dim", "keepdim"]>): Tensor =>
    sum(isFloat(input.dtype) ? choose(element("isnan", input), 0, input) : input, ...args),
);

/** The mean of all that is no NaN. */
export const nanmean = named(
  "nanmean",
  ["input: Tensor", "..."],
  (input: Tensor, ...args: Args<SumOptions, ["dim", "keepdim"]>): Tensor => {
    const { dim = null, keepdim = false } = keywords<SumOptions>("nanmean", ["dim", "keepdim"], args, ["dtype"]);
    if (!isFloat(input.dtype)) throw new RuntimeError(`nanmean: expected input to have floating point dtype but got ${input.dtype}`);
    return element("div", nansum(input, ...args), sum(element("logical_not", element("isnan", input)), { dim, keepdim }));
  },
);

/** How many elements are not zero. */
export const count_nonzero = named(
  "count_nonzero",
  ["input: Tensor", "..."],
  (input: Tensor, ...args: Args<{ dim?: Dims }, ["dim"]>): Tensor => {
    const { dim = null } = keywords<{ dim?: Dims }>("count_nonzero", ["dim"], args);
    return sum(cast(input, "bool"), { dim });
  },
);

/** log(sum(exp(input))), from the largest element on, so that nothing overflows. */
export const logsumexp = named(
  "logsumexp",
  ["input: Tensor", "dim", "..."],
  (input: Tensor, dim: number | readonly number[], ...args: Args<{ keepdim?: boolean }, ["keepdim"]>): Tensor => {
    const { keepdim = false } = keywords<{ keepdim?: boolean }>("logsumexp", ["keepdim"], args);
    const dims = wrapDims("logsumexp", dim, input.ndim);
    const x = isFloat(input.dtype) ? input : cast(input, "float32");
    if (dims.some((d) => input.shape[d] === 0))
      return constant(-Infinity, reducedShape(input.shape, dims, keepdim), x.dtype, input.backend);
    const top = reduced("amax", x, dims, true);
    // Minus infinity less minus infinity is NaN: where all are that, or one is infinite, nothing is taken away.
    const finite = choose(element("isfinite", top), top, 0);
    const total = element("log", reduced("sum", element("exp", element("sub", x, finite)), dims, true));
    const result = element("add", total, finite);
    return keepdim ? result : reshape(result, reducedShape(input.shape, dims, false));
  },
);

export interface NormOptions extends DimOptions {
  p?: number | "fro";
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
    const x = cast(input, "float32");
    return cast(normOf(x, p === "fro" ? 2 : p, dims, keepdim), result);
  },
);

function normOf(x: Tensor, p: number, dims: readonly number[], keepdim: boolean): Tensor {
  if (p === 2) return element("sqrt", reduced("sum", element("square", x), dims, keepdim));
  const size = element("abs", x);
  if (p === 1) return reduced("sum", size, dims, keepdim);
  if (p === Infinity) return reduced("amax", size, dims, keepdim);
  if (p === -Infinity) return reduced("amin", size, dims, keepdim);
  if (p === 0) return reduced("sum", cast(element("ne", x, 0), "float32"), dims, keepdim);
  return element("pow", reduced("sum", element("pow", size, p), dims, keepdim), 1 / p);
}
