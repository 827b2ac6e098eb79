/** Helpers whose results are exact: tests of bits, float16, comparisons that know NaN, integers. */

import { type Helper, helper } from "./helper";

export const EXACT_HELPERS: Readonly<Record<string, Helper>> = {
  op_isnan: helper(`
fn op_isnan(x: F32) -> BOOL { return (bitcast<U32>(x) & U32(0x7fffffffu)) > U32(0x7f800000u); }`),

  op_isinf: helper(`
fn op_isinf(x: F32) -> BOOL { return (bitcast<U32>(x) & U32(0x7fffffffu)) == U32(0x7f800000u); }`),

  op_nan: helper(`
fn op_nan() -> F32 { var bits = U32(0x7fc00000u); return bitcast<F32>(bits); }`),

  op_inf: helper(`
fn op_inf() -> F32 { var bits = U32(0x7f800000u); return bitcast<F32>(bits); }`),

  // The nearest float16. The builtins may round towards zero, and leave open what becomes of values out of range.
  op_to_half: helper(
    `
fn op_to_half(x: F32) -> F32 {
  let bits = bitcast<U32>(x);
  let near = bitcast<F32>((bits + U32(0xfffu) + ((bits >> U32(13u)) & U32(1u))) & U32(0xffffe000u));
  // Below 2^-14 all steps are 2^-24.
  let small = round(x * 16777216.0) / 16777216.0;
  let finite = select(near, small, abs(x) < F32(0.00006103515625));
  return select(select(finite, sign(x) * op_inf(), abs(x) >= F32(65520.0)), x, op_isnan(x));
}`,
    "op_inf",
    "op_isnan",
  ),

  op_max: helper(
    `
fn op_max(a: F32, b: F32) -> F32 { return select(select(max(a, b), b, op_isnan(b)), a, op_isnan(a)); }`,
    "op_isnan",
  ),

  op_min: helper(
    `
fn op_min(a: F32, b: F32) -> F32 { return select(select(min(a, b), b, op_isnan(b)), a, op_isnan(a)); }`,
    "op_isnan",
  ),

  op_ipow_I32: helper(`
fn op_ipow_I32(a: I32, b: I32) -> I32 {
  var y = I32(1); var base = a; var left = max(b, I32(0));
  for (var bit = 0; bit < 32; bit++) {
    y = select(y, y * base, (left & I32(1)) != I32(0));
    base = base * base; left = left >> U32(1u);
  }
  return select(y, select(I32(0), select(I32(1), a, (b & I32(1)) != I32(0)), abs(a) == I32(1)), b < I32(0));
}`),

  op_ipow_U32: helper(`
fn op_ipow_U32(a: U32, b: U32) -> U32 {
  var y = U32(1u); var base = a; var left = b;
  for (var bit = 0; bit < 32; bit++) {
    y = select(y, y * base, (left & U32(1u)) != U32(0u));
    base = base * base; left = left >> U32(1u);
  }
  return y;
}`),

  // The quotient may round up to the next integer, as of 1 and 0.1: what is left of the dividend tells, where fma rounds once. By an
  // infinite divisor all is left.
  op_floor_divide_F32: helper(
    `
fn op_floor_divide_F32(a: F32, b: F32) -> F32 {
  let q = floor(a / b);
  let rest = select(fma(-q, b, a), a, op_isinf(b));
  let down = select(q, q - 1.0, (rest != F32(0.0)) & ((rest < F32(0.0)) != (b < F32(0.0))));
  return select(select(down, q, b == F32(0.0)), op_nan(), op_isinf(a) & (b != F32(0.0)));
}`,
    "op_isinf",
    "op_nan",
  ),

  op_floor_divide_I32: helper(`
fn op_floor_divide_I32(a: I32, b: I32) -> I32 {
  let q = a / b;
  return select(q, q - 1, (a % b != I32(0)) & ((a < I32(0)) != (b < I32(0))));
}`),

  op_remainder_F32: remainder("F32"),

  op_remainder_I32: remainder("I32"),
};

/** The remainder that takes the divisor's sign, as Python's. */
function remainder(T: "F32" | "I32"): Helper {
  return helper(`
fn op_remainder_${T}(a: ${T}, b: ${T}) -> ${T} {
  let r = a % b;
  return select(r, r + b, (r != ${T}(0)) & ((r < ${T}(0)) != (b < ${T}(0))));
}`);
}
