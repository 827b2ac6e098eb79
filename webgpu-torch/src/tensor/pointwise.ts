/** Element-wise functions. All broadcast and promote as PyTorch's do. */

import { isFloat } from "../base/dtype";
import { NotImplementedError, RuntimeError } from "../base/errors";
import type { BinaryName, UnaryName } from "../ops/table";
import { cast, choose, element, type Operand, promoted } from "./build";
import { type Args, keywords, named } from "./keywords";
import { Tensor } from "./tensor";

const unary = (name: UnaryName) => named(name, ["input: Tensor"], (input: Tensor): Tensor => element(name, input));
const binary = (name: BinaryName) =>
  named(name, ["input", "other"], (input: Operand, other: Operand): Tensor => element(name, input, other));

// One argument.
export const neg = unary("neg");
export const abs = unary("abs");
export const sign = unary("sign");
/** The product with itself; of bools as integers. */
export const square = named(
  "square",
  ["input: Tensor"],
  (input: Tensor): Tensor => element("square", input.dtype === "bool" ? cast(input, "int32") : input),
);
export const floor = unary("floor");
export const ceil = unary("ceil");
export const trunc = unary("trunc");
export const frac = unary("frac");
export const exp = unary("exp");
export const exp2 = unary("exp2");
export const expm1 = unary("expm1");
export const log = unary("log");
export const log2 = unary("log2");
export const log10 = unary("log10");
export const log1p = unary("log1p");
export const sqrt = unary("sqrt");
export const rsqrt = unary("rsqrt");
export const reciprocal = unary("reciprocal");
export const sin = unary("sin");
export const cos = unary("cos");
export const tan = unary("tan");
export const asin = unary("asin");
export const acos = unary("acos");
export const atan = unary("atan");
export const sinh = unary("sinh");
export const cosh = unary("cosh");
export const tanh = unary("tanh");
export const asinh = unary("asinh");
export const acosh = unary("acosh");
export const atanh = unary("atanh");
export const erf = unary("erf");
export const erfc = unary("erfc");
export const erfinv = unary("erfinv");
export const sigmoid = unary("sigmoid");
export const relu = unary("relu");
export const isnan = unary("isnan");
export const isinf = unary("isinf");
export const isfinite = unary("isfinite");
export const signbit = unary("signbit");
export const logical_not = unary("logical_not");
export const bitwise_not = unary("bitwise_not");
export { abs as absolute, neg as negative, trunc as fix, sign as sgn };
export { acos as arccos, acosh as arccosh, asin as arcsin, asinh as arcsinh, atan as arctan, atanh as arctanh };

// Two arguments; numbers stand for tensors of no dimensions.
export const mul = binary("mul");
export const floor_divide = binary("floor_divide");
export const remainder = binary("remainder");
export const fmod = binary("fmod");
export const maximum = binary("maximum");
export const minimum = binary("minimum");
export const atan2 = binary("atan2");
export const eq = binary("eq");
export const ne = binary("ne");
export const lt = binary("lt");
export const le = binary("le");
export const gt = binary("gt");
export const ge = binary("ge");
export const logical_and = binary("logical_and");
export const logical_or = binary("logical_or");
export const logical_xor = binary("logical_xor");
export const bitwise_and = binary("bitwise_and");
export const bitwise_or = binary("bitwise_or");
export const bitwise_xor = binary("bitwise_xor");
export const bitwise_left_shift = binary("bitwise_left_shift");
export const bitwise_right_shift = binary("bitwise_right_shift");
export { mul as multiply, atan2 as arctan2 };
export { ne as not_equal, lt as less, le as less_equal, gt as greater, ge as greater_equal };

export interface AlphaOptions {
  alpha?: number;
}

/** input + alpha * other */
export const add = named("add", ["input", "other", "..."], (input: Operand, other: Operand, options: AlphaOptions = {}): Tensor => {
  return element("add", input, scaled("add", input, other, options));
});

/** input - alpha * other */
export const sub = named("sub", ["input", "other", "..."], (input: Operand, other: Operand, options: AlphaOptions = {}): Tensor => {
  if (promoted("sub", [input, other]) === "bool")
    throw new RuntimeError("sub: Subtraction, the `-` operator, with two bool tensors is not supported; use logical_xor() instead");
  return element("sub", input, scaled("sub", input, other, options));
});

/** alpha * other, to be joined with `input`. */
function scaled(op: string, input: Operand, other: Operand, options: AlphaOptions): Operand {
  const { alpha = 1 } = keywords<AlphaOptions>(op, [], [options], ["alpha"]);
  if (alpha === 1) return other;
  if (!Number.isInteger(alpha) && !isFloat(promoted(op, [input, other])))
    throw new RuntimeError(`${op}: For integral input tensors, argument alpha must not be a floating point number, got ${alpha}`);
  return other instanceof Tensor ? element("mul", other, alpha) : Number(other) * alpha;
}

