/** Work along rows whose results depend on all elements before, or on their order: references of scans, sorting and scattering. */

import { makeValues, type Values } from "./values";
import type { DType } from "../base/dtype";

export type ScanOp = "sum" | "prod";

/** Sums or products of each row's elements up to each of them. */
export function scanCpu({ op, rows, width, dtype }: { op: ScanOp; rows: number; width: number; dtype: DType }, x: Values): Values {
  const out = makeValues(dtype, rows * width);
  for (let r = 0; r < rows; r++) {
    let state = op === "sum" ? 0 : 1;
    for (let i = r * width; i < (r + 1) * width; i++) {
      const value = x[i] ?? 0;
      state = op === "sum" ? state + value : dtype === "float32" ? state * value : Math.imul(state, value);
      out[i] = state;
    }
  }
  return out;
}

/** Elements that are sorted at once; longer rows are merged from runs of as many. */
export const RUN = 1024;

/** Runs of a row's elements, each sorted, of which the first `keep` are kept: positions in the row. */
export interface Runs {
  readonly rows: number;
  readonly width: number;
  readonly descending: boolean;
  readonly keep: number;
}

/** How many of `count` elements are left, when of every run the first `keep` are kept. */
export const keptOf = (count: number, run: number, keep: number): number =>
  Math.floor(count / run) * keep + Math.min(keep, count % run);

/** Which of two elements of a row comes first: NaN is the largest, and of equals the one that was before stays before. */
function order(x: Values, start: number, descending: boolean): (a: number, b: number) => number {
  const compare = (a: number, b: number) => (Number.isNaN(a) ? (Number.isNaN(b) ? 0 : 1) : Number.isNaN(b) ? -1 : a - b || 0);
  return (i, j) => {
    const [a, b] = [x[start + i] ?? 0, x[start + j] ?? 0];
    const sign = a === b ? 0 : Math.sign(compare(a, b)) * (descending ? -1 : 1);
    return sign || i - j;
  };
}

/** The reference of sorting runs of RUN elements. */
export function sortRunsCpu({ rows, width, descending, keep }: Runs, x: Values): Int32Array {
  const out = new Int32Array(rows * keptOf(width, RUN, keep));
  let written = 0;
  for (let r = 0; r < rows; r++) {
    for (let start = 0; start < width; start += RUN) {
      const run = Array.from({ length: Math.min(RUN, width - start) }, (_, i) => start + i);
      for (const position of run.sort(order(x, r * width, descending)).slice(0, keep)) out[written++] = position;
    }
  }
  return out;
}

/** The reference of merging runs of `run` positions, of `count` in a row, two by two. */
export function mergeRunsCpu({ rows, width, descending, keep, count, run }: Runs & { count: number; run: number }, x: Values, positions: Values): Int32Array {
  const out = new Int32Array(rows * keptOf(count, 2 * run, keep));
  let written = 0;
  for (let r = 0; r < rows; r++) {
    const row = Array.from(positions.subarray(r * count, (r + 1) * count));
    for (let start = 0; start < count; start += 2 * run) {
      const both = row.slice(start, start + 2 * run).sort(order(x, r * width, descending));
      for (const position of both.slice(0, keep)) out[written++] = position;
    }
  }
  return out;
}

/** The reference of joining what indices put in each place of a row. */
export function scatterJoinCpu(
  { op, dtype, rows, width, count }: { op: ScanOp; dtype: DType; rows: number; width: number; count: number },
  index: Values,
  values: Values,
): Values {
  const out = makeValues(dtype, rows * width).fill(op === "sum" ? 0 : 1);
  for (let r = 0; r < rows; r++) {
    for (let j = r * count; j < (r + 1) * count; j++) {
      const place = index[j] ?? -1;
      if (place < 0 || place >= width) continue;
      const [before, value] = [out[r * width + place] ?? 0, values[j] ?? 0];
      out[r * width + place] = op === "sum" ? before + value : dtype === "float32" ? before * value : Math.imul(before, value);
    }
  }
  return out;
}

/** For each place of a row the last of `count` indices that names it, or -1. */
export function scatterPlacesCpu({ rows, width, count }: { rows: number; width: number; count: number }, index: Values): Int32Array {
  const out = new Int32Array(rows * width).fill(-1);
  for (let r = 0; r < rows; r++) {
    for (let j = 0; j < count; j++) {
      const place = index[r * count + j] ?? -1;
      if (place >= 0 && place < width) out[r * width + place] = j;
    }
  }
  return out;
}
