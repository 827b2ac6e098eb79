// @ts-check
/** Compares vectors: with each other, and with what the server alone computed. */

/**
 * @typedef {import("../model_info.js").WeightDtype} Dtype
 *
 * @typedef {object} Comparison
 * @property {number} maxDifference largest absolute difference of a component, on unit vectors
 * @property {number} minCosine
 * @property {number} tolerance
 * @property {boolean} within
 * @property {string} verdict
 */

/**
 * How far unit vectors may lie apart. f32: the order of summation differs between GPU and server;
 * f16, q8 and q4: the weights or the hidden state were rounded.
 * @type {Readonly<Record<Dtype, number>>}
 */
export const tolerances = { f32: 2e-5, f16: 1e-3, q8: 0.02, q4: 0.15 };

/**
 * @param {readonly Float32Array[]} ours
 * @param {readonly Float32Array[]} theirs
 * @param {readonly Dtype[]} dtypes that took part; the coarsest sets the tolerance
 * @returns {Comparison}
 */
export function compare(ours, theirs, dtypes) {
  let maxDifference = 0;
  let minCosine = 1;
  for (const [row, vector] of ours.entries()) {
    const a = unit(vector);
    const b = unit(theirs[row] ?? new Float32Array());
    // A NaN must not pass as "no difference", hence Math.max rather than >.
    for (const [i, value] of a.entries()) {
      maxDifference = Math.max(maxDifference, Math.abs(value - (b[i] ?? NaN)));
    }
    minCosine = Math.min(minCosine, dot(a, b));
  }
  const tolerance = Math.max(...dtypes.map((dtype) => tolerances[dtype]));
  const within = maxDifference <= tolerance;
  // Four bits keep the direction and not much more: nobody should take that for the same.
  const agreed = dtypes.includes("q4") ? "Similar vectors" : "The same vectors";
  return { maxDifference, minCosine, tolerance, within, verdict: within ? agreed : "Not the same vectors" };
}

/** Cosine of every pair. @param {readonly Float32Array[]} vectors @returns {number[][]} */
export function similarities(vectors) {
  const units = vectors.map(unit);
  return units.map((a) => units.map((b) => dot(a, b)));
}

/** @param {Float32Array} vector */
function unit(vector) {
  const length = Math.sqrt(dot(vector, vector)) || 1;
  return Float64Array.from(vector, (value) => value / length);
}

/** @param {ArrayLike<number>} a @param {ArrayLike<number>} b */
function dot(a, b) {
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += (a[i] ?? 0) * (b[i] ?? 0);
  return sum;
}
