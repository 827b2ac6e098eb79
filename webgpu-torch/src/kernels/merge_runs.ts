/** Merges sorted runs two by two: each element finds its place by counting, with a binary search, those that precede it in the other run. */

import { keptOf } from "../ops/lists";
import { checkSizes, grid, type Kernel, uniforms, WORKGROUP_INDEX } from "./kernel";
import { orderWgsl, type WordDtype } from "./sort_parts";

export interface MergeRunsSpec {
  readonly rows: number;
  readonly width: number;
  readonly dtype: WordDtype;
  readonly descending: boolean;
  /** Positions in a row. */
  readonly count: number;
  /** Positions in a run; the last may be shorter. */
  readonly run: number;
  /** Positions kept of two runs. */
  readonly keep: number;
}

const INVOCATIONS = 64;

/** Inputs: x (rows, width), in words, and positions (rows, count) i32. Output: i32 (rows, keptOf(count, 2 run, keep)). */
export function mergeRuns({ rows, width, dtype, descending, count, run, keep }: MergeRunsSpec): Kernel {
  checkSizes("merge_runs", { rows, width, count, run, keep, elements: rows * count });
  return {
    name: `merge_runs(${dtype})`,
    wgsl: /* wgsl */ `
@group(0) @binding(0) var<storage, read> x: array<u32>;
@group(0) @binding(1) var<storage, read> positions: array<u32>;
@group(0) @binding(2) var<storage, read_write> y: array<u32>;
struct Sizes { rows: u32, width: u32, count: u32, run: u32, keep: u32, kept: u32 }
@group(0) @binding(3) var<uniform> sizes: Sizes;
${WORKGROUP_INDEX}
${orderWgsl(dtype, descending)}

fn element(row: u32, place: u32) -> vec2u {
  let position = positions[row * sizes.count + place];
  return vec2u(key(x[row * sizes.width + position]), position);
}

@compute @workgroup_size(${INVOCATIONS})
fn main(@builtin(local_invocation_index) invocation: u32, @builtin(workgroup_id) id: vec3u, @builtin(num_workgroups) count: vec3u) {
  let index = workgroup_index(id, count) * ${INVOCATIONS}u + invocation;
  let row = index / sizes.count;
  if (row >= sizes.rows) { return; }
  let place = index % sizes.count;
  let run = place / sizes.run;
  let own = element(row, place);
  let other = min((run ^ 1u) * sizes.run, sizes.count);
  let end = min(other + sizes.run, sizes.count);
  var low = other;
  var high = end;
  while (low < high) {
    let middle = (low + high) / 2u;
    if (precedes(element(row, middle), own)) { low = middle + 1u; } else { high = middle; }
  }
  let rank = place - run * sizes.run + low - other;
  if (rank < sizes.keep) { y[row * sizes.kept + run / 2u * sizes.keep + rank] = own.y; }
}
`,
    uniforms: uniforms(rows, width, count, run, keep, keptOf(count, 2 * run, keep)),
    workgroups: grid(Math.ceil((rows * count) / INVOCATIONS)),
  };
}
