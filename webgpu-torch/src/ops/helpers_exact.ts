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

  // From what is left, which is exact: the quotient may round up to the next integer, as that of 1 and 0.1.
  op_floor_divide_F32: helper(
    `
fn op_floor_divide_F32(a: F32, b: F32) -> F32 {
  let rest = op_fmod(a, b);
  let q = round((a - rest) / b);
  let down = select(q, q - 1.0, (rest != F32(0.0)) & ((rest < F32(0.0)) != (b < F32(0.0))));
  return select(down, a / b, b == F32(0.0));
}`,
    "op_fmod",
  ),

  op_floor_divide_I32: helper(`
fn op_floor_divide_I32(a: I32, b: I32) -> I32 {
  let q = a / b;
  return select(q, q - 1, (a % b != I32(0)) & ((a < I32(0)) != (b < I32(0))));
}`),

  // By whole numbers: what the builtin leaves is off by the divisor where the quotient was rounded, as that of 1 and 0.1. The dividend's
  // powers of two above the divisor's are taken in eight at a time, so that 32 bits hold what is left.
  op_fmod: helper(
    `
fn op_fmod(a: F32, b: F32) -> F32 {
  let a_bits = bitcast<U32>(a) & U32(0x7fffffffu);
  let b_bits = bitcast<U32>(b) & U32(0x7fffffffu);
  let b_power = max(b_bits >> U32(23u), U32(1u));
  let divisor = (b_bits & U32(0x7fffffu)) | select(U32(0u), U32(0x800000u), b_bits >= U32(0x800000u));
  var rest = (a_bits & U32(0x7fffffu)) | select(U32(0u), U32(0x800000u), a_bits >= U32(0x800000u));
  var powers = I32(max(a_bits >> U32(23u), U32(1u))) - I32(b_power);
  let is_smaller = powers < I32(0);
  rest = rest % divisor;
  for (var n = 0; n < 32; n++) {
    if (all(powers <= I32(0))) { break; }
    let taken = clamp(powers, I32(0), I32(8));
    rest = (rest << U32(taken)) % divisor;
    powers = powers - taken;
  }
  let size = F32(rest) * 0x1p-23 * bitcast<F32>(b_power << U32(23u));
  let signed = bitcast<F32>(bitcast<U32>(size) | (bitcast<U32>(a) & U32(0x80000000u)));
  let y = select(signed, a, is_smaller);
  return select(select(y, op_nan(), op_isinf(a) | (b == F32(0.0)) | op_isnan(b)), a, op_isnan(a));
}`,
    "op_isinf",
    "op_isnan",
    "op_nan",
  ),

  op_remainder_F32: remainder("F32", "op_fmod(a, b)", "op_fmod"),

  op_remainder_I32: remainder("I32", "a % b"),
};

/** The remainder that takes the divisor's sign, as Python's. */
function remainder(T: "F32" | "I32", rest: string, ...needs: readonly string[]): Helper {
  return helper(
    `
fn op_remainder_${T}(a: ${T}, b: ${T}) -> ${T} {
  let r = ${rest};
  return select(r, r + b, (r != ${T}(0)) & ((r < ${T}(0)) != (b < ${T}(0))));
}`,
    ...needs,
  );
}
