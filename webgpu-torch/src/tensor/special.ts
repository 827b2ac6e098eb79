/** Element-wise functions made of others. They fuse like those, and round a float16 result once, as PyTorch's own do. */

import type { DType } from "../base/dtype";
import { isFloat } from "../base/dtype";
import { NotImplementedError, RuntimeError } from "../base/errors";
import { sameShape } from "../base/shape";
import { pow } from "./arithmetic";
import { cast, choose, copied, element, type Operand, promoted } from "./build";
import { type Args, keywords, named } from "./keywords";
import { all } from "./reductions";
import { Tensor } from "./tensor";

const floating = (dtype: DType): DType => (isFloat(dtype) ? dtype : "float32");

/** A function of float32 values, which other dtypes are converted to before. */
const ofFloats =
  (name: string, compute: (...values: Operand[]) => Tensor) =>
  (...operands: readonly Operand[]): Tensor => {
    const dtype = floating(promoted(name, operands));
    return cast(compute(...operands.map((operand) => (operand instanceof Tensor ? cast(operand, "float32") : operand))), dtype);
  };

const unary = (name: string, compute: (x: Operand) => Tensor) => {
  const apply = ofFloats(name, compute as (...values: Operand[]) => Tensor);
  return named(name, ["input: Tensor"], (input: Tensor): Tensor => apply(input));
};

/** The same, which PyTorch has for floats only. */
const binaryOfFloats = (name: string, compute: (a: Operand, b: Operand) => Tensor) => {
  const apply = binary(name, compute);
  return named(name, ["input: Tensor", "other: Tensor"], (input: Tensor, other: Tensor): Tensor => {
    const dtype = promoted(name, [input, other]);
    if (!isFloat(dtype)) throw new NotImplementedError(`${name}: not implemented for '${dtype}', only for floats`);
    return apply(input, other);
  });
};

const binary = (name: string, compute: (a: Operand, b: Operand) => Tensor) => {
  const apply = ofFloats(name, compute as (...values: Operand[]) => Tensor);
  return named(name, ["input", "other"], (input: Operand, other: Operand): Tensor => apply(input, other));
};

/** Degrees as radians. */
export const deg2rad = unary("deg2rad", (x) => element("mul", x, Math.PI / 180));
/** Radians as degrees. */
export const rad2deg = unary("rad2deg", (x) => element("mul", x, 180 / Math.PI));

/** sin(πx) / (πx), and 1 at 0. */
export const sinc = unary("sinc", (x) => {
  const angle = element("mul", x, Math.PI);
  return choose(element("eq", angle, 0), 1, element("div", element("sin", angle), angle));
});

/** The logarithm of x / (1 - x); with `eps`, of x brought into [eps, 1 - eps]. */
export const logit = named("logit", ["input: Tensor", "..."], (input: Tensor, ...args: Args<{ eps?: number | null }, ["eps"]>): Tensor => {
  const { eps = null } = keywords<{ eps?: number | null }>("logit", ["eps"], args);
  const odds = ofFloats("logit", (x = 0) => {
    const inside = eps === null ? x : element("minimum", element("maximum", x, eps), 1 - eps);
    return element("log", element("div", inside, element("sub", 1, inside)));
  });
  return odds(input);
});

/** log(exp(a) + exp(b)) without overflow. */
export const logaddexp = binaryOfFloats("logaddexp", (a, b) => sumOfPowers(a, b, (x) => element("log1p", element("exp", x))));
/** log2(2^a + 2^b) without overflow. */
export const logaddexp2 = binaryOfFloats("logaddexp2", (a, b) =>
  sumOfPowers(a, b, (x) => element("mul", element("log1p", element("exp2", x)), Math.LOG2E)),
);

function sumOfPowers(a: Operand, b: Operand, rest: (x: Tensor) => Tensor): Tensor {
  const top = element("maximum", a, b);
  const distance = element("abs", element("sub", a, b));
  // Two equal infinities have no distance.
  return choose(element("isinf", top), top, element("add", top, rest(element("neg", distance))));
}

/** √(a² + b²) without overflow. */
export const hypot = binaryOfFloats("hypot", (a, b) => {
  const [x, y] = [element("abs", element("add", a, 0)), element("abs", element("add", b, 0))];
  const long = element("maximum", x, y);
  const ratio = element("div", element("minimum", x, y), long);
  const length = element("mul", long, element("sqrt", element("add", element("square", ratio), 1)));
  const infinite = element("logical_or", element("isinf", x), element("isinf", y));
  return choose(infinite, Infinity, choose(element("eq", long, 0), 0, length));
});

/** a · log(b), and 0 where a is 0, unless b is NaN. */
export const xlogy = binary("xlogy", (a, b) => {
  const isNumber = b instanceof Tensor ? element("logical_not", element("isnan", b)) : !Number.isNaN(b);
  const log = b instanceof Tensor ? element("log", b) : Math.log(Number(b));
  const isZero = a instanceof Tensor ? element("eq", a, 0) : Number(a) === 0;
  return choose(element("logical_and", isZero, isNumber), 0, element("mul", a, log));
});

