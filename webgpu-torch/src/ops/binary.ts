/** Element-wise functions of two arguments, which are promoted to one dtype before. A new one is a line here. */

import type { ElementOp } from "./element";

type Arithmetic = Pick<ElementOp, "bool" | "cpuInt">;

/** Arithmetic in the arguments' own dtype. */
const number = (wgsl: ElementOp["wgsl"], cpu: (a: number, b: number) => number, more: Arithmetic = {}): ElementOp => ({
  takes: more.bool ? "any" : "number",
  gives: "same",
  wgsl,
  cpu,
  ...more,
});

const float = (wgsl: (a: string, b: string) => string, cpu: (a: number, b: number) => number): ElementOp => ({
  takes: "float",
  gives: "same",
  wgsl: (_, a, b) => wgsl(a, b),
  cpu,
});

const compare = (operator: string, cpu: (a: number, b: number) => boolean, bool: (a: string, b: string) => string): ElementOp => ({
  takes: "any",
  gives: "bool",
  wgsl: (_, a, b) => `(${a} ${operator} ${b})`,
  bool,
  cpu: (a, b) => Number(cpu(a, b)),
});

const logical = (bool: (a: string, b: string) => string, cpu: (a: boolean, b: boolean) => boolean): ElementOp => ({
  takes: "bool",
  gives: "bool",
  wgsl: (_, a) => a,
  bool,
  cpu: (a, b) => Number(cpu(a !== 0, b !== 0)),
});

const bits = (operator: string, cpu: (a: number, b: number) => number): ElementOp => ({
  takes: "integral",
  gives: "same",
  wgsl: (_, a, b) => `(${a} ${operator} ${b})`,
  bool: operator === "^" ? (a, b) => `(${a} != ${b})` : (a, b) => `(${a} ${operator} ${b})`,
  cpu,
});

/** By 32 bits or more, or by less than none, nothing is left but the sign, and that of a shift to the right. WGSL's shift by b modulo 32. */
const shift = (operator: "<<" | ">>", cpu: (a: number, b: number) => number): ElementOp => ({
  takes: "integral",
  gives: "same",
  wgsl: (T, a, b) =>
    operator === ">>" && T === "I32"
      ? `(${a} >> min(U32(${b}), U32(31u)))`
      : `select(${a} ${operator} U32(${b}), ${T}(0), U32(${b}) > U32(31u))`,
  cpu,
});

/** From the remainder, which is exact where the quotient is not: 1 // 0.1 is 9. */
const divideDown = (a: number, b: number): number => {
  if (b === 0) return a / b;
  const rest = a % b;
  const whole = Math.round((a - rest) / b);
  return rest !== 0 && rest < 0 !== b < 0 ? whole - 1 : whole;
};
const remainder = (a: number, b: number): number => {
  const r = a % b;
  return r !== 0 && r < 0 !== b < 0 ? r + b : r;
};
const larger = (a: number, b: number): number => (Number.isNaN(a) || a > b ? a : b);
const smaller = (a: number, b: number): number => (Number.isNaN(a) || a < b ? a : b);

/** JavaScript's own has no value for infinite powers of 1 and -1. */
const power = (a: number, b: number): number => (a === 1 || (a === -1 && Math.abs(b) === Infinity) ? 1 : a ** b);

export const BINARY = {
  add: number((_, a, b) => `(${a} + ${b})`, (a, b) => a + b, { bool: (a, b) => `(${a} | ${b})` }),
  sub: number((_, a, b) => `(${a} - ${b})`, (a, b) => a - b),
  mul: number((_, a, b) => `(${a} * ${b})`, (a, b) => a * b, { bool: (a, b) => `(${a} & ${b})`, cpuInt: Math.imul }),
  div: float((a, b) => `(${a} / ${b})`, (a, b) => a / b),
  div_trunc: number((T, a, b) => (T === "F32" ? `trunc(${a} / ${b})` : `(${a} / ${b})`), (a, b) => Math.trunc(a / b)),
  floor_divide: number(
    (T, a, b) => (T === "U32" ? `(${a} / ${b})` : `op_floor_divide_${T}(${a}, ${b})`),
    divideDown,
  ),
  remainder: number((T, a, b) => (T === "U32" ? `(${a} % ${b})` : `op_remainder_${T}(${a}, ${b})`), remainder),
  fmod: number((T, a, b) => (T === "F32" ? `op_fmod(${a}, ${b})` : `(${a} % ${b})`), (a, b) => a % b),
  pow: number((T, a, b) => (T === "F32" ? `op_pow(${a}, ${b})` : `op_ipow_${T}(${a}, ${b})`), power, { cpuInt: integerPower }),
  maximum: number((T, a, b) => (T === "F32" ? `op_max(${a}, ${b})` : `max(${a}, ${b})`), larger, { bool: (a, b) => `(${a} | ${b})` }),
  minimum: number((T, a, b) => (T === "F32" ? `op_min(${a}, ${b})` : `min(${a}, ${b})`), smaller, { bool: (a, b) => `(${a} & ${b})` }),
  atan2: float((a, b) => `op_atan2(${a}, ${b})`, Math.atan2),

  eq: compare("==", (a, b) => a === b, (a, b) => `(${a} == ${b})`),
  // Not "!=", which GPUs take to be false where either is NaN.
  ne: { ...compare("==", (a, b) => a !== b, (a, b) => `(${a} != ${b})`), wgsl: (_, a, b) => `!(${a} == ${b})` },
  lt: compare("<", (a, b) => a < b, (a, b) => `(!${a} & ${b})`),
  le: compare("<=", (a, b) => a <= b, (a, b) => `(!${a} | ${b})`),
  gt: compare(">", (a, b) => a > b, (a, b) => `(${a} & !${b})`),
  ge: compare(">=", (a, b) => a >= b, (a, b) => `(${a} | !${b})`),

  logical_and: logical((a, b) => `(${a} & ${b})`, (a, b) => a && b),
  logical_or: logical((a, b) => `(${a} | ${b})`, (a, b) => a || b),
  logical_xor: logical((a, b) => `(${a} != ${b})`, (a, b) => a !== b),
  bitwise_and: bits("&", (a, b) => a & b),
  bitwise_or: bits("|", (a, b) => a | b),
  bitwise_xor: bits("^", (a, b) => a ^ b),
  bitwise_left_shift: shift("<<", (a, b) => (b >>> 0 > 31 ? 0 : a << b)),
  bitwise_right_shift: shift(">>", (a, b) => (a < 0 ? a >> Math.min(b >>> 0, 31) : b >>> 0 > 31 ? 0 : a >>> b)),
} satisfies Record<string, ElementOp>;

/** Integer powers wrap as products of 32 bits do; a negative exponent leaves only 1 and -1 standing. */
function integerPower(base: number, exponent: number): number {
  if (exponent < 0) return Math.abs(base) === 1 ? base ** (Math.abs(exponent) % 2) : 0;
  let result = 1;
  for (let left = exponent, square = base; left > 0; left = Math.floor(left / 2), square = Math.imul(square, square)) {
    if (left % 2) result = Math.imul(result, square);
  }
  return result;
}
