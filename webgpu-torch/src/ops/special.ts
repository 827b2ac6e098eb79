/** Functions of one number that JavaScript's Math lacks, in double precision. */

/** The error function: a series near zero, a continued fraction of erfc far from it. */
export function erf(x: number): number {
  if (Number.isNaN(x)) return NaN;
  const a = Math.abs(x);
  return Math.sign(x) * (a < 2.5 ? erfSeries(a) : 1 - erfcFraction(a));
}

/** 1 - erf(x) without losing its small values. */
export function erfc(x: number): number {
  if (Number.isNaN(x)) return NaN;
  return x < 2.5 ? 1 - erf(x) : erfcFraction(x);
}

/** Abramowitz and Stegun 7.1.6. */
function erfSeries(x: number): number {
  let term = x;
  let sum = x;
  for (let n = 1; Math.abs(term) > 1e-17 * sum; n++) {
    term *= (2 * x * x) / (2 * n + 1);
    sum += term;
  }
  return (2 / Math.sqrt(Math.PI)) * Math.exp(-x * x) * sum;
}

/** Abramowitz and Stegun 7.1.14, from the inside out. */
function erfcFraction(x: number): number {
  let fraction = x;
  for (let n = 60; n > 0; n--) fraction = x + n / 2 / fraction;
  return Math.exp(-x * x) / Math.sqrt(Math.PI) / fraction;
}

/** The number whose erf is x: Giles' approximation (GPU Computing Gems, 2010), made exact by Newton's method. */
export function erfinv(x: number): number {
  if (Math.abs(x) >= 1 || Number.isNaN(x)) return Math.abs(x) === 1 ? x * Infinity : NaN;
  const w = -Math.log((1 - x) * (1 + x));
  let y = x * (w < 5 ? polynomial(w - 2.5, ERFINV_NEAR) : polynomial(Math.sqrt(w) - 3, ERFINV_FAR));
  for (let i = 0; i < 3; i++) {
    // Of erfc where erf is close to 1, so that the difference keeps its digits.
    const error = y > 0 ? 1 - x - erfc(y) : erfc(-y) - (1 + x);
    y += ((error * Math.sqrt(Math.PI)) / 2) * Math.exp(y * y);
  }
  return y;
}

export const ERFINV_NEAR = [
  2.81022636e-8, 3.43273939e-7, -3.5233877e-6, -4.39150654e-6, 0.00021858087, -0.00125372503, -0.00417768164, 0.246640727, 1.50140941,
];
export const ERFINV_FAR = [
  -0.000200214257, 0.000100950558, 0.00134934322, -0.00367342844, 0.00573950773, -0.0076224613, 0.00943887047, 1.00167406, 2.83297682,
];

const polynomial = (x: number, coefficients: readonly number[]): number => coefficients.reduce((sum, c) => sum * x + c, 0);

/** The nearest integer, halves to the even one. */
export function roundEven(x: number): number {
  const down = Math.floor(x);
  const rest = x - down;
  return rest > 0.5 || (rest === 0.5 && down % 2 !== 0) ? down + 1 : down;
}
