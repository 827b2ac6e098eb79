/** Sums, products, means and what is counted or true of dimensions. */

import { type DType, isFloat } from "../base/dtype";
import { RuntimeError } from "../base/errors";
import { reducedShape, wrapDims } from "../base/shape";
import { cast, choose, constant, element } from "./build";
import { type Args, keywords, named } from "./keywords";
import { checkOneDim, countOf, type Dims, type OneDimOptions, overDims, reduced, type SumOptions } from "./reduce";
import { reshape } from "./shapes";
import type { Tensor } from "./tensor";

/** Bools and int8 add up to int32, and multiply to it, unless they are asked for. */
function joined(name: "sum" | "prod", input: Tensor, { dim, keepdim = false, dtype }: SumOptions): Tensor {
  const result = reduced(name, cast(input, dtype ?? input.dtype), wrapDims(name, dim, input.ndim), keepdim);
  return dtype ? cast(result, dtype) : result;
}

/** The sum. Integers and bools add up to int32. */
export const sum = named("sum", ["input: Tensor", "..."], (input: Tensor, ...args: Args<SumOptions, ["dim", "keepdim"]>): Tensor =>
  joined("sum", input, keywords<SumOptions>("sum", ["dim", "keepdim"], args, ["dtype"])),
);

export interface ProdOptions extends OneDimOptions {
  dtype?: DType | null;
}

/** The product. */
export const prod = named("prod", ["input: Tensor", "..."], (input: Tensor, ...args: Args<ProdOptions, ["dim", "keepdim"]>): Tensor => {
  const options = keywords<ProdOptions>("prod", ["dim", "keepdim"], args, ["dtype"]);
  checkOneDim("prod", options.dim);
  return joined("prod", input, options);
});

/** The average of floats. */
export const mean = named("mean", ["input: Tensor", "..."], (input: Tensor, ...args: Args<SumOptions, ["dim", "keepdim"]>): Tensor => {
  const options = keywords<SumOptions>("mean", ["dim", "keepdim"], args, ["dtype"]);
  const { dim, keepdim = false } = options;
  const dtype = options.dtype ?? input.dtype;
  if (!isFloat(dtype))
    throw new RuntimeError(`mean(): could not infer output dtype. Input dtype must be a floating point dtype. Got: ${dtype}`);
  const dims = wrapDims("mean", dim, input.ndim);
  const total = reduced("sum", cast(input, "float32"), dims, keepdim);
  return cast(element("div", total, countOf(input, dims)), dtype);
});

export const any = overDims("any");
export const all = overDims("all");

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
    const options = keywords<SumOptions>("nanmean", ["dim", "keepdim"], args, ["dtype"]);
    const { dim = null, keepdim = false } = options;
    const dtype = options.dtype ?? input.dtype;
    if (!isFloat(input.dtype) || !isFloat(dtype))
      throw new RuntimeError(`nanmean: expected floating point dtypes of input and result, but got ${input.dtype} and ${dtype}`);
    // In float32, as float16 cannot count beyond 65,504.
    const total = cast(nansum(input, { dim, keepdim, dtype }), "float32");
    const count = sum(element("logical_not", element("isnan", input)), { dim, keepdim });
    return cast(element("div", total, count), dtype);
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
    if (dim === null) throw new TypeError("logsumexp(): argument 'dim' must be int or a list of ints, not null");
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
