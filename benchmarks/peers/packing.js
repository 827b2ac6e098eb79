// @ts-check
/** Float32 matrices in the layouts of layer files, which the server's quantize.py writes: here for weights that come as they are in a checkpoint. */

import { fromFloat16, toFloat16 } from "../../static/narrow.js";

const group = 32;

/** @param {Float32Array} values (rows, columns) @param {number} rows @param {number} columns @returns {Float32Array<ArrayBuffer>} (columns, rows) */
export function transposed(values, rows, columns) {
  const result = new Float32Array(values.length);
  for (let row = 0; row < rows; row++) {
    for (let column = 0; column < columns; column++) result[column * rows + row] = values[row * columns + column] ?? 0;
  }
  return result;
}

/** int8 steps, and one float16 scale for each 32 of them. @param {Float32Array} values */
export function quantized(values) {
  const peaks = new Float32Array(values.length / group);
  for (let i = 0; i < values.length; i++) {
    const at = Math.floor(i / group);
    peaks[at] = Math.max(peaks[at] ?? 0, Math.abs(values[i] ?? 0));
  }
  const scales = toFloat16(peaks.map((peak) => peak / 127));
  // Divided by the rounded scale, which is what a reader multiplies by.
  const divisors = fromFloat16(scales).map((scale) => scale || Infinity);
  const steps = new Int8Array(values.length);
  for (let i = 0; i < values.length; i++) {
    const step = Math.round((values[i] ?? 0) / (divisors[Math.floor(i / group)] ?? 1));
    steps[i] = Math.min(Math.max(step, -127), 127);
  }
  return { steps, scales };
}
