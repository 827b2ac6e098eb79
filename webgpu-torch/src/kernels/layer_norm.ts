/** Layer norm and RMS norm over rows. */

import type { Caps } from "./caps";
import { checkSizes, f32, grid, type Kernel, uniforms, WORKGROUP_INDEX } from "./kernel";
import { rowReduceWgsl } from "./row_reduce";

export interface NormSpec {
  readonly kind: "layer" | "rms";
  /** A uniform: the number of tokens. */
  readonly rows: number;
  /** In the text: it comes from the weight. */
  readonly width: number;
  readonly eps: number;
  readonly weight: boolean;
  readonly bias: boolean;
}

/** Inputs: x (rows, width), then, where the spec has them, weight and bias (width). Output: (rows, width). */
export function norm(spec: NormSpec, caps: Caps): Kernel {
  const { kind, rows, width, eps } = spec;
  checkSizes(`${kind} norm`, { rows, width });
  const { lanes, rowsAtOnce } = normShape(width, caps);
  const invocations = lanes * rowsAtOnce;
  // Vectors of four where rows start on a multiple of four; else one by one.
  const type = width % 4 === 0 ? "vec4f" : "f32";
  const units = width % 4 === 0 ? width / 4 : width;
  const inputs = ["x", ...(["weight", "bias"] as const).filter((name) => spec[name])];
  return {
    name: `${kind}_norm_${width}`,
    get wgsl() {
      return /* wgsl */ `
${inputs.map((name, i) => `@group(0) @binding(${i}) var<storage, read> ${name}: array<${type}>;`).join("\n")}
@group(0) @binding(${inputs.length}) var<storage, read_write> y: array<${type}>;
struct Sizes { rows: u32, eps: f32 }
@group(0) @binding(${inputs.length + 1}) var<uniform> sizes: Sizes;
${WORKGROUP_INDEX}
${rowReduceWgsl(["sum"], lanes, invocations)}
fn total(v: ${type}) -> f32 { return ${type === "vec4f" ? "v.x + v.y + v.z + v.w" : "v"}; }

@compute @workgroup_size(${invocations})
fn main(@builtin(local_invocation_index) invocation: u32, @builtin(workgroup_id) id: vec3u, @builtin(num_workgroups) count: vec3u) {
  let row = workgroup_index(id, count) * ${rowsAtOnce}u + invocation / ${lanes}u;
  let lane = invocation % ${lanes}u;
  // Rows past the end repeat the last one, since every invocation has to reach the barriers.
  let start = min(row, sizes.rows - 1) * ${units}u;
  ${kind === "layer" ? /* wgsl */ `
  var sum: ${type};
  for (var c = lane; c < ${units}u; c += ${lanes}u) { sum += x[start + c]; }
  let mean = row_sum(total(sum), invocation) / ${width};` : "let mean = 0.0;"}
  // Squares of what is left of the mean, in a second pass: x² - mean² would lose all digits where the mean is large.
  var squares: ${type};
  for (var c = lane; c < ${units}u; c += ${lanes}u) {
    let centred = x[start + c] - mean;
    squares += centred * centred;
  }
  let scale = inverseSqrt(row_sum(total(squares), invocation) / ${width} + sizes.eps);
  if (row >= sizes.rows) { return; }
  for (var c = lane; c < ${units}u; c += ${lanes}u) {
    y[start + c] = (x[start + c] - mean) * scale${spec.weight ? " * weight[c]" : ""}${spec.bias ? " + bias[c]" : ""};
  }
}
`;
    },
    uniforms: uniforms(rows, f32(eps)),
    workgroups: grid(Math.ceil(rows / rowsAtOnce)),
  };
}

/** A software adapter runs an invocation a row; a GPU a workgroup a row, or several narrow rows to fill a workgroup. */
function normShape(width: number, caps: Caps): { lanes: number; rowsAtOnce: number } {
  if (caps.software) return { lanes: 1, rowsAtOnce: 4 };
  if (width <= 128) return { lanes: 16, rowsAtOnce: 4 };
  return { lanes: width <= 512 ? 64 : 128, rowsAtOnce: 1 };
}
