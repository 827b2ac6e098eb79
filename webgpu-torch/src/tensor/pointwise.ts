/** Element-wise functions. All broadcast and promote as PyTorch's do. */

import { asElement, type DType, isFloat } from "../base/dtype";
import { NotImplementedError, RuntimeError } from "../base/errors";
import type { BinaryName, UnaryName } from "../ops/table";
import { add, div, sub } from "./arithmetic";
import { cast, choose, element, type Operand, promoted } from "./build";
import { type Args, keywords, named } from "./keywords";
import { nonzero } from "./nonzero";
import { Tensor } from "./tensor";

const unary = (name: UnaryName) => named(name, ["input: Tensor"], (input: Tensor): Tensor => element(name, input));
const binary = (name: BinaryName) =>
  named(name, ["input", "other"], (input: Operand, other: Operand): Tensor => element(name, input, other));
/** Where PyTorch takes no number for the first. */
const binaryOfTensor = (name: BinaryName) =>
  named(name, ["input: Tensor", "other"], (input: Tensor, other: Operand): Tensor => element(name, input, other));
/** Where it takes none at all. */
const binaryOfTensors = (name: BinaryName) =>
  named(name, ["input: Tensor", "other: Tensor"], (input: Tensor, other: Tensor): Tensor => element(name, input, other));
/** Of bits: whole numbers stand for the lowest 32 of theirs, so that 0xffffffff is all that int32 has, too. */
const bitwise = (name: BinaryName) => {
  const word = (operand: Operand): Operand => (typeof operand === "number" && Number.isInteger(operand) ? operand | 0 : operand);
  return named(name, ["input", "other"], (input: Operand, other: Operand): Tensor => element(name, word(input), word(other)));
};

// One argument.
export const neg = unary("neg");
/** The tensor itself. */
export const positive = named("positive", ["input: Tensor"], (input: Tensor): Tensor => {
  if (input.dtype === "bool") throw new RuntimeError("positive: The `+` operator, on a bool tensor is not supported.");
  return input;
});
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
export const fmod = binaryOfTensor("fmod");
export const maximum = binaryOfTensors("maximum");
export const minimum = binaryOfTensors("minimum");
export const atan2 = binaryOfTensors("atan2");
export const eq = binaryOfTensor("eq");
export const ne = binaryOfTensor("ne");
export const lt = binaryOfTensor("lt");
export const le = binaryOfTensor("le");
export const gt = binaryOfTensor("gt");
export const ge = binaryOfTensor("ge");
export const logical_and = binaryOfTensors("logical_and");
export const logical_or = binaryOfTensors("logical_or");
export const logical_xor = binaryOfTensors("logical_xor");
export const bitwise_and = bitwise("bitwise_and");
export const bitwise_or = bitwise("bitwise_or");
export const bitwise_xor = bitwise("bitwise_xor");
export const bitwise_left_shift = bitwise("bitwise_left_shift");
export const bitwise_right_shift = bitwise("bitwise_right_shift");
export { mul as multiply, atan2 as arctan2 };
export { ne as not_equal, lt as less, le as less_equal, gt as greater, ge as greater_equal };

export interface ClampOptions {
  min?: Operand | null;
  max?: Operand | null;
}

/** Between min and max, of which one may be left out. */
export const clamp = named("clamp", ["input: Tensor", "..."], (input: Tensor, ...args: Args<ClampOptions, ["min", "max"]>): Tensor => {
  const { min = null, max = null } = keywords<ClampOptions>("clamp", ["min", "max"], args);
  if (min === null && max === null) throw new RuntimeError("clamp: At least one of 'min' or 'max' must not be None");
  if (min !== null && max !== null && min instanceof Tensor !== max instanceof Tensor)
    throw new TypeError("clamp(): arguments 'min' and 'max' must be two Tensors or two numbers");
  const raised = min === null ? input : bounded("maximum", input, min);
  return max === null ? raised : bounded("minimum", raised, max);
});

/** The larger or smaller of elements and a bound that their dtype has to hold. */
function bounded(name: "maximum" | "minimum", input: Tensor, bound: Operand): Tensor {
  if (typeof bound === "number") asElement("clamp", bound, promoted("clamp", [input, bound]));
  return element(name, input, bound);
}

export { clamp as clip };
export const clamp_min = named(
  "clamp_min",
  ["input: Tensor", "min"],
  (input: Tensor, min: Operand): Tensor => bounded("maximum", input, min),
);
export const clamp_max = named(
  "clamp_max",
  ["input: Tensor", "max"],
  (input: Tensor, max: Operand): Tensor => bounded("minimum", input, max),
);

/** The forms of `torch.where(…)`. */
export interface WhereFunction {
  (condition: Tensor, input: Operand, other: Operand | { other: Operand }): Tensor;
  (condition: Tensor, named: { input: Operand; other: Operand }): Tensor;
  (named: { condition: Tensor; input: Operand; other: Operand }): Tensor;
  (condition: Tensor | { condition: Tensor }): Promise<Tensor[]>;
}

