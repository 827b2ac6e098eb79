/** Sorts runs of rows in workgroup memory, and gives the positions of the elements in order. */

import { keptOf, RUN } from "../ops/lists";
import { checkSizes, grid, type Kernel, uniforms, WORKGROUP_INDEX } from "./kernel";
import { orderWgsl, type WordDtype } from "./sort_parts";

export interface SortRunsSpec {
  readonly rows: number;
  readonly width: number;
  readonly dtype: WordDtype;
  readonly descending: boolean;
  /** Elements kept of each run. */
  readonly keep: number;
}

const INVOCATIONS = 256;

/**
 * Inputs: x (rows, width), in words. Output: i32 (rows, keptOf(width, RUN, keep)).
 * A bitonic sort (Batcher 1968) of runs of RUN elements; shorter rows are padded to a power of two, and share a workgroup.
 */
export function sortRuns({ rows, width, dtype, descending, keep }: SortRunsSpec): Kernel {
  checkSizes("sort_runs", { rows, width, keep });
  const runs = Math.ceil(width / RUN);
  const size = runs > 1 ? RUN : 2 ** Math.ceil(Math.log2(width));
  checkSizes("sort_runs", { padded: rows * runs * size });
  return {
    name: `sort_runs(${dtype})`,
    wgsl: /* wgsl */ `
@group(0) @binding(0) var<storage, read> x: array<u32>;
@group(0) @binding(1) var<storage, read_write> y: array<u32>;
struct Sizes { rows: u32, width: u32, size: u32, runs: u32, keep: u32, kept: u32 }
@group(0) @binding(2) var<uniform> sizes: Sizes;
var<workgroup> elements: array<vec2u, ${RUN}>;
${WORKGROUP_INDEX}
${orderWgsl(dtype, descending)}

@compute @workgroup_size(${INVOCATIONS})
fn main(@builtin(local_invocation_index) invocation: u32, @builtin(workgroup_id) id: vec3u, @builtin(num_workgroups) count: vec3u) {
  let first = workgroup_index(id, count) * ${RUN}u;
  for (var i = invocation; i < ${RUN}u; i += ${INVOCATIONS}u) {
    let run = (first + i) / sizes.size;
    let row = run / sizes.runs;
    let column = run % sizes.runs * sizes.size + i % sizes.size;
    var element = vec2u(0xffffffffu);
    if (row < sizes.rows && column < sizes.width) { element = vec2u(key(x[row * sizes.width + column]), column); }
    elements[i] = element;
  }
  workgroupBarrier();
  for (var block = 2u; block <= sizes.size; block *= 2u) {
    for (var step = block / 2u; step > 0u; step /= 2u) {
      for (var pair = invocation; pair < ${RUN / 2}u; pair += ${INVOCATIONS}u) {
        let i = pair / step * step * 2u + pair % step;
        let a = elements[i];
        let b = elements[i + step];
        // Blocks run up and down in turns, the last one, which is the whole run, up.
        if (precedes(b, a) == (((i % sizes.size) & block) == 0u)) { elements[i] = b; elements[i + step] = a; }
      }
      workgroupBarrier();
    }
  }
  for (var i = invocation; i < ${RUN}u; i += ${INVOCATIONS}u) {
    let run = (first + i) / sizes.size;
    let row = run / sizes.runs;
    let start = run % sizes.runs * sizes.size;
    let place = i % sizes.size;
    if (row < sizes.rows && place < min(sizes.keep, sizes.width - start)) {
      y[row * sizes.kept + run % sizes.runs * sizes.keep + place] = elements[i].y;
    }
  }
}
`,
    uniforms: uniforms(rows, width, size, runs, keep, keptOf(width, RUN, keep)),
    workgroups: grid(Math.ceil((rows * runs * size) / RUN)),
  };
}
