/** Tables and ragged rows: references of embedding, dequantisation and segment reductions. */

/** Columns of a quantised row that share a scale. */
export const QUANTIZED_GROUP = 32;

/** A block-quantised matrix as floats. `columns`, a multiple of the group, counts all rows': groups never cross from one to the next. */
export function dequantizeCpu(columns: number, bits: 8 | 4, q: ArrayLike<number>, scales: ArrayLike<number>): Float32Array {
  const nibble = (i: number) => ((q[i >>> 3] ?? 0) << (28 - 4 * (i & 7))) >> 28;
  const step = bits === 4 ? nibble : (i: number) => q[i] ?? 0;
  return Float32Array.from({ length: columns }, (_, i) => step(i) * (scales[Math.floor(i / QUANTIZED_GROUP)] ?? 0));
}

/** Rows of a weight by number; one out of range is NaN. */
export function embeddingCpu(
  { tokens, rows, width }: { tokens: number; rows: number; width: number },
  ids: ArrayLike<number>,
  weight: ArrayLike<number>,
): Float32Array {
  return Float32Array.from({ length: tokens * width }, (_, i) => {
    const row = ids[Math.floor(i / width)] ?? -1;
    return row >= 0 && row < rows ? (weight[row * width + (i % width)] ?? 0) : NaN;
  });
}

const SEGMENT = {
  sum: { start: 0, join: (a: number, b: number) => a + b },
  mean: { start: 0, join: (a: number, b: number) => a + b },
  max: { start: -Infinity, join: Math.max },
  min: { start: Infinity, join: Math.min },
} as const;

export type SegmentOp = keyof typeof SEGMENT;

/** Reduces runs of rows, as long as `lengths` says. Nothing has the sum 0, the mean NaN, and the maximum -infinity. */
export function segmentReduceCpu(
  { op, segments, width }: { op: SegmentOp; segments: number; width: number },
  x: ArrayLike<number>,
  lengths: ArrayLike<number>,
): Float32Array {
  const { start, join } = SEGMENT[op];
  const out = new Float32Array(segments * width);
  let row = 0;
  for (let s = 0; s < segments; s++) {
    const length = lengths[s] ?? 0;
    for (let c = 0; c < width; c++) {
      let state: number = start;
      for (let r = row; r < row + length; r++) state = join(state, x[r * width + c] ?? 0);
      out[s * width + c] = op === "mean" ? state / length : state;
    }
    row += length;
  }
  return out;
}
