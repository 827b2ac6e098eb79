/** Rows of a weight by their numbers, unpacked to f32. */

import { checkSizes, f32, grid, type Kernel, uniforms, type WeightDtype, WORKGROUP_INDEX } from "./kernel";
import { weightBindings, weightWgsl } from "./weight";

export interface EmbeddingSpec {
  readonly tokens: number;
  /** Rows of the weight. */
  readonly rows: number;
  readonly width: number;
  readonly weight: WeightDtype;
}

const INVOCATIONS = 64;

/** Inputs: ids (tokens) i32, w (rows, width), its scales where it is quantised. Output: (tokens, width) f32. */
export function embedding({ tokens, rows, width, weight }: EmbeddingSpec): Kernel {
  checkSizes("embedding", { tokens, rows, width });
  const quads = Math.ceil(width / 4);
  const output = 1 + weightBindings(weight);
  return {
    name: `embedding_${weight}`,
    wgsl: /* wgsl */ `
@group(0) @binding(0) var<storage, read> ids: array<i32>;
${weightWgsl("w", weight, width, 1)}
@group(0) @binding(${output}) var<storage, read_write> y: array<f32>;
struct Sizes { tokens: u32, rows: u32, nan: f32 }
@group(0) @binding(${output + 1}) var<uniform> sizes: Sizes;
${WORKGROUP_INDEX}
@compute @workgroup_size(${INVOCATIONS})
fn main(@builtin(local_invocation_index) invocation: u32, @builtin(workgroup_id) id: vec3u, @builtin(num_workgroups) count: vec3u) {
  let index = workgroup_index(id, count) * ${INVOCATIONS}u + invocation;
  let token = index / ${quads}u;
  let c = index % ${quads}u;
  if (token >= sizes.tokens) { return; }
  // A kernel cannot throw: an id that names no row, a negative one too, shows as NaN instead of as a neighbour's row.
  let row = u32(ids[token]);
  var value = vec4f(sizes.nan);
  if (row < sizes.rows) { value = w_at(row, c); }
  for (var j = 0u; j < 4 && 4 * c + j < ${width}u; j++) { y[token * ${width}u + 4 * c + j] = value[j]; }
}
`,
    uniforms: uniforms(tokens, rows, f32(NaN)),
    workgroups: grid(Math.ceil((tokens * quads) / INVOCATIONS)),
  };
}
