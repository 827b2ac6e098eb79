/** What reductions share: their dimensions, and what is left of nothing. */

import { type DType, isFloat } from "../base/dtype";
import { IndexError, RuntimeError } from "../base/errors";
import { numel, reducedShape, wrapDims } from "../base/shape";
import { reduceArgument, type ReduceName, reduceOp, reduceResult } from "../ops/reduce";
import { cast, constant, make } from "./build";
import { type Args, keywords, named } from "./keywords";
import type { Tensor } from "./tensor";

export type Dims = number | readonly number[] | null;

export interface DimOptions {
  dim?: Dims;
  keepdim?: boolean;
}

export interface SumOptions extends DimOptions {
  dtype?: DType | null;
}

/** Refuses what is no single dimension. */
export function checkOneDim(name: string, dim: unknown): void {
  if (Array.isArray(dim)) throw new TypeError(`${name}(): argument 'dim' must be int, not Array`);
}

export interface OneDimOptions {
  dim?: number | null;
  keepdim?: boolean;
}

/** Reduces dimensions, with what the operation does to empty ones. */
export function reduced(name: ReduceName, input: Tensor, dims: readonly number[], keepdim: boolean): Tensor {
  const argument = reduceArgument(name, input.dtype);
  const result = reduceResult(name, argument);
  const shape = reducedShape(input.shape, dims, keepdim);
  const { empty, gives, takes } = reduceOp(name);
  // Sums of integers are int32, and the largest of them is one of them. Sums of float16 are kept in float32 until they are complete.
  const own = gives === "same" && (takes === "any" || isFloat(input.dtype)) ? input.dtype : result;
  if (dims.some((d) => input.shape[d] === 0)) {
    if (empty === undefined)
      throw new IndexError(`${name}: Expected reduction dim to be specified for input.numel() == 0, or to have non-zero size.`);
    return constant(empty, shape, own, input.backend);
  }
  return cast(make({ kind: "reduce", name, dims }, [cast(input, argument)], shape, result), own);
}

/** A reduction over any dimensions that needs no more to be said. */
export const overDims = (name: ReduceName) =>
  named(name, ["input: Tensor", "..."], (input: Tensor, ...args: Args<DimOptions, ["dim", "keepdim"]>): Tensor => {
    const { dim, keepdim = false } = keywords<DimOptions>(name, ["dim", "keepdim"], args);
    // To these, unlike to others, no dimensions are none.
    if ((name === "any" || name === "all") && Array.isArray(dim) && dim.length === 0) return cast(input, "bool");
    if (dim === undefined && input.numel() === 0 && reduceOp(name).empty === undefined) throw nothingToReduce(name);
    return reduced(name, input, wrapDims(name, dim, input.ndim), keepdim);
  });

export const nothingToReduce = (name: string): RuntimeError =>
  new RuntimeError(
    `${name}: Expected reduction dim to be specified for input.numel() == 0. Specify the reduction dim with the 'dim' argument.`,
  );

/** Elements that are reduced into one. */
export const countOf = (input: Tensor, dims: readonly number[]): number => numel(dims.map((d) => input.shape[d] ?? 1));
