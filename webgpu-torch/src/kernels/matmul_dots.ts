/** Linear layer of many rows on 4-bit weights by products of packed 8-bit integers, to which `roundRows` has rounded x. */

import { QUANTIZED_GROUP } from "../ops/lookup";
import { checkSizes, grid, type Kernel, repeat, uniforms, WORKGROUP_INDEX } from "./kernel";
import { type MatmulSpec, storeWgsl } from "./matmul_parts";
import { scaleWgsl } from "./weight";

/** Rows and columns of a workgroup's tile of the output, and groups of K that it takes a step. */
const TILE = 32;
const GROUPS = 4;
const INVOCATIONS = 128;
/** An invocation's register tile of the output; invocations across and down the tile, and one for each group along K. */
const [ROWS, COLUMNS] = [8, 4];
const [ACROSS, DOWN] = [TILE / COLUMNS, TILE / ROWS];
/** Vectors of sixteen integers in a group, and in a row of a step. */
const VECTORS = QUANTIZED_GROUP / 16;
const DEPTH = GROUPS * VECTORS;
/** Odd, which spreads neighbouring rows over the banks of workgroup memory. */
const [PITCH, SCALES_PITCH] = [DEPTH + 1, GROUPS + 1];
/** Vectors of x that an invocation brings into workgroup memory a step; of w it unpacks one group. */
const SHARE = (TILE * DEPTH) / INVOCATIONS;
/** Rows of every invocation whose sums fit workgroup memory at a time. */
const SUMMED = 4;

/** Inputs: x (M, K) as `roundRows` leaves it, w (N, K) q4, its scales, the epilogue's operands. Output: y (M, N). */
export function matmulDots(spec: MatmulSpec): Kernel {
  const { M, N, K, weight } = spec;
  checkSizes("matmul", { M, N, K });
  return {
    name: `matmul_dots_${weight}`,
    get wgsl() {
      return dotsWgsl(spec);
    },
    uniforms: uniforms(M),
    workgroups: grid(Math.ceil(M / TILE) * Math.ceil(N / TILE)),
  };
}