/** alpha * other - input, with other first. */
export const rsub = named(
  "rsub",
  ["input", "other", "..."],
  (input: Operand, other: Operand, options: AlphaOptions = {}): Tensor => sub(other, input, options),
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
    return exponent ? input : element("logical_or", input, element("logical_not", input));
  if (!(input instanceof Tensor) || typeof exponent !== "number") return element("pow", input, exponent);
  if (exponent === 2) return element("square", input);
  if (!isFloat(input.dtype)) {
    if (exponent < 0 && Number.isInteger(exponent)) throw new RuntimeError("pow: Integers to negative integer powers are not allowed.");
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
  const { decimals = 0 } = keywords<RoundOptions>("round", [], [options], ["decimals"]);
  if (decimals === 0) return element("round", input);
  const scale = 10 ** Math.abs(decimals);
  return decimals > 0 ? div(element("round", mul(input, scale)), scale) : mul(element("round", div(input, scale)), scale);
});

export interface ClampOptions {
  min?: Operand | null;
  max?: Operand | null;
}

/** Between min and max, of which one may be left out. */
export const clamp = named("clamp", ["input: Tensor", "..."], (input: Tensor, ...args: Args<ClampOptions, ["min", "max"]>): Tensor => {
  const { min = null, max = null } = keywords<ClampOptions>("clamp", ["min", "max"], args);
  if (min === null && max === null) throw new RuntimeError("clamp: At least one of 'min' or 'max' must not be None");
  const raised = min === null ? input : element("maximum", input, min);
  return max === null ? raised : element("minimum", raised, max);
});

export { clamp as clip };
export const clamp_min = named(
  "clamp_min",
  ["input: Tensor", "min"],
  (input: Tensor, min: Operand): Tensor => element("maximum", input, min),
);
export const clamp_max = named(
  "clamp_max",
  ["input: Tensor", "max"],
  (input: Tensor, max: Operand): Tensor => element("minimum", input, max),
);

/** input where the condition holds, other elsewhere. */
export const where = named(
  "where",
  ["condition: Tensor", "input", "other"],
  (condition: Tensor, input: Operand, other: Operand): Tensor => choose(condition, input, other),
);

/** value where the mask holds. The result keeps the input's dtype. */
export const masked_fill = named(
  "masked_fill",
  ["input: Tensor", "mask: Tensor", "value"],
  (input: Tensor, mask: Tensor, value: Operand): Tensor => {
    return cast(choose(mask, value, input), input.dtype);
  },
);

/** start + weight * (end - start), from the nearer of the two, so that a weight of 1 gives the end. */
export const lerp = named("lerp", ["input: Tensor", "end: Tensor", "weight"], (input: Tensor, end: Tensor, weight: Operand): Tensor => {
  const [other = input] = [end, weight].filter((x): x is Tensor => x instanceof Tensor && x.dtype !== input.dtype);
  if (other !== input)
    throw new RuntimeError(`lerp: expected dtype ${input.dtype} for \`end\` and \`weight\` but got dtype ${other.dtype}`);
  if (!isFloat(input.dtype)) throw new NotImplementedError(`lerp: not implemented for '${input.dtype}'`);
  const distance = sub(end, input);
  const fromStart = () => add(input, mul(weight, distance));
  const fromEnd = (rest: Operand) => sub(end, mul(distance, rest));
  if (!(weight instanceof Tensor)) return Math.abs(Number(weight)) < 0.5 ? fromStart() : fromEnd(1 - Number(weight));
  return choose(element("lt", element("abs", weight), 0.5), fromStart(), fromEnd(element("sub", 1, weight)));
});

export interface ValueOptions {
  value?: number;
}

const valueOf = (op: string, options: ValueOptions): number => keywords<ValueOptions>(op, [], [options], ["value"]).value ?? 1;

/** input + value * tensor1 * tensor2; among integers the value loses its fraction. */
export const addcmul = named(
  "addcmul",
  ["input: Tensor", "tensor1: Tensor", "tensor2: Tensor", "..."],
  (input: Tensor, tensor1: Tensor, tensor2: Tensor, options: ValueOptions = {}): Tensor => {
    const value = valueOf("addcmul", options);
    const dtype = promoted("addcmul", [input, tensor1, tensor2]);
    if (dtype === "bool") throw new NotImplementedError("addcmul: not implemented for 'bool'");
    return add(input, mul(tensor1, tensor2), { alpha: isFloat(dtype) ? value : Math.trunc(value) });
  },
);

/** input + value * tensor1 / tensor2 */
export const addcdiv = named(
  "addcdiv",
  ["input: Tensor", "tensor1: Tensor", "tensor2: Tensor", "..."],
  (input: Tensor, tensor1: Tensor, tensor2: Tensor, options: ValueOptions = {}): Tensor => {
    if (!isFloat(tensor1.dtype) && !isFloat(tensor2.dtype))
      throw new RuntimeError("addcdiv: Integer division with addcdiv is not supported; use div() with a rounding_mode, and add()");
    return add(input, div(tensor1, tensor2), { alpha: valueOf("addcdiv", options) });
  },
);
