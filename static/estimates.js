// @ts-check
/** Learns from measurements in use how long something takes, as a + b × units: the mirror of estimates.py. */

/**
 * @typedef {object} Affine milliseconds
 * @property {number} perRequest
 * @property {number} perUnit a unit is a token or a byte
 *
 * @typedef {object} Estimate what measurements so far say; seen() gives the next one
 * @property {Affine} guess
 * @property {number} weight of all measurements, the last one's being 1
 * @property {number} u weighted means, as in estimates.py
 * @property {number} y
 * @property {number} uu
 * @property {number} uy
 * @property {number} surprises in a row: counted up for too slow, down for too fast
 */

/** A measurement counts 7% less with each one that comes after it. */
const keep = 0.93;
/** How far off a measurement is believed; beyond that it is an outlier, unless it lasts. */
const surprise = 1.5;
const surprisesThatAreAChange = 3;
/** Holds the ratio of a to b where measurements of one size say nothing about it. */
const ridge = 0.005;
const shortestMs = 1e-6;

/** @param {Affine} guess @returns {Estimate} */
export function estimate(guess) {
  return { guess, weight: 0, u: 0, y: 1, uu: 0, uy: 0, surprises: 0 };
}

/**
 * With one more measurement.
 * @param {Estimate} before @param {number} units @param {number} ms
 * @returns {Estimate}
 */
export function seen(before, units, ms) {
  const { guess } = before;
  const expected = Math.max(msOf(affine(before), units), shortestMs);
  let taken = Math.max(ms, shortestMs);
  let surprises = 0;
  const ratio = taken / expected;
  if (before.weight > 0 && (ratio > surprise || ratio < 1 / surprise)) {
    const isSlower = ratio > 1;
    surprises = isSlower ? Math.max(before.surprises, 0) + 1 : Math.min(before.surprises, 0) - 1;
    if (Math.abs(surprises) === surprisesThatAreAChange) return seen(estimate(guess), units, taken);
    taken = isSlower ? expected * surprise : expected / surprise;
  }
  const p = msOf(guess, units);
  const [u, y] = [guess.perRequest / p, taken / p];
  const weight = keep * before.weight + 1;
  const step = 1 / weight;
  return {
    guess,
    weight,
    u: before.u + step * (u - before.u),
    y: before.y + step * (y - before.y),
    uu: before.uu + step * (u * u - before.uu),
    uy: before.uy + step * (u * y - before.uy),
    surprises,
  };
}

/** Least squares through the measurements, with no part below 0. @param {Estimate} estimate @returns {Affine} */
export function affine({ guess, u, y, uu, uy }) {
  const variance = Math.max(uu - u * u, 0);
  let tilt = (uy - u * y) / (variance + ridge);
  if (u < 1) tilt = Math.max(tilt, -y / (1 - u));
  if (u > 0) tilt = Math.min(tilt, y / u);
  const perUnit = y - tilt * u;
  return {
    perRequest: Math.max(perUnit + tilt, 0) * guess.perRequest,
    perUnit: Math.max(perUnit, 0) * guess.perUnit,
  };
}

/**
 * The same where the part for each unit is known from elsewhere, so that it need not be told from
 * measurements of one size.
 * @param {Estimate} estimate @param {number} perUnit @returns {Affine}
 */
export function affineWith({ guess, weight, u, uu, uy }, perUnit) {
  if (weight === 0) return { perRequest: guess.perRequest, perUnit };
  const y = perUnit / guess.perUnit;
  return { perRequest: Math.max((uy - y * (u - uu)) / uu, 0) * guess.perRequest, perUnit };
}

/** @param {Affine} affine @param {number} units */
function msOf({ perRequest, perUnit }, units) {
  return perRequest + perUnit * units;
}
