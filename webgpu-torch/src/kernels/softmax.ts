/** Softmax and log-softmax over rows. */

import { helperText } from "../ops/helpers";
import type { Caps } from "./caps";
import { checkSizes, grid, type Kernel, uniforms, WORKGROUP_INDEX } from "./kernel";
import { laneAliases } from "./lanes";
import { rowReduceWgsl } from "./row_reduce";

export interface SoftmaxSpec {
  readonly rows: number;
  /** A uniform, since it may be a sequence's length. */
  readonly width: number;
  readonly log: boolean;
}

/** Inputs: x (rows, width). Output: the same shape. */
export function softmax({ rows, width, log }: SoftmaxSpec, caps: Caps): Kernel {
  checkSizes("softmax", { rows, width });
  // A software adapter runs an invocation a row, a GPU a workgroup a row.
  const lanes = caps.software ? 1 : 64;
  const rowsAtOnce = caps.software ? 4 : 1;
  const invocations = lanes * rowsAtOnce;
  // The builtins leave open what becomes of NaN; here one NaN makes the whole row NaN.
  const result = log ? "x[start + c] - largest - op_log(sum)" : "op_exp(x[start + c] - largest) / sum";
  return {
    name: log ? "log_softmax" : "softmax",
    wgsl: /* wgsl */ `
@group(0) @binding(0) var<storage, read> x: array<f32>;
@group(0) @binding(1) var<storage, read_write> y: array<f32>;
struct Sizes { rows: u32, width: u32 }
@group(0) @binding(2) var<uniform> sizes: Sizes;
${laneAliases(1)}
${helperText(`op_exp ${result}`)}
${WORKGROUP_INDEX}
${rowReduceWgsl(["sum", "max"], lanes, invocations)}

@compute @workgroup_size(${invocations})
fn main(@builtin(local_invocation_index) invocation: u32, @builtin(workgroup_id) id: vec3u, @builtin(num_workgroups) count: vec3u) {
  let row = workgroup_index(id, count) * ${rowsAtOnce}u + invocation / ${lanes}u;
  let lane = invocation % ${lanes}u;
  // Rows past the end repeat the last one, since every invocation has to reach the barriers.
  let start = min(row, sizes.rows - 1) * sizes.width;
  // A lane without elements of its own looks at the first: it changes no maximum.
  var largest = x[start];
  for (var c = lane; c < sizes.width; c += ${lanes}u) { largest = max(largest, x[start + c]); }
  largest = row_max(largest, invocation);
  var sum = 0.0;
  for (var c = lane; c < sizes.width; c += ${lanes}u) { sum += op_exp(x[start + c] - largest); }
  sum = row_sum(sum, invocation);
  if (row >= sizes.rows) { return; }
  for (var c = lane; c < sizes.width; c += ${lanes}u) {
    y[start + c] = ${result};
  }
}
`,
    uniforms: uniforms(rows, width),
    workgroups: grid(Math.ceil(rows / rowsAtOnce)),
  };
}
