/** The helper behind sine and cosine, exact for angles of any size: the builtins may be off by 2^-11 and know no large ones. */

import { type Helper, helper } from "./helper";

/** 1 / (2 pi) after the binary point. */
const TURNS = [0x28be60db, 0x9391054a, 0x7f09d5f4, 0x7d4d3770, 0x36d8a566, 0x4f10e410, 0x7f9458ea] as const;

export const ANGLE_HELPERS: Readonly<Record<string, Helper>> = {
  // Cephes' polynomials on [-pi/4, pi/4].
  op_sine: helper(
    `
fn op_sine(x: F32, quarter: i32) -> F32 {
  // Cody and Waite's reduction: products with the leading digits of pi / 2 are exact while k is below 2^15.
  let k = round(x * 0.6366197723675814);
  var r = ((x - k * 1.5703125) - k * 4.837512969970703125e-4) - k * 7.549789948768648e-8;
  var quarters = I32(k);
  let large = abs(x) > F32(48000.0);
  if (any(large)) {
    let angle = op_large_angle(x);
    r = select(r, angle.rest, large);
    quarters = select(quarters, angle.quarters, large);
  }
  let s = r * r;
  let sine = r + r * s * (-1.6666654611e-1 + s * (8.3321608736e-3 - s * 1.9515295891e-4));
  let cosine = 1.0 - 0.5 * s + s * s * (4.166664568298827e-2 + s * (-1.388731625493765e-3 + s * 2.443315711809948e-5));
  let q = (quarters + I32(quarter)) & I32(3);
  let y = select(sine, cosine, (q & I32(1)) != I32(0));
  return select(select(y, -y, (q & I32(2)) != I32(0)), op_nan(), op_isinf(x) | op_isnan(x));
}`,
    "op_large_angle",
    "op_nan",
    "op_isinf",
    "op_isnan",
  ),

  // Payne and Hanek (1983): the mantissa times those 96 bits of 1 / (2 pi) that decide the fraction of a turn, of which 64 are kept.
  op_large_angle: helper(
    `
struct Angle { quarters: I32, rest: F32 }
fn op_turns(i: U32) -> U32 {
  return ${TURNS.slice(1).reduce((word, bits, i) => `select(${word}, U32(${bits}u), i == U32(${i + 1}u))`, `U32(${TURNS[0]}u)`)};
}
fn op_high_product(a: U32, b: U32) -> U32 {
  let low = (a & U32(0xffffu)) * (b & U32(0xffffu));
  let mid = (a >> U32(16u)) * (b & U32(0xffffu)) + (low >> U32(16u));
  let rest = (a & U32(0xffffu)) * (b >> U32(16u)) + (mid & U32(0xffffu));
  return (a >> U32(16u)) * (b >> U32(16u)) + (mid >> U32(16u)) + (rest >> U32(16u));
}
fn op_large_angle(x: F32) -> Angle {
  let bits = bitcast<U32>(x);
  let mantissa = (bits << U32(8u)) | U32(0x80000000u);
  let exponent = max((bits >> U32(23u)) & U32(0xffu), U32(126u)) - U32(126u);
  let i = exponent >> U32(5u);
  let e = exponent & U32(31u);
  let w0 = select(op_turns(i - U32(1u)), U32(0u), i == U32(0u));
  let w1 = op_turns(i);
  let w2 = op_turns(i + U32(1u));
  let w3 = op_turns(i + U32(2u));
  // Shifted by 31 - e and 1: a shift by 32 would be none.
  let whole = (w0 << e) | ((w1 >> U32(1u)) >> (U32(31u) - e));
  let high = (w1 << e) | ((w2 >> U32(1u)) >> (U32(31u) - e));
  let low = (w2 << e) | ((w3 >> U32(1u)) >> (U32(31u) - e));
  let carried = op_high_product(mantissa, low);
  let p0 = mantissa * high + carried;
  let p1 = op_high_product(mantissa, high) + select(U32(0u), U32(1u), p0 < carried) + mantissa * whole;
  // Two bits of quarters, and the rest: beyond a half it is what lacks to the next quarter.
  let beyond = (p1 & U32(0x20000000u)) != U32(0u);
  let quarters = I32(p1 >> U32(30u)) + select(I32(0), I32(1), beyond);
  let f1 = p1 & U32(0x3fffffffu);
  let m0 = select(p0, ~p0 + U32(1u), beyond);
  let m1 = select(f1, (U32(0x3fffffffu) - f1) + select(U32(0u), U32(1u), p0 == U32(0u)), beyond);
  let size = (F32(m1) * 4294967296.0 + F32(m0)) * 3.406121580086554e-19;
  let rest = select(size, -size, beyond);
  let negative = (bits >> U32(31u)) != U32(0u);
  return Angle(select(quarters, -quarters, negative), select(rest, -rest, negative));
}`,
  ),
};
