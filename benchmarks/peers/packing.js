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
export function toQ8(values) {
  return quantized(values, 127, -127, 127);
}

/**
 * Steps of 4 bits, eight to a word, and their scales. The largest number of a group becomes -8; the server also tries scales a
 * little larger and smaller.
 * @param {Float32Array} values
 */
export function toQ4(values) {
  const { steps, scales } = quantized(values, -8, -8, 7);
  const words = new Uint32Array(values.length / 8);
  steps.forEach((step, i) => (words[i >> 3] = (words[i >> 3] ?? 0) | ((step & 15) << (4 * (i & 7)))));
  return { steps: words, scales };
}

/** @param {Float32Array} values @param {number} peakStep what a group's largest number becomes @param {number} least @param {number} most */
function quantized(values, peakStep, least, most) {
  const peaks = new Float32Array(values.length / group);
  values.forEach((value, i) => {
    const at = Math.floor(i / group);
    if (Math.abs(value) > Math.abs(peaks[at] ?? 0)) peaks[at] = value;
  });
  const scales = toFloat16(peaks.map((peak) => (peakStep > 0 ? Math.abs(peak) : peak) / peakStep));
  // Divided by the rounded scale, which is what a reader multiplies by.
  const divisors = fromFloat16(scales).map((scale) => scale || Infinity);
  const steps = new Int8Array(values.length);
  values.forEach((value, i) => {
    const step = Math.round(value / (divisors[Math.floor(i / group)] ?? 1));
    steps[i] = Math.min(Math.max(step, least), most);
  });
  return { steps, scales };
}
