/** Rounds rows to 8-bit integers with a scale a group, for products of integers. */

import { QUANTIZED_GROUP } from "../ops/lookup";
import { checkSizes, grid, type Kernel, repeat, uniforms, WORKGROUP_INDEX } from "./kernel";

export interface RoundRowsSpec {
  readonly rows: number;
  /** A multiple of 32. */
  readonly width: number;
}

/** Vectors of four in a group, each an invocation's. */
const QUADS = QUANTIZED_GROUP / 4;
const INVOCATIONS = 128;

/** Bytes of the output. */
export const roundedBytes = ({ rows, width }: RoundRowsSpec): number => rows * width + (4 * rows * width) / QUANTIZED_GROUP;

/**
 * Input: x (rows, width) f32. Output: int8 (rows, width), then f32 scales (rows, width / 32): the largest of a group over 127.
 * Where a group has a number that is not finite, its scale is NaN.
 */
export function roundRows(spec: RoundRowsSpec): Kernel {
  const { rows, width } = spec;
  checkSizes("round_rows", { rows, width });
  const quads = (rows * width) / 4;
  return {
    name: "round_rows",
    get wgsl() {
      return /* wgsl */ `
@group(0) @binding(0) var<storage, read> x: array<vec4f>;
@group(0) @binding(1) var<storage, read_write> y: array<u32>;
struct Sizes { quads: u32 }
@group(0) @binding(2) var<uniform> sizes: Sizes;
var<workgroup> largest: array<vec4u, ${INVOCATIONS}>;
${WORKGROUP_INDEX}
@compute @workgroup_size(${INVOCATIONS})
fn main(@builtin(local_invocation_index) invocation: u32, @builtin(workgroup_id) id: vec3u, @builtin(num_workgroups) count: vec3u) {
  let i = workgroup_index(id, count) * ${INVOCATIONS}u + invocation;
  // Past the end the last one is read, and not stored: every invocation has to reach the barrier.
  let v = x[min(i, sizes.quads - 1)];
  // Bits of numbers without their signs are in the numbers' order, infinity and NaN last.
  largest[invocation] = bitcast<vec4u>(v) & vec4u(0x7fffffffu);
  workgroupBarrier();
  let first = invocation / ${QUADS}u * ${QUADS}u;
  var most = largest[first];
  ${repeat(QUADS - 1, (n) => `most = max(most, largest[first + ${n + 1}u]);`, "\n  ")}
  let bits = max(max(most.x, most.y), max(most.z, most.w));
  let size = bitcast<f32>(bits);
  if (i >= sizes.quads) { return; }
  // What is so small is as good as zero, and 127 over it might be infinite.
  y[i] = pack4xI8(vec4i(round(v * select(127 / size, 0.0, size < 1e-30))));
  if (invocation == first) { y[sizes.quads + i / ${QUADS}u] = select(bitcast<u32>(size / 127), bits | 0x7fc00000u, bits >= 0x7f800000u); }
}
`;
    },
    uniforms: uniforms(quads),
    workgroups: grid(Math.ceil(quads / INVOCATIONS)),
  };
}
