/** Element-wise functions of one argument. A new one is a line here. */

import type { ElementOp } from "./element";
import { erf, erfc, erfinv, roundEven } from "./special";

/** A function of floats: integers and bools are converted to float32. */
const float = (wgsl: (a: string) => string, cpu: (a: number) => number): ElementOp => ({
  takes: "float",
  gives: "same",
  wgsl: (_, a) => wgsl(a),
  cpu,
});

/** A function of floats, for which others have to be converted. */
const floating = (wgsl: (a: string) => string, cpu: (a: number) => number): ElementOp => ({ ...float(wgsl, cpu), takes: "floating" });

/** A function that leaves integers as they are and rounds floats. */
const rounding = (wgsl: (a: string) => string, cpu: (a: number) => number): ElementOp => ({
  takes: "number",
  gives: "same",
  wgsl: (T, a) => (T === "F32" ? wgsl(a) : a),
  cpu,
});

/** A question about a float; integers give the same answer always. */
const question = (helper: string, integers: boolean, cpu: (a: number) => boolean): ElementOp => ({
  takes: "any",
  gives: "bool",
  wgsl: (T, a) => (T === "F32" ? helper.replaceAll("$", a) : `BOOL(${integers})`),
  bool: () => `BOOL(${integers})`,
  cpu: (a) => Number(cpu(a)),
});

export const UNARY = {
  neg: { takes: "number", gives: "same", wgsl: (T, a) => (T === "U32" ? `(~${a} + U32(1u))` : `(-${a})`), cpu: (a) => -a },
  abs: { takes: "number", gives: "same", wgsl: (_, a) => `abs(${a})`, cpu: Math.abs },
  sign: { takes: "any", gives: "same", wgsl: (T, a) => `(${T}(${a} > ${T}()) - ${T}(${a} < ${T}()))`, bool: (a) => a, cpu: (a) => Number(a > 0) - Number(a < 0) },
  square: { takes: "number", gives: "same", wgsl: (_, a) => `(${a} * ${a})`, cpu: (a) => a * a, cpuInt: (a) => Math.imul(a, a) },
  relu: { takes: "number", gives: "same", wgsl: (T, a) => `select(${a}, ${T}(0), ${a} < ${T}(0))`, cpu: (a) => (a < 0 ? 0 : a) },
  logical_not: { takes: "bool", gives: "bool", wgsl: (_, a) => a, bool: (a) => `!${a}`, cpu: (a) => Number(!a) },
  bitwise_not: { takes: "integral", gives: "same", wgsl: (_, a) => `(~${a})`, bool: (a) => `!${a}`, cpu: (a) => ~a, cpuBool: (a) => Number(!a) },

  floor: rounding((a) => `floor(${a})`, Math.floor),
  ceil: rounding((a) => `ceil(${a})`, Math.ceil),
  trunc: rounding((a) => `trunc(${a})`, Math.trunc),
  round: rounding((a) => `round(${a})`, roundEven),

  isnan: question("op_isnan($)", false, Number.isNaN),
  isinf: question("op_isinf($)", false, (a) => Math.abs(a) === Infinity),
  signbit: {
    takes: "any",
    gives: "bool",
    wgsl: (T, a) => (T === "U32" ? "BOOL(false)" : `((bitcast<U32>(${a}) >> U32(31u)) != U32(0u))`),
    bool: () => "BOOL(false)",
    cpu: (a) => Number(a < 0 || Object.is(a, -0)),
  },
  isfinite: question("!(op_isnan($) | op_isinf($))", true, Number.isFinite),

  exp: float((a) => `op_exp(${a})`, Math.exp),
  exp2: float((a) => `op_exp2(${a})`, (a) => 2 ** a),
  expm1: float((a) => `op_expm1(${a})`, Math.expm1),
  log: float((a) => `op_log(${a})`, Math.log),
  log2: float((a) => `op_log2(${a})`, Math.log2),
  log10: float((a) => `(op_log(${a}) * 0.4342944819032518)`, Math.log10),
  log1p: float((a) => `op_log1p(${a})`, Math.log1p),
  sqrt: float((a) => `sqrt(${a})`, Math.sqrt),
  rsqrt: float((a) => `inverseSqrt(${a})`, (a) => 1 / Math.sqrt(a)),
  reciprocal: float((a) => `(1.0 / ${a})`, (a) => 1 / a),
  sin: float((a) => `op_sine(${a}, 0)`, Math.sin),
  cos: float((a) => `op_sine(${a}, 1)`, Math.cos),
  tan: float((a) => `(op_sine(${a}, 0) / op_sine(${a}, 1))`, Math.tan),
  asin: float((a) => `op_asin(${a})`, Math.asin),
  acos: float((a) => `op_acos(${a})`, Math.acos),
  atan: float((a) => `op_atan(${a})`, Math.atan),
  sinh: float((a) => `op_sinh(${a})`, Math.sinh),
  cosh: float((a) => `op_cosh(${a})`, Math.cosh),
  tanh: float((a) => `op_tanh(${a})`, Math.tanh),
  asinh: float((a) => `op_asinh(${a})`, Math.asinh),
  acosh: float((a) => `op_acosh(${a})`, Math.acosh),
  atanh: float((a) => `(0.5 * op_log1p(2.0 * ${a} / (1.0 - ${a})))`, Math.atanh),
  erf: float((a) => `op_erf(${a})`, erf),
  erfc: float((a) => `op_erfc(${a})`, erfc),
  erfinv: float((a) => `op_erfinv(${a})`, erfinv),
  sigmoid: float((a) => `op_sigmoid(${a})`, (a) => 1 / (1 + Math.exp(-a))),
  frac: floating((a) => `(${a} - trunc(${a}))`, (a) => a - Math.trunc(a)),

  gelu: floating((a) => `op_gelu(${a})`, (a) => 0.5 * a * (1 + erf(a * Math.SQRT1_2))),
  gelu_tanh: floating((a) => `op_gelu_tanh(${a})`, (a) => 0.5 * a * (1 + Math.tanh(Math.sqrt(2 / Math.PI) * (a + 0.044715 * a ** 3)))),
  silu: floating((a) => `(${a} * op_sigmoid(${a}))`, (a) => a / (1 + Math.exp(-a))),
  softplus: floating((a) => `op_softplus(${a})`, (a) => (a > 20 ? a : Math.log1p(Math.exp(a)))),
} satisfies Record<string, ElementOp>;
