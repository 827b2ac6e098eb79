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

/** What a group's largest number may become: of several the one that loses least. q4's range has one step more below zero. */
const peaks = { q8: [127], q4: [-7, -7.25, -7.5, -7.75, -8, -8.25, -8.5, -8.75, -9] };
const ranges = /** @type {const} */ ({ q8: [-127, 127], q4: [-8, 7] });

/**
 * A step for each number, and a float16 scale for each 32 of them.
 * @param {Float32Array} values @param {"q8" | "q4"} dtype
 */
export function quantized(values, dtype) {
  const largest = Float32Array.from({ length: values.length / group }, (_, at) => largestOf(values.subarray(at * group, (at + 1) * group)));
  const scales = new Uint16Array(largest.length);
  const steps = new Int8Array(values.length);
  const least = new Float64Array(largest.length).fill(Infinity);
  const some = new Int8Array(group);
  for (const peak of peaks[dtype]) {
    const tried = toFloat16(largest.map((value) => value / peak));
    // Divided by the rounded scale, which is what a reader multiplies by.
    for (const [at, scale] of fromFloat16(tried).entries()) {
      const lost = roundTo(some, values.subarray(at * group, (at + 1) * group), scale, ranges[dtype]);
      if (lost >= (least[at] ?? 0)) continue;
      least[at] = lost;
      scales[at] = tried[at] ?? 0;
      steps.set(some, at * group);
    }
  }
  return { steps, scales };
}

/** The number of largest size, with its sign. @param {Float32Array} values */
function largestOf(values) {
  let largest = 0;
  for (const value of values) if (Math.abs(value) > Math.abs(largest)) largest = value;
  return largest;
}

/** Fills `steps`, and tells the squared error. @param {Int8Array} steps @param {Float32Array} values @param {number} scale @param {readonly [number, number]} range */
function roundTo(steps, values, scale, [low, high]) {
  let lost = 0;
  for (let i = 0; i < values.length; i++) {
    const value = values[i] ?? 0;
    const step = scale === 0 ? 0 : Math.min(Math.max(Math.round(value / scale), low), high);
    steps[i] = step;
    lost += (step * scale - value) ** 2;
  }
  return lost;
}

/** Eight steps of 4 bits to a word, the first in the lowest bits. @param {Int8Array} steps */
export function nibbles(steps) {
  const words = new Uint32Array(steps.length / 8);
  for (let i = 0; i < steps.length; i++) words[i >> 3] = (words[i >> 3] ?? 0) | (((steps[i] ?? 0) & 15) << (4 * (i & 7)));
  return words;
}
