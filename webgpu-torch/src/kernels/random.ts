/** Random numbers: each invocation turns a counter into four of them. */

import { helperText } from "../ops/helpers";
import { type Distribution, PHILOX_WGSL } from "../ops/philox";
import { checkSizes, grid, type Kernel, uniforms, WORKGROUP_INDEX } from "./kernel";
import { laneAliases } from "./lanes";

export interface RandomSpec {
  readonly distribution: Distribution;
  readonly count: number;
}

const INVOCATIONS = 64;

/** Four words as four numbers, in bits. */
const NUMBERS: Readonly<Record<Distribution, string>> = {
  bits: "return words;",
  // 24 bits: as many as a float32 in [0, 1) can have everywhere.
  uniform: "return bitcast<vec4u>(vec4f(words >> vec4u(8u)) * 0x1p-24);",
  // Box and Muller. 1 is taken off before the logarithm, which loses its digits around 1.
  normal: `
  let share = vec2f(words.xz) * 0x1p-32 + 0x1p-33;
  let angle = vec2f(words.yw) * 0x1p-32 * 6.283185307179586;
  let radius = sqrt(-2.0 * min(vec2f(op_log1p(share.x - 1.0), op_log1p(share.y - 1.0)), vec2f(0.0)));
  let cosine = vec2f(op_sine(angle.x, 1), op_sine(angle.y, 1));
  let sine = vec2f(op_sine(angle.x, 0), op_sine(angle.y, 0));
  return bitcast<vec4u>(vec4f(radius * cosine, radius * sine).xzyw);`,
};

/** Inputs: the generator's state (6) u32. Output: (count) f32, or u32 if the distribution is "bits". */
export function random({ distribution, count }: RandomSpec): Kernel {
  checkSizes("random", { count });
  const quads = Math.ceil(count / 4);
  const numbers = NUMBERS[distribution];
  return {
    name: `random_${distribution}`,
    wgsl: /* wgsl */ `
@group(0) @binding(0) var<storage, read> state: array<u32>;
@group(0) @binding(1) var<storage, read_write> y: array<vec4u>;
struct Sizes { quads: u32 }
@group(0) @binding(2) var<uniform> sizes: Sizes;
${laneAliases(1)}
${helperText(numbers)}
${WORKGROUP_INDEX}
${PHILOX_WGSL}
fn numbers(words: vec4u) -> vec4u { ${numbers} }

@compute @workgroup_size(${INVOCATIONS})
fn main(@builtin(local_invocation_index) invocation: u32, @builtin(workgroup_id) id: vec3u, @builtin(num_workgroups) count: vec3u) {
  let quad = workgroup_index(id, count) * ${INVOCATIONS}u + invocation;
  if (quad >= sizes.quads) { return; }
  let start = vec4u(state[0], state[1], state[2], state[3]);
  y[quad] = numbers(philox(counter_at(start, quad), vec2u(state[4], state[5])));
}
`,
    uniforms: uniforms(quads),
    workgroups: grid(Math.ceil(quads / INVOCATIONS)),
  };
}
