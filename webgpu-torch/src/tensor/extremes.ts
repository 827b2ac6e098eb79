/** Reductions to the largest or smallest element, and where it is. */

import { RuntimeError } from "../base/errors";
import { wrapDims } from "../base/shape";
import { cast, element } from "./build";
import { type Args, keywords, named } from "./keywords";
import { checkOneDim, nothingToReduce, type OneDimOptions, overDims, reduced } from "./reduce";
import { Tensor } from "./tensor";

export const amax = overDims("amax");
export const amin = overDims("amin");

/** A position of the largest or smallest element: the first. */
const position = (name: "argmax" | "argmin") =>
  named(name, ["input: Tensor", "..."], (input: Tensor, ...args: Args<OneDimOptions, ["dim", "keepdim"]>): Tensor => {
    const { dim = null, keepdim = false } = keywords<OneDimOptions>(name, ["dim", "keepdim"], args);
    checkOneDim(name, dim);
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
    checkOneDim(name, options.dim);
    if (typeof options.dim !== "number") throw new TypeError(`${name}(): expected a dim beside keepdim`);
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
