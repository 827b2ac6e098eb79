/** Matrix products: the shapes they take and give, and their references. */

import { RuntimeError, showShape } from "../base/errors";
import { broadcastShapes, type Shape } from "../base/shape";

/** The output of `linear`: x (…, K) and w (N, K) give (…, N). */
export function linearShape(x: Shape, w: Shape): Shape {
  if (w.length !== 2 || x.length === 0 || x.at(-1) !== w[1]) {
    throw new RuntimeError(
      `linear: mat1 and mat2 shapes cannot be multiplied: input ${showShape(x)} and weight ${showShape(w)}, expected (…, in) and (out, in)`,
    );
  }
  return [...x.slice(0, -1), w[0] ?? 0];
}

/** The output of a batched product of (…, M, K) and (…, K, N). */
export function matmulShape(op: string, a: Shape, b: Shape): Shape {
  if (a.length < 2 || b.length < 2 || a.at(-1) !== b.at(-2)) {
    throw new RuntimeError(`${op}: mat1 and mat2 shapes cannot be multiplied: ${showShape(a)} and ${showShape(b)}`);
  }
  return [...broadcastShapes(op, a.slice(0, -2), b.slice(0, -2)), a.at(-2) ?? 0, b.at(-1) ?? 0];
}

/** The reference of `linear`: x (M, K), w (N, K). */
export function linearCpu(M: number, N: number, K: number, x: ArrayLike<number>, w: ArrayLike<number>): Float32Array {
  const y = new Float32Array(M * N);
  for (let m = 0; m < M; m++) {
    for (let n = 0; n < N; n++) {
      let sum = 0;
      for (let k = 0; k < K; k++) sum += (x[m * K + k] ?? 0) * (w[n * K + k] ?? 0);
      y[m * N + n] = sum;
    }
  }
  return y;
}

/** Where a matrix of a batch lies, in elements. */
interface Layout {
  readonly offset: number;
  readonly batch: readonly number[];
  readonly row: number;
  readonly column: number;
}

interface Sizes {
  readonly batch: Shape;
  readonly M: number;
  readonly N: number;
  readonly K: number;
  readonly a: Layout;
  readonly b: Layout;
}

/** The reference of a batched product. */
export function matmulCpu({ batch, M, N, K, a, b }: Sizes, x: ArrayLike<number>, y: ArrayLike<number>): Float32Array {
  const matrices = batch.reduce((n, size) => n * size, 1);
  const out = new Float32Array(matrices * M * N);
  for (let i = 0; i < matrices; i++) {
    const from = startOf(i, batch, a);
    const to = startOf(i, batch, b);
    for (let m = 0; m < M; m++) {
      for (let n = 0; n < N; n++) {
        let sum = 0;
        for (let k = 0; k < K; k++) sum += (x[from + m * a.row + k * a.column] ?? 0) * (y[to + k * b.row + n * b.column] ?? 0);
        out[(i * M + m) * N + n] = sum;
      }
    }
  }
  return out;
}

/** The first element of a batch's matrix number `i`. */
function startOf(i: number, batch: Shape, layout: Layout): number {
  let start = layout.offset;
  let rest = i;
  for (let d = batch.length - 1; d >= 0; d--) {
    const size = batch[d] ?? 1;
    start += (rest % size) * (layout.batch[d] ?? 0);
    rest = Math.floor(rest / size);
  }
  return start;
}
