/** Helpers that approximate functions, where WGSL has no builtin or its builtin is too coarse. */

import { type Helper, helper } from "./helper";
import { ERFINV_FAR, ERFINV_NEAR } from "./special";

/** Horner's scheme. */
const horner = (x: string, coefficients: readonly number[]): string =>
  coefficients.slice(1).reduce((sum, c) => `(${sum} * ${x} + F32(${c}))`, `F32(${coefficients[0] ?? 0})`);

export const MATH_HELPERS: Readonly<Record<string, Helper>> = {
  op_exp: helper("fn op_exp(x: F32) -> F32 { return select(exp(x), x, op_isnan(x)); }", "op_isnan"),

  op_exp2: helper("fn op_exp2(x: F32) -> F32 { return select(exp2(x), x, op_isnan(x)); }", "op_isnan"),

  op_log: logarithm("log"),

  op_log2: logarithm("log2"),

  // Eigen's rational approximation, a few ulp everywhere. The builtin may be off by 1e-5, and on some drivers overflows.
  op_tanh: helper(
    `
fn op_tanh(a: F32) -> F32 {
  let x = clamp(a, F32(-7.90531110763549805), F32(7.90531110763549805));
  let s = x * x;
  var p = F32(-2.76076847742355e-16);
  p = p * s + 2.00018790482477e-13;
  p = p * s - 8.60467152213735e-11;
  p = p * s + 5.12229709037114e-08;
  p = p * s + 1.48572235717979e-05;
  p = p * s + 6.37261928875436e-04;
  p = p * s + 4.89352455891786e-03;
  var q = F32(1.19825839466702e-06);
  q = q * s + 1.18534705686654e-04;
  q = q * s + 2.26843463243900e-03;
  q = q * s + 4.89352518554385e-03;
  return select(x * p / q, a, op_isnan(a));
}`,
    "op_isnan",
  ),

  // Eigen's rational approximation: within 4e-7 of erf, which is 1 in float32 from 4 on.
  op_erf: helper(
    `
fn op_erf(a: F32) -> F32 {
  let x = clamp(a, F32(-4.0), F32(4.0));
  let s = x * x;
  var p = F32(-2.72614225801306e-10);
  p = p * s + 2.77068142495902e-08;
  p = p * s - 2.10102402082508e-06;
  p = p * s - 5.69250639462346e-05;
  p = p * s - 7.34990630326855e-04;
  p = p * s - 2.95459980854025e-03;
  p = p * s - 1.60960333262415e-02;
  var q = F32(-1.45660718464996e-05);
  q = q * s - 2.13374055278905e-04;
  q = q * s - 1.68282697438203e-03;
  q = q * s - 7.37332916720468e-03;
  q = q * s - 1.42647390514189e-02;
  return select(x * p / q, a, op_isnan(a));
}`,
    "op_isnan",
  ),

  // Numerical Recipes' erfcc: a relative error of 1.2e-7 however small the result. 1 - erf would have none of its digits.
  op_erfc: helper(
    `
fn op_erfc(x: F32) -> F32 {
  let a = abs(x);
  let t = 1.0 / (1.0 + 0.5 * a);
  let p = ${horner("t", [0.17087277, -0.82215223, 1.48851587, -1.13520398, 0.27886807, -0.18628806, 0.09678418, 0.37409196, 1.00002368, -1.26551223])};
  let y = t * exp(p) * exp(-a * a);
  return select(select(y, 2.0 - y, x < F32(0.0)), x, op_isnan(x));
}`,
    "op_isnan",
  ),

  // Giles' single precision approximation, within a few ulp.
  op_erfinv: helper(
    `
fn op_erfinv(x: F32) -> F32 {
  let w = -op_log((1.0 - x) * (1.0 + x));
  let near = w - 2.5;
  let far = sqrt(max(w, F32(5.0))) - 3.0;
  let y = x * select(${horner("far", ERFINV_FAR)}, ${horner("near", ERFINV_NEAR)}, w < F32(5.0));
  return select(select(y, x * op_inf(), abs(x) == F32(1.0)), op_nan(), (abs(x) > F32(1.0)) | op_isnan(x));
}`,
    "op_log",
    "op_inf",
    "op_nan",
    "op_isnan",
  ),

  op_gelu: helper(
    `
fn op_gelu(x: F32) -> F32 { return 0.5 * x * (1.0 + op_erf(x * 0.7071067811865476)); }`,
    "op_erf",
  ),

  op_gelu_tanh: helper(
    `
fn op_gelu_tanh(x: F32) -> F32 { return 0.5 * x * (1.0 + op_tanh(0.7978845608028654 * (x + 0.044715 * x * x * x))); }`,
    "op_tanh",
  ),

  op_sigmoid: helper("fn op_sigmoid(x: F32) -> F32 { return 1.0 / (1.0 + op_exp(-x)); }", "op_exp"),

  op_softplus: helper(
    `
fn op_softplus(x: F32) -> F32 { return select(op_log1p(exp(min(x, F32(20.0)))), x, (x > F32(20.0)) | op_isnan(x)); }`,
    "op_log1p",
    "op_isnan",
  ),

  // 2 atanh(x / (2 + x)) near zero, where log(1 + x) has lost x.
  op_log1p: helper(
    `
fn op_log1p(x: F32) -> F32 {
  let s = x / (2.0 + x);
  let s2 = s * s;
  let near = 2.0 * s * (1.0 + s2 * (1.0 / 3.0 + s2 * (1.0 / 5.0 + s2 * (1.0 / 7.0 + s2 * (1.0 / 9.0 + s2 * (1.0 / 11.0 + s2 / 13.0))))));
  return select(op_log(1.0 + x), near, abs(x) < F32(0.5));
}`,
    "op_log",
  ),

  // Far out they are half of exp(x), which is infinite before its half is: the product begins with the half, of its square root.
  op_sinh: helper(
    `
fn op_sinh(x: F32) -> F32 {
  let root = op_exp(0.5 * abs(x));
  let far = 0.5 * root * root;
  return select(0.5 * (op_expm1(x) - op_expm1(-x)), select(far, -far, x < F32(0.0)), abs(x) > F32(20.0));
}`,
    "op_exp",
    "op_expm1",
  ),

  op_cosh: helper(
    `
fn op_cosh(x: F32) -> F32 {
  let root = op_exp(0.5 * abs(x));
  return 0.5 * root * root + 0.5 / root / root;
}`,
    "op_exp",
  ),

  op_acosh: helper(
    `
fn op_acosh(x: F32) -> F32 {
  let y = select(op_log(x + sqrt((x - 1.0) * (x + 1.0))), op_log(x) + 0.6931471805599453, x > F32(1e8));
  return select(y, op_nan(), x < F32(1.0));
}`,
    "op_log",
    "op_nan",
  ),

  op_asinh: helper(
    `
fn op_asinh(x: F32) -> F32 {
  let a = abs(x);
  let y = select(op_log1p(a + a * a / (1.0 + sqrt(a * a + 1.0))), op_log(a) + 0.6931471805599453, a > F32(1e8));
  return select(y, -y, x < F32(0.0));
}`,
    "op_log1p",
    "op_log",
  ),

  op_expm1: helper(
    `
fn op_expm1(x: F32) -> F32 {
  var p = F32(1.0);
  for (var n = 9; n > 1; n--) { p = 1.0 + p * x / f32(n); }
  return select(op_exp(x) - 1.0, x * p, abs(x) < F32(0.5));
}`,
    "op_exp",
  ),

  op_atan: helper(`
fn op_atan(x: F32) -> F32 {
  let a = abs(x);
  let big = a > F32(2.414213562373095);
  let mid = a > F32(0.4142135623730950);
  let t = select(select(a, (a - 1.0) / (a + 1.0), mid), -1.0 / a, big);
  let base = select(select(F32(0.0), F32(0.7853981633974483), mid), F32(1.5707963267948966), big);
  let z = t * t;
  let y = base + t + t * z * (((8.05374449538e-2 * z - 1.38776856032e-1) * z + 1.99777106478e-1) * z - 3.33329491539e-1);
  return select(y, -y, x < F32(0.0));
}`),

  op_atan2: helper(
    `
fn op_atan2(y: F32, x: F32) -> F32 {
  let a = abs(y);
  let b = abs(x);
  let upright = (b == F32(0.0)) & (a > F32(0.0));
  let beside = select(op_atan(a / select(b, F32(1.0), b == F32(0.0))), F32(1.5707963267948966), upright);
  let near = select(beside, F32(0.7853981633974483), op_isinf(a) & op_isinf(b));
  // Zeros have signs too.
  let angle = select(near, 3.141592653589793 - near, (bitcast<U32>(x) >> U32(31u)) != U32(0u));
  let signed = select(angle, -angle, (bitcast<U32>(y) >> U32(31u)) != U32(0u));
  return select(select(signed, x, op_isnan(x)), y, op_isnan(y));
}`,
    "op_atan",
    "op_isinf",
    "op_isnan",
  ),

  op_asin: helper(
    `
fn op_asin(x: F32) -> F32 { return select(op_atan2(x, sqrt((1.0 - x) * (1.0 + x))), op_nan(), abs(x) > F32(1.0)); }`,
    "op_atan2",
    "op_nan",
  ),

  op_acos: helper(
    `
fn op_acos(x: F32) -> F32 { return select(op_atan2(sqrt((1.0 - x) * (1.0 + x)), x), op_nan(), abs(x) > F32(1.0)); }`,
    "op_atan2",
    "op_nan",
  ),

  // The builtin knows no negative base.
  op_pow: helper(
    `
fn op_pow(a: F32, b: F32) -> F32 {
  let size = pow(abs(a), b);
  let whole = floor(b) == b;
  let odd = b - 2.0 * floor(b * 0.5) == F32(1.0);
  let signed = select(select(op_nan(), size, whole | op_isinf(a)), -size, whole & odd);
  let y = select(size, signed, a < F32(0.0));
  let size_of_zero = select(F32(0.0), op_inf(), b < F32(0.0));
  let zero = select(size_of_zero, -size_of_zero, (bitcast<U32>(a) >> U32(31u) == U32(1u)) & whole & odd);
  let known = select(select(select(y, zero, a == F32(0.0)), a, op_isnan(a)), b, op_isnan(b));
  return select(known, F32(1.0), (b == F32(0.0)) | (a == F32(1.0)) | ((a == F32(-1.0)) & op_isinf(b)));
}`,
    "op_nan",
    "op_inf",
    "op_isinf",
    "op_isnan",
  ),
};

/** A logarithm that is minus infinity at zero and NaN below. */
function logarithm(name: "log" | "log2"): Helper {
  const wgsl = `fn op_${name}(x: F32) -> F32 { return select(select(${name}(x), -op_inf(), x == F32(0.0)), op_nan(), (x < F32(0.0)) | op_isnan(x)); }`;
  return helper(wgsl, "op_inf", "op_nan", "op_isnan");
}
