/** One row from each segment of rows: the pooling of sequences laid end to end. */

import { helperText } from "../ops/helpers";
import type { Caps } from "./caps";
import { checkSizes, f32, grid, type Kernel, uniforms, WORKGROUP_INDEX } from "./kernel";
import { laneAliases } from "./lanes";

export interface SegmentReduceSpec {
  readonly op: "sum" | "mean" | "max" | "min";
  readonly segments: number;
  readonly width: number;
}

const COLUMNS = 32;

/** Inputs: x (rows, width), lengths (segments) i32, whose sum is the rows. Output: (segments, width). */
export function segmentReduce({ op, segments, width }: SegmentReduceSpec, caps: Caps): Kernel {
  checkSizes("segment_reduce", { segments, width });
  // Neighbouring invocations read neighbouring columns; `slices` of them share a segment's rows.
  const slices = caps.software ? 1 : 8;
  const join = { sum: "a + b", mean: "a + b", max: "op_max(a, b)", min: "op_min(a, b)" }[op];
  return {
    name: `segment_${op}`,
    get wgsl() {
      return /* wgsl */ `
${laneAliases(1)}
${helperText(join)}
@group(0) @binding(0) var<storage, read> x: array<f32>;
@group(0) @binding(1) var<storage, read> lengths: array<i32>;
@group(0) @binding(2) var<storage, read_write> y: array<f32>;
// What no rows at all reduce to: 0, or the infinity that loses every comparison. WGSL cannot spell infinity.
struct Sizes { segments: u32, width: u32, column_tiles: u32, empty: f32 }
@group(0) @binding(3) var<uniform> sizes: Sizes;
${slices > 1 ? `var<workgroup> slice_values: array<f32, ${COLUMNS * slices}>;` : ""}
${WORKGROUP_INDEX}
fn join(a: f32, b: f32) -> f32 { return ${join}; }

@compute @workgroup_size(${COLUMNS * slices})
fn main(@builtin(local_invocation_index) invocation: u32, @builtin(workgroup_id) id: vec3u, @builtin(num_workgroups) count: vec3u) {
  let index = workgroup_index(id, count);
  let segment = min(index / sizes.column_tiles, sizes.segments - 1);
  let column = index % sizes.column_tiles * ${COLUMNS}u + invocation % ${COLUMNS}u;
  let slice = invocation / ${COLUMNS}u;
  var start = 0u;
  for (var s = 0u; s < segment; s++) { start += u32(lengths[s]); }
  let length = u32(lengths[segment]);
  var result = sizes.empty;
  if (column < sizes.width) {
    for (var row = slice; row < length; row += ${slices}u) { result = join(result, x[(start + row) * sizes.width + column]); }
  }
  ${slices > 1 ? /* wgsl */ `
  slice_values[invocation] = result;
  workgroupBarrier();
  if (slice > 0) { return; }
  for (var s = 1u; s < ${slices}u; s++) { result = join(result, slice_values[s * ${COLUMNS}u + invocation]); }` : ""}
  if (column >= sizes.width || index >= sizes.column_tiles * sizes.segments) { return; }
  y[segment * sizes.width + column] = result${op === "mean" ? " / f32(length)" : ""};
}
`;
    },
    uniforms: uniforms(segments, width, Math.ceil(width / COLUMNS), f32(op === "max" ? -Infinity : op === "min" ? Infinity : 0)),
    workgroups: grid(segments * Math.ceil(width / COLUMNS)),
  };
}