/** The size of a with the sign of b. */
export const copysign = named("copysign", ["input: Tensor", "other"], (input: Tensor, other: Operand): Tensor => {
  const sized = ofFloats("copysign", (a = 0, b = 0) => {
    const size = element("abs", a);
    if (b instanceof Tensor) return choose(element("signbit", b), element("neg", size), size);
    return Number(b) < 0 || Object.is(b, -0) ? element("neg", size) : size;
  });
  return sized(input, other);
});

/** The larger value; of a NaN and a number, the number. */
export const fmax = named(
  "fmax",
  ["input: Tensor", "other: Tensor"],
  (input: Tensor, other: Tensor): Tensor => present(input, other, element("maximum", input, other)),
);
/** The smaller value; of a NaN and a number, the number. */
export const fmin = named(
  "fmin",
  ["input: Tensor", "other: Tensor"],
  (input: Tensor, other: Tensor): Tensor => present(input, other, element("minimum", input, other)),
);

const present = (a: Tensor, b: Tensor, both: Tensor): Tensor =>
  isFloat(both.dtype) ? choose(element("isnan", a), b, choose(element("isnan", b), a, both)) : both;

/** 0 below zero, 1 above it, and `values` at it. */
export const heaviside = named("heaviside", ["input: Tensor", "values: Tensor"], (input: Tensor, values: Tensor): Tensor => {
  if (input.dtype !== values.dtype)
    throw new RuntimeError(`heaviside: input and values with different dtypes are not implemented, got ${input.dtype} and ${values.dtype}`);
  return choose(element("eq", input, 0), values, cast(element("gt", input, 0), input.dtype));
});

/** Whether a value is plus infinity. */
export const isposinf = named(
  "isposinf",
  ["input: Tensor"],
  (input: Tensor): Tensor => element("logical_and", element("isinf", input), element("gt", input, 0)),
);
/** Whether a value is minus infinity. */
export const isneginf = named(
  "isneginf",
  ["input: Tensor"],
  (input: Tensor): Tensor => element("logical_and", element("isinf", input), element("lt", input, 0)),
);

export interface IsCloseOptions {
  rtol?: number;
  atol?: number;
  equal_nan?: boolean;
}

/** Whether values differ by no more than atol + rtol · |other|. */
export const isclose = named(
  "isclose",
  ["input: Tensor", "other: Tensor", "..."],
  (input: Tensor, other: Tensor, ...args: Args<IsCloseOptions, ["rtol", "atol", "equal_nan"]>): Tensor => {
    const { rtol = 1e-5, atol = 1e-8, equal_nan = false } = keywords<IsCloseOptions>("isclose", ["rtol", "atol", "equal_nan"], args);
    if (input.dtype !== other.dtype) throw new RuntimeError(`isclose: ${input.dtype} did not match ${other.dtype}`);
    const [a, b] = [cast(input, "float32"), cast(other, "float32")];
    const distance = element("abs", element("sub", a, b));
    const near = element("le", distance, element("add", element("mul", element("abs", b), rtol), atol));
    const close = element("logical_or", element("eq", a, b), element("logical_and", near, element("isfinite", distance)));
    const nans = element("logical_and", element("isnan", a), element("isnan", b));
    return equal_nan ? element("logical_or", close, nans) : close;
  },
);

/** Whether all values are close, as `isclose` has it. A promise, as that has to be computed. */
export const allclose = named(
  "allclose",
  ["input: Tensor", "other: Tensor", "..."],
  (input: Tensor, other: Tensor, ...args: Args<IsCloseOptions, ["rtol", "atol", "equal_nan"]>): Promise<boolean> =>
    isTrue(all(isclose(input, other, ...args))),
);

/** Whether two tensors have one shape and the same values; NaN is like nothing. A promise, as that has to be computed. */
export const equal = named(
  "equal",
  ["input: Tensor", "other: Tensor"],
  (input: Tensor, other: Tensor): Promise<boolean> =>
    sameShape(input.shape, other.shape) ? isTrue(all(element("eq", input, other))) : Promise.resolve(false),
);

const isTrue = async (one: Tensor): Promise<boolean> => Boolean(await one.item());

/** `pow` in floating point, whatever the dtypes: in float32, as there is no float64. */
export const float_power = named("float_power", ["input", "exponent"], (input: Operand, exponent: Operand): Tensor => {
  const wide = (given: Operand): Operand => (given instanceof Tensor ? cast(given, "float32") : Number(given));
  return pow(wide(input), wide(exponent));
});

export interface NanToNumOptions {
  nan?: number | null;
  posinf?: number | null;
  neginf?: number | null;
}

const LARGEST = { float16: 65504, float32: 3.4028234663852886e38 } as const;

/** NaN and infinities replaced: by 0, and by the largest and smallest finite numbers where nothing else is said. */
export const nan_to_num = named(
  "nan_to_num",
  ["input: Tensor", "..."],
  (input: Tensor, ...args: Args<NanToNumOptions, ["nan", "posinf", "neginf"]>): Tensor => {
    const options = keywords<NanToNumOptions>("nan_to_num", ["nan", "posinf", "neginf"], args);
    if (!isFloat(input.dtype)) return copied(input);
    const largest = input.dtype === "float16" ? LARGEST.float16 : LARGEST.float32;
    const { nan, posinf, neginf } = options;
    const noNan = choose(element("isnan", input), nan ?? 0, input);
    const noPlus = choose(isposinf(input), posinf ?? largest, noNan);
    return choose(isneginf(input), neginf ?? -largest, noPlus);
  },
);
