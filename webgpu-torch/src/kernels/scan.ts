/** Running sums and products over rows. */

import type { Caps } from "./caps";
import { checkSizes, grid, type Kernel, uniforms, WORKGROUP_INDEX } from "./kernel";

export interface ScanSpec {
  readonly op: "sum" | "prod";
  readonly rows: number;
  readonly width: number;
  readonly dtype: "float32" | "int32" | "uint32";
}

const LANES = 64;
/** Neighbouring elements that a lane adds up by itself. */
const EACH = 8;
const TILE = LANES * EACH;
const SERIAL_WORKGROUP = 64;

/** Inputs: x (rows, width). Output: the same shape and dtype. */
export function scan({ op, rows, width, dtype }: ScanSpec, caps: Caps): Kernel {
  checkSizes("scan", { rows, width });
  const T = { float32: "f32", int32: "i32", uint32: "u32" }[dtype];
  const head = /* wgsl */ `
@group(0) @binding(0) var<storage, read> x: array<${T}>;
@group(0) @binding(1) var<storage, read_write> y: array<${T}>;
struct Sizes { rows: u32, width: u32 }
@group(0) @binding(2) var<uniform> sizes: Sizes;
${WORKGROUP_INDEX}
const NOTHING = ${T}(${op === "sum" ? 0 : 1});
fn join(a: ${T}, b: ${T}) -> ${T} { return a ${op === "sum" ? "+" : "*"} b; }
`;
  return {
    name: `cum${op}`,
    wgsl: head + (caps.software ? SERIAL : tiled(T)),
    uniforms: uniforms(rows, width),
    workgroups: grid(caps.software ? Math.ceil(rows / SERIAL_WORKGROUP) : rows),
  };
}

/** An invocation a row. */
const SERIAL = /* wgsl */ `
@compute @workgroup_size(${SERIAL_WORKGROUP})
fn main(@builtin(local_invocation_index) invocation: u32, @builtin(workgroup_id) id: vec3u, @builtin(num_workgroups) count: vec3u) {
  let row = workgroup_index(id, count) * ${SERIAL_WORKGROUP}u + invocation;
  if (row >= sizes.rows) { return; }
  var state = NOTHING;
  for (var i = row * sizes.width; i < (row + 1) * sizes.width; i++) {
    state = join(state, x[i]);
    y[i] = state;
  }
}
`;

/**
 * A workgroup a row, tile by tile: each lane runs through its own elements, one lane through the lanes' totals. Every sum is made
 * of the one before it, so that sums of what is not negative never fall, as multinomial() has to rely on.
 */
const tiled = (T: string): string => /* wgsl */ `
var<workgroup> tile: array<${T}, ${TILE}>;
var<workgroup> totals: array<${T}, ${LANES}>;
var<workgroup> before: ${T};

@compute @workgroup_size(${LANES})
fn main(@builtin(local_invocation_index) lane: u32, @builtin(workgroup_id) id: vec3u, @builtin(num_workgroups) count: vec3u) {
  let row = workgroup_index(id, count);
  let start = row * sizes.width;
  if (lane == 0u) { before = NOTHING; }
  for (var base = 0u; base < sizes.width; base += ${TILE}u) {
    for (var i = lane; i < ${TILE}u; i += ${LANES}u) {
      var value = NOTHING;
      if (base + i < sizes.width && row < sizes.rows) { value = x[start + base + i]; }
      tile[i] = value;
    }
    workgroupBarrier();
    var state = NOTHING;
    for (var i = lane * ${EACH}u; i < (lane + 1u) * ${EACH}u; i++) {
      state = join(state, tile[i]);
      tile[i] = state;
    }
    totals[lane] = state;
    workgroupBarrier();
    if (lane == 0u) {
      var running = before;
      for (var i = 0u; i < ${LANES}u; i++) {
        let total = totals[i];
        totals[i] = running;
        running = join(running, total);
      }
      before = running;
    }
    workgroupBarrier();
    for (var i = lane; i < ${TILE}u; i += ${LANES}u) {
      if (base + i < sizes.width && row < sizes.rows) { y[start + base + i] = join(totals[i / ${EACH}u], tile[i]); }
    }
    workgroupBarrier();
  }
}
`;
