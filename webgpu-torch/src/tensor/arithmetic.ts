/** Arithmetic that is more than one element-wise function: with factors, roundings and powers of its own. */

import { dtypeOfScalar, isFloat } from "../base/dtype";
import { NotImplementedError, RuntimeError } from "../base/errors";
import { cast, constant, copied, element, type Operand, promoted } from "./build";
import { keywords, named } from "./keywords";
import { Tensor } from "./tensor";

export interface AlphaOptions {
  /** A bool for bools only. */
  alpha?: number | boolean;
}

/** input + alpha * other */
export const add = named("add", ["input", "other", "..."], (input: Operand, other: Operand, options: AlphaOptions = {}): Tensor => {
  return joined("add", input, other, options);
});

/** input - alpha * other */
export const sub = named("sub", ["input", "other", "..."], (input: Operand, other: Operand, options: AlphaOptions = {}): Tensor => {
  if ([input, other].some((operand) => (operand instanceof Tensor ? operand.dtype === "bool" : typeof operand === "boolean")))
    throw new RuntimeError("sub: Subtraction, the `-` operator, with a bool tensor is not supported; use logical_not() or logical_xor() instead");
  return joined("sub", input, other, options);
});

/** input and alpha * other, added or subtracted. */
function joined(op: "add" | "sub", input: Operand, other: Operand, options: AlphaOptions): Tensor {
  const { alpha = 1 } = keywords<AlphaOptions>(op, [], [options], ["alpha"]);
  if (alpha === 1) return element(op, input, other);
  const dtype = promoted(op, [input, other]);
  if (typeof alpha === "boolean" && dtype !== "bool") throw new RuntimeError(`${op}: Boolean alpha only supported for Boolean results.`);
  if (!Number.isInteger(Number(alpha)) && !isFloat(dtype))
    throw new RuntimeError(`${op}: For integral input tensors, argument alpha must not be a floating point number, got ${alpha}`);
  if (other instanceof Tensor) {
    // In the result's dtype, as the other's own may not hold the product.
    const term = element("mul", cast(other, dtype), dtype === "bool" ? Boolean(alpha) : alpha);
    return element(op, input, term);
  }
  const product = Number(other) * Number(alpha);
  if (dtype === "bool") return element(op, input, product !== 0);
  // 2 * 2.5 is no integer, but would count as one.
  const becomesWhole = Number.isInteger(product) && !Number.isInteger(Number(other));
  return element(op, input, becomesWhole && input instanceof Tensor ? constant(product, [], "float32", input.backend) : product);
}

/** alpha * other - input, with other first. */
export const rsub = named(
  "rsub",
  ["input: Tensor", "other", "..."],
  (input: Tensor, other: Operand, options: AlphaOptions = {}): Tensor => sub(other, input, options),
);

export interface DivOptions {
  rounding_mode?: "trunc" | "floor" | null;
}

/** True division, or rounded towards zero or down. */
export const div = named("div", ["input", "other", "..."], (input: Operand, other: Operand, options: DivOptions = {}): Tensor => {
  const { rounding_mode = null } = keywords<DivOptions>("div", [], [options], ["rounding_mode"]);
  switch (rounding_mode) {
    case null:
      return element("div", input, other);
    case "trunc":
      return element("div_trunc", input, other);
    case "floor":
      return element("floor_divide", input, other);
    default:
      throw new RuntimeError(
        `div: expected rounding_mode to be one of null, 'trunc', or 'floor' but found '${String(rounding_mode satisfies never)}'`,
      );
  }
});

export { div as divide, div as true_divide, sub as subtract };

/** input to the power of exponent. Squares, roots and the like are computed as such. */
export const pow = named("pow", ["input", "exponent"], (input: Operand, exponent: Operand): Tensor => {
  // The one power of bools that there is.
  if (input instanceof Tensor && input.dtype === "bool" && typeof exponent === "boolean")
    return exponent ? copied(input) : element("logical_or", input, element("logical_not", input));
  if (!(input instanceof Tensor) || typeof exponent !== "number") return element("pow", input, exponent);
  // Numbers make integers of bools.
  if (input.dtype === "bool" && Number.isInteger(exponent)) return pow(cast(input, "int32"), exponent);
  if (exponent === 2) return element("square", input);
  if (!isFloat(input.dtype)) {
    if (exponent < 0 && dtypeOfScalar(exponent) === "int32") throw new RuntimeError("pow: Integers to negative integer powers are not allowed.");
    return element("pow", input, exponent);
  }
  if (exponent === 0.5) return element("sqrt", input);
  if (exponent === -0.5) return element("rsqrt", input);
  if (exponent === -1) return element("reciprocal", input);
  if (exponent === 3) return element("mul", element("square", input), input);
  return element("pow", input, exponent);
});

export interface RoundOptions {
  decimals?: number;
}

/** To the nearest integer, halves to the even one; or to a number of decimals. */
export const round = named("round", ["input: Tensor", "..."], (input: Tensor, options: RoundOptions = {}): Tensor => {
  const { decimals } = keywords<RoundOptions>("round", [], [options], ["decimals"]);
  if (decimals === undefined) return element("round", input);
  if (!isFloat(input.dtype)) throw new NotImplementedError(`round: not implemented for '${input.dtype}' with decimals`);
  if (decimals === 0) return element("round", input);
  const scale = 10 ** Math.abs(decimals);
  // In float32, as float16 has no room for what is scaled.
  const x = cast(input, "float32");
  const rounded = decimals > 0 ? div(element("round", element("mul", x, scale)), scale) : element("mul", element("round", div(x, scale)), scale);
  return cast(rounded, input.dtype);
});
