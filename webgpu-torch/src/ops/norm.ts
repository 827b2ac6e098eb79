/** Norms and softmax over rows: their references. */

interface NormSizes {
  readonly kind: "layer" | "rms";
  readonly rows: number;
  readonly width: number;
  readonly eps: number;
}

/** Layer norm or RMS norm of each row. */
export function normCpu(
  { kind, rows, width, eps }: NormSizes,
  x: ArrayLike<number>,
  weight: ArrayLike<number> | null,
  bias: ArrayLike<number> | null,
): Float32Array {
  const y = new Float32Array(rows * width);
  for (let r = 0; r < rows; r++) {
    const row = Array.from({ length: width }, (_, i) => x[r * width + i] ?? 0);
    const mean = kind === "layer" ? row.reduce((sum, v) => sum + v, 0) / width : 0;
    const variance = row.reduce((sum, v) => sum + (v - mean) ** 2, 0) / width;
    const scale = 1 / Math.sqrt(variance + eps);
    row.forEach((v, i) => (y[r * width + i] = (v - mean) * scale * (weight?.[i] ?? 1) + (bias?.[i] ?? 0)));
  }
  return y;
}

/** Softmax, or its logarithm, of each row. */
export function softmaxCpu({ rows, width, log }: { rows: number; width: number; log: boolean }, x: ArrayLike<number>): Float32Array {
  const y = new Float32Array(rows * width);
  for (let r = 0; r < rows; r++) {
    const row = Array.from({ length: width }, (_, i) => x[r * width + i] ?? 0);
    const max = row.reduce((a, b) => Math.max(a, b), -Infinity);
    const sum = row.reduce((total, v) => total + Math.exp(v - max), 0);
    row.forEach((v, i) => (y[r * width + i] = log ? v - max - Math.log(sum) : Math.exp(v - max) / sum));
  }
  return y;
}