function dotsWgsl({ N, K, epilogue }: MatmulSpec): string {
  const groups = K / QUANTIZED_GROUP;
  const steps = Math.ceil(groups / GROUPS);
  const eachX = (line: (n: number) => string) => repeat(SHARE, line, " ");
  const ask = (step: string) => `{
      ${eachX((n) => `x${n} = x[x_row${n} * ${groups * VECTORS}u + ${step} * ${DEPTH}u + along];`)}
      let asked = ${step} * ${GROUPS}u + group;
      words = w[w_row * ${groups}u + asked];
      x_scale = scale_of_x(scaled_row * ${groups}u + asked);
      w_halves = w_scales[(w_row * ${groups}u + asked) / 2u];
    }`;
  return /* wgsl */ `
@group(0) @binding(0) var<storage, read> x: array<vec4u>;
@group(0) @binding(1) var<storage, read> w: array<vec4u>;
@group(0) @binding(2) var<storage, read> w_scales: array<u32>;
${storeWgsl(epilogue, N, 4, 3)}
${scaleWgsl("w")}
${WORKGROUP_INDEX}
// x's rows, then w's.
var<workgroup> tiles: array<vec4u, ${2 * TILE * PITCH}>;
var<workgroup> scales: array<f32, ${2 * TILE * SCALES_PITCH}>;

// They lie behind all integers.
fn scale_of_x(group: u32) -> u32 { return x[sizes.M * ${groups * VECTORS}u + group / 4u][group % 4u]; }

// Four columns' integers, from the lower half of a word of eight: each goes to the top of its byte, and so is 16 times as large.
fn bytes(half: u32) -> u32 {
  let pairs = (half & 0xffu) | ((half & 0xff00u) << 8);
  return ((pairs & 0x000f000fu) << 4) | ((pairs & 0x00f000f0u) << 8);
}

fn dot16(a: vec4u, b: vec4u) -> i32 {
  return dot4I8Packed(a.x, b.x) + dot4I8Packed(a.y, b.y) + dot4I8Packed(a.z, b.z) + dot4I8Packed(a.w, b.w);
}

@compute @workgroup_size(${INVOCATIONS})
fn main(@builtin(local_invocation_index) invocation: u32, @builtin(workgroup_id) id: vec3u, @builtin(num_workgroups) count: vec3u) {
  // Tiles that share w's rows run side by side, so that w is read from memory once.
  let row_tiles = (sizes.M + ${TILE - 1}u) / ${TILE}u;
  let index = workgroup_index(id, count);
  let row0 = index % row_tiles * ${TILE}u;
  let column0 = index / row_tiles * ${TILE}u;
  let tx = invocation % ${ACROSS}u;
  let ty = invocation / ${ACROSS}u % ${DOWN}u;
  let tz = invocation / ${ACROSS * DOWN}u;

  // Rows past the edge read the last one, and are not stored.
  let along = invocation % ${DEPTH}u;
  ${eachX((n) => `let x_row${n} = min(row0 + (invocation + ${n * INVOCATIONS}u) / ${DEPTH}u, sizes.M - 1);`)}
  // One group of one row of w, and the scale of one of x. An invocation stores four columns side by side, and reads their weights
  // ${ACROSS} rows apart, so that its neighbours read other memory banks.
  let own = invocation / ${GROUPS}u;
  let group = invocation % ${GROUPS}u;
  let scaled_row = min(row0 + own, sizes.M - 1);
  let w_row = min(column0 + own % ${ACROSS}u * ${COLUMNS}u + own / ${ACROSS}u, ${N - 1}u);

  ${repeat(ROWS, (i) => `var acc${i} = vec4f();`, " ")}
  ${eachX((n) => `var x${n}: vec4u;`)} var words: vec4u; var x_scale: u32; var w_halves: u32;
  ${ask("0u")}
  for (var step = 0u; step < ${steps}u; step++) {
    ${eachX((n) => `tiles[(invocation + ${n * INVOCATIONS}u) / ${DEPTH}u * ${PITCH}u + along] = x${n};`)}
    ${repeat(VECTORS, (v) => `tiles[(${TILE}u + own) * ${PITCH}u + group * ${VECTORS}u + ${v}u] = vec4u(${repeat(4, (n) => `bytes(words[${2 * v + (n >> 1)}]${n % 2 ? " >> 16" : ""})`, ", ")});`, "\n    ")}
    let here = step * ${GROUPS}u + group;
    let w_scale_here = w_scale(w_halves >> ((w_row * ${groups}u + here) % 2u * 16u)) / 16;
    // Groups past the last are other rows', and count nothing.
    scales[own * ${SCALES_PITCH}u + group] = select(0.0, bitcast<f32>(x_scale), here < ${groups}u);
    scales[(${TILE}u + own) * ${SCALES_PITCH}u + group] = select(0.0, w_scale_here, here < ${groups}u);
    workgroupBarrier();
    // Memory is asked for the next step's vectors before this step's are multiplied.
    if (step < ${steps - 1}u) ${ask("(step + 1)")}
    ${repeat(COLUMNS, (j) => repeat(VECTORS, (v) => `let w${j}_${v} = tiles[(${TILE + j * ACROSS}u + tx) * ${PITCH}u + tz * ${VECTORS}u + ${v}u];`, " "), "\n    ")}
    let four_scales = vec4f(${repeat(COLUMNS, (j) => `scales[(${TILE + j * ACROSS}u + tx) * ${SCALES_PITCH}u + tz]`, ", ")});
    ${repeat(ROWS, (i) => `{
      ${repeat(VECTORS, (v) => `let x_${v} = tiles[(${i * DOWN}u + ty) * ${PITCH}u + tz * ${VECTORS}u + ${v}u];`, " ")}
      let products = vec4i(${repeat(COLUMNS, (j) => repeat(VECTORS, (v) => `dot16(x_${v}, w${j}_${v})`, " + "), ", ")});
      acc${i} += scales[(${i * DOWN}u + ty) * ${SCALES_PITCH}u + tz] * four_scales * vec4f(products);
    }`, "\n    ")}
    workgroupBarrier();
  }
  // What the invocations along K have each gathered is added, a few rows at a time; all take part.
  ${repeat(ROWS / SUMMED, (part) => `
  ${part > 0 ? "workgroupBarrier();" : ""}
  ${repeat(SUMMED, (i) => `tiles[tz * ${INVOCATIONS}u + (${i * DOWN}u + ty) * ${ACROSS}u + tx] = bitcast<vec4u>(acc${part * SUMMED + i});`, "\n  ")}
  workgroupBarrier();
  store4(row0 + ${part * SUMMED * DOWN}u + invocation / ${ACROSS}u, column0 + ${COLUMNS}u * tx,
    ${repeat(GROUPS, (z) => `bitcast<vec4f>(tiles[${z * INVOCATIONS}u + invocation])`, " + ")});`)}
}
`;
}
