// @ts-check
/**
 * Float32 ↔ the narrower numbers that travel: 16-bit floats, and 8-bit integers with one scale a row.
 */

const largestFloat16 = 65504;
const smallestNormalFloat16 = 2 ** -14;
const subnormalStep = 2 ** -24;
const smallestNormalFloat32 = 2 ** -126;

/** @type {Float32Array | undefined} */
let float16Values;

/** @param {Uint16Array} bits @returns {Float32Array<ArrayBuffer>} */
export function fromFloat16(bits) {
  // Looked up, because Float16Array is missing from browsers that have WebGPU.
  float16Values ??= Float32Array.from({ length: 1 << 16 }, (_, pattern) => float16Value(pattern));
  const values = new Float32Array(bits.length);
  for (let i = 0; i < bits.length; i++) values[i] = float16Values[bits[i] ?? 0] ?? 0;
  return values;
}

/**
 * Rounds to nearest, ties to even. What is beyond the range is clamped, as wire.py does:
 * an infinity would turn the whole sequence into NaN.
 * @param {Float32Array} values
 */
export function toFloat16(values) {
  const bits = new Uint16Array(values.length);
  const float = new Float32Array(1);
  const pattern = new Uint32Array(float.buffer);
  for (let i = 0; i < values.length; i++) {
    const value = values[i] ?? 0;
    const magnitude = Math.min(Math.abs(value), largestFloat16);
    const sign = value < 0 || Object.is(value, -0) ? 0x8000 : 0;
    float[0] = magnitude;
    bits[i] = sign | (magnitude < smallestNormalFloat16
      ? roundHalfToEven(magnitude / subnormalStep)
      : normalFloat16(pattern[0] ?? 0));
  }
  return bits;
}

/**
 * @param {Int8Array} integers (rows, columns)
 * @param {Float32Array} scales (rows,)
 * @param {number} columns
 * @returns {Float32Array<ArrayBuffer>}
 */
export function fromInt8(integers, scales, columns) {
  const values = new Float32Array(integers.length);
  for (const [row, scale] of scales.entries()) {
    const end = (row + 1) * columns;
    for (let i = row * columns; i < end; i++) values[i] = (integers[i] ?? 0) * scale;
  }
  return values;
}

/** @param {Float32Array} values @param {number} rows @param {number} columns */
export function toInt8(values, rows, columns) {
  const integers = new Int8Array(values.length);
  const scales = new Float32Array(rows);
  for (let row = 0; row < rows; row++) {
    const from = row * columns;
    const rowValues = values.subarray(from, from + columns);
    const largest = rowValues.reduce((max, value) => Math.max(max, Math.abs(value)), 0);
    scales[row] = largest / 127;
    // A row of zeros must not be divided by zero.
    const scale = Math.max(scales[row] ?? 0, smallestNormalFloat32);
    for (let i = from; i < from + columns; i++) {
      integers[i] = roundHalfToEven(Math.fround((values[i] ?? 0) / scale));
    }
  }
  return { integers, scales };
}

/** @param {number} pattern sign, 5 bits of exponent, 10 of fraction */
function float16Value(pattern) {
  const sign = pattern & 0x8000 ? -1 : 1;
  const exponent = (pattern >> 10) & 0x1f;
  const fraction = pattern & 0x3ff;
  if (exponent === 0) return sign * fraction * subnormalStep;
  if (exponent === 0x1f) return fraction ? NaN : sign * Infinity;
  return sign * (1 + fraction / 1024) * 2 ** (exponent - 15);
}

/**
 * From the bits of a positive float32 in float16's normal range: 13 bits are rounded off.
 * @param {number} pattern
 */
function normalFloat16(pattern) {
  const rounded = pattern + 0xfff + ((pattern >> 13) & 1);
  return (rounded >> 13) - ((127 - 15) << 10);
}

/** @param {number} x */
function roundHalfToEven(x) {
  const floor = Math.floor(x);
  const rest = x - floor;
  if (rest !== 0.5) return rest < 0.5 ? floor : floor + 1;
  return floor % 2 === 0 ? floor : floor + 1;
}
