/** For each place of a row, which index names it: what turns scatter into a gather, with the same result every time. */

import { checkSizes, grid, type Kernel, uniforms, WORKGROUP_INDEX } from "./kernel";

export interface ScatterPlacesSpec {
  readonly rows: number;
  /** Places in a row. */
  readonly width: number;
  /** Indices in a row. */
  readonly count: number;
}

const INVOCATIONS = 64;

/** Inputs: index (rows, count) i32. Output: i32 (rows, width), the last index that names the place, or -1. A workgroup a row. */
export function scatterPlaces({ rows, width, count }: ScatterPlacesSpec): Kernel {
  checkSizes("scatter_places", { rows, width, count });
  return {
    name: "scatter_places",
    wgsl: /* wgsl */ `
@group(0) @binding(0) var<storage, read> indices: array<i32>;
@group(0) @binding(1) var<storage, read_write> places: array<atomic<i32>>;
struct Sizes { rows: u32, width: u32, count: u32 }
@group(0) @binding(2) var<uniform> sizes: Sizes;
${WORKGROUP_INDEX}
@compute @workgroup_size(${INVOCATIONS})
fn main(@builtin(local_invocation_index) invocation: u32, @builtin(workgroup_id) id: vec3u, @builtin(num_workgroups) groups: vec3u) {
  let row = workgroup_index(id, groups);
  let there = row < sizes.rows;
  for (var i = invocation; i < sizes.width && there; i += ${INVOCATIONS}u) { atomicStore(&places[row * sizes.width + i], -1); }
  storageBarrier();
  for (var i = invocation; i < sizes.count && there; i += ${INVOCATIONS}u) {
    // A kernel cannot throw: an index out of range names no place.
    let place = u32(indices[row * sizes.count + i]);
    if (place < sizes.width) { atomicMax(&places[row * sizes.width + place], i32(i)); }
  }
}
`,
    uniforms: uniforms(rows, width, count),
    workgroups: grid(rows),
  };
}
