/** Sums or products of what indices put in each place of a row, in the order of the indices, so that the result is the same every time. */

import type { Caps } from "./caps";
import { checkSizes, grid, type Kernel, uniforms, WORKGROUP_INDEX } from "./kernel";

export interface ScatterJoinSpec {
  readonly op: "sum" | "prod";
  readonly dtype: "float32" | "int32" | "uint32";
  readonly rows: number;
  /** Places in a row. */
  readonly width: number;
  /** Indices in a row, and values. */
  readonly count: number;
}

const LANES = 64;
const SERIAL_WORKGROUP = 16;

/** Inputs: index (rows, count) i32, values (rows, count). Output: (rows, width), 0 or 1 in places that no index names. */
export function scatterJoin({ op, dtype, rows, width, count }: ScatterJoinSpec, caps: Caps): Kernel {
  checkSizes("scatter_join", { rows, width, count });
  const T = { float32: "f32", int32: "i32", uint32: "u32" }[dtype];
  const head = /* wgsl */ `
@group(0) @binding(0) var<storage, read> indices: array<i32>;
@group(0) @binding(1) var<storage, read> values: array<${T}>;
@group(0) @binding(2) var<storage, read_write> y: array<${T}>;
struct Sizes { rows: u32, width: u32, count: u32 }
@group(0) @binding(3) var<uniform> sizes: Sizes;
${WORKGROUP_INDEX}
const NOTHING = ${T}(${op === "sum" ? 0 : 1});
fn join(a: ${T}, b: ${T}) -> ${T} { return a ${op === "sum" ? "+" : "*"} b; }
`;
  return {
    name: `scatter_${op}_${T}`,
    wgsl: head + (caps.software ? SERIAL : tiled(T)),
    uniforms: uniforms(rows, width, count),
    workgroups: grid(caps.software ? Math.ceil(rows / SERIAL_WORKGROUP) : rows),
  };
}

/** An invocation a row. A kernel cannot throw: an index out of range names no place. */
const SERIAL = /* wgsl */ `
@compute @workgroup_size(${SERIAL_WORKGROUP})
fn main(@builtin(local_invocation_index) invocation: u32, @builtin(workgroup_id) id: vec3u, @builtin(num_workgroups) groups: vec3u) {
  let row = workgroup_index(id, groups) * ${SERIAL_WORKGROUP}u + invocation;
  if (row >= sizes.rows) { return; }
  let start = row * sizes.width;
  for (var i = 0u; i < sizes.width; i++) { y[start + i] = NOTHING; }
  for (var i = row * sizes.count; i < (row + 1) * sizes.count; i++) {
    let place = u32(indices[i]);
    if (place < sizes.width) { y[start + place] = join(y[start + place], values[i]); }
  }
}
`;

/** A workgroup a row, whose lanes each go through all indices and join those of their own places: nobody else writes there. */
const tiled = (T: string): string => /* wgsl */ `
var<workgroup> tile_places: array<u32, ${LANES}>;
var<workgroup> tile_values: array<${T}, ${LANES}>;

@compute @workgroup_size(${LANES})
fn main(@builtin(local_invocation_index) lane: u32, @builtin(workgroup_id) id: vec3u, @builtin(num_workgroups) groups: vec3u) {
  let row = workgroup_index(id, groups);
  if (row >= sizes.rows) { return; }
  let start = row * sizes.width;
  for (var i = lane; i < sizes.width; i += ${LANES}u) { y[start + i] = NOTHING; }
  for (var base = 0u; base < sizes.count; base += ${LANES}u) {
    let mine = row * sizes.count + min(base + lane, sizes.count - 1);
    tile_places[lane] = u32(indices[mine]);
    tile_values[lane] = values[mine];
    workgroupBarrier();
    for (var i = 0u; i < min(${LANES}u, sizes.count - base); i++) {
      let place = tile_places[i];
      if (place % ${LANES}u == lane && place < sizes.width) { y[start + place] = join(y[start + place], tile_values[i]); }
    }
    workgroupBarrier();
  }
}
`;