/** input where the condition holds, other elsewhere; of a condition alone the places where it is not zero, as `nonzero` with as_tuple. */
export const where = named("where", ["condition: Tensor", "..."], (condition: Tensor, ...args: readonly unknown[]) => {
  const { input, other } = keywords<{ input?: Operand; other?: Operand }>("where", ["input", "other"], args);
  if (input === undefined && other === undefined) return nonzero(condition, { as_tuple: true });
  const missing = input === undefined ? "input" : "other";
  if (input === undefined || other === undefined)
    throw new TypeError(`where() missing 1 required positional argument: "${missing}"`);
  return choose(condition, input, other);
}) as WhereFunction;

/** value where the mask holds. The result keeps the input's dtype. */
export const masked_fill = named(
  "masked_fill",
  ["input: Tensor", "mask: Tensor", "value"],
  (input: Tensor, mask: Tensor, value: Operand): Tensor => {
    if (value instanceof Tensor && value.ndim > 0)
      throw new RuntimeError(`masked_fill: only supports a 0-dimensional value tensor, but got tensor with ${value.ndim} dimension(s)`);
    const filling = value instanceof Tensor ? cast(value, input.dtype) : asElement("masked_fill", Number(value), input.dtype);
    return cast(choose(mask, filling, input), input.dtype);
  },
);

/** start + weight * (end - start), from the nearer of the two, so that a weight of 1 gives the end. */
export const lerp = named("lerp", ["input: Tensor", "end: Tensor", "weight"], (input: Tensor, end: Tensor, weight: Operand): Tensor => {
  const [other = input] = [end, weight].filter((x): x is Tensor => x instanceof Tensor && x.dtype !== input.dtype);
  if (other !== input)
    throw new RuntimeError(`lerp: expected dtype ${input.dtype} for \`end\` and \`weight\` but got dtype ${other.dtype}`);
  if (!(weight instanceof Tensor) && typeof weight !== "number")
    throw new TypeError(`lerp(): argument 'weight' (position 3) must be Tensor or number, not ${typeof weight}`);
  if (!isFloat(input.dtype)) throw new NotImplementedError(`lerp: not implemented for '${input.dtype}'`);
  // In float32, as the distance may be beyond float16.
  const [start, stop] = [cast(input, "float32"), cast(end, "float32")];
  const distance = sub(stop, start);
  const fromStart = (share: Operand) => add(start, mul(share, distance));
  const fromEnd = (rest: Operand) => sub(stop, mul(distance, rest));
  if (typeof weight === "number") return cast(Math.abs(weight) < 0.5 ? fromStart(weight) : fromEnd(1 - weight), input.dtype);
  const share = cast(weight, "float32");
  return cast(choose(element("lt", element("abs", share), 0.5), fromStart(share), fromEnd(element("sub", 1, share))), input.dtype);
});

export interface ValueOptions {
  value?: number;
}

const valueOf = (op: string, options: ValueOptions): number => keywords<ValueOptions>(op, [], [options], ["value"]).value ?? 1;

/** Tensors in the dtype of a result; float32 for float16, which may not hold what they are on the way. */
function widened(tensors: readonly [Tensor, Tensor, Tensor], dtype: DType): readonly [Tensor, Tensor, Tensor] {
  const wide = (tensor: Tensor) => cast(cast(tensor, dtype), dtype === "float16" ? "float32" : dtype);
  return [wide(tensors[0]), wide(tensors[1]), wide(tensors[2])];
}

/** input + value * tensor1 * tensor2; among integers the value loses its fraction. */
export const addcmul = named(
  "addcmul",
  ["input: Tensor", "tensor1: Tensor", "tensor2: Tensor", "..."],
  (input: Tensor, tensor1: Tensor, tensor2: Tensor, options: ValueOptions = {}): Tensor => {
    const value = valueOf("addcmul", options);
    const dtype = promoted("addcmul", [input, tensor1, tensor2]);
    if (dtype === "bool") throw new NotImplementedError("addcmul: not implemented for 'bool'");
    const [x, a, b] = widened([input, tensor1, tensor2], dtype);
    return cast(add(x, mul(a, b), { alpha: isFloat(dtype) ? value : Math.trunc(value) }), dtype);
  },
);

/** input + value * tensor1 / tensor2 */
export const addcdiv = named(
  "addcdiv",
  ["input: Tensor", "tensor1: Tensor", "tensor2: Tensor", "..."],
  (input: Tensor, tensor1: Tensor, tensor2: Tensor, options: ValueOptions = {}): Tensor => {
    if (!isFloat(tensor1.dtype) && !isFloat(tensor2.dtype))
      throw new RuntimeError("addcdiv: Integer division with addcdiv is not supported; use div() with a rounding_mode, and add()");
    const dtype = promoted("addcdiv", [input, tensor1, tensor2]);
    const [x, a, b] = widened([input, tensor1, tensor2], dtype);
    return cast(add(x, div(a, b), { alpha: valueOf("addcdiv", options) }), dtype);
  },
);
