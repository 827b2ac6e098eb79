/** Linear layer of many rows on 4-bit weights by products of packed 8-bit integers: x is rounded to 8 bits, a scale a row and group. */

import { QUANTIZED_GROUP } from "../ops/lookup";
import { checkSizes, grid, type Kernel, repeat, uniforms, WORKGROUP_INDEX } from "./kernel";
import { type MatmulSpec, storeWgsl } from "./matmul_parts";
import { scaleWgsl } from "./weight";

/** Rows and columns of a workgroup's tile of the output, and groups of K that it takes a step. */
const TILE = 32;
const GROUPS = 4;
/** An invocation brings one group of one row of x, and of one of w, into workgroup memory. */
const INVOCATIONS = TILE * GROUPS;
/** Its register tile of the output; across and down the tile, and along K, whose sums are added at the end. */
const [ROWS, COLUMNS] = [8, 4];
const [ACROSS, DOWN] = [TILE / COLUMNS, TILE / ROWS];
/** Vectors of sixteen integers in a group; a row's pitch in workgroup memory is odd, which spreads rows over the memory banks. */
const VECTORS = QUANTIZED_GROUP / 16;
const PITCH = GROUPS * VECTORS + 1;
/** Rows of every invocation whose sums fit workgroup memory at a time. */
const SUMMED = 4;

/** As `matmul`, with the weight's dtype q4. What is not finite in a group of x makes its products NaN. */
export function matmulDots(spec: MatmulSpec): Kernel {
  const { M, N, K } = spec;
  checkSizes("matmul", { M, N, K });
  return {
    name: `matmul_dots_${spec.weight}`,
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
  const quads = QUANTIZED_GROUP / 4;
  const ask = (step: string) => `{
      let asked = w_row * ${groups}u + ${step} * ${GROUPS}u + group;
      let x_asked = (x_row * ${groups}u + ${step} * ${GROUPS}u + group) * ${quads}u;
      ${groups % GROUPS === 0 ? "" : `if (${step} * ${GROUPS}u + group >= ${groups}u) { ${repeat(quads, (n) => `x${n} = vec4f();`, " ")} } else`} {
        ${repeat(quads, (n) => `x${n} = x[x_asked + ${n}u];`, " ")}
        words = w[asked];
        halves = w_scales[asked / 2u];
      }
    }`;
  return /* wgsl */ `
@group(0) @binding(0) var<storage, read> x: array<vec4f>;
@group(0) @binding(1) var<storage, read> w: array<vec4u>;
@group(0) @binding(2) var<storage, read> w_scales: array<u32>;
${storeWgsl(epilogue, N, 4, 3)}
${scaleWgsl("w")}
${WORKGROUP_INDEX}
// x's rows, then w's.
var<workgroup> tiles: array<vec4u, ${2 * TILE * PITCH}>;
var<workgroup> scales: array<f32, ${2 * TILE * (GROUPS + 1)}>;

// Four columns' integers, from the lower half of a word of eight: each goes to the top of its byte, and so is 16 times as large.
fn bytes(half: u32) -> u32 {
  let pairs = (half & 0xffu) | ((half & 0xff00u) << 8);
  return ((pairs & 0x000f000fu) << 4) | ((pairs & 0x00f000f0u) << 8);
}
fn rounded(v: vec4f, inverse: f32) -> u32 { return pack4xI8(vec4i(round(v * inverse))); }
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

  // Rows past the edge read the last one, and are not stored. An invocation stores four columns side by side, and reads their weights
  // ${ACROSS} rows apart, so that its neighbours read other memory banks.
  let own = invocation / ${GROUPS}u;
  let group = invocation % ${GROUPS}u;
  let place = own * ${PITCH}u + group * ${VECTORS}u;
  let x_row = min(row0 + own, sizes.M - 1);
  let w_row = min(column0 + own % ${ACROSS}u * ${COLUMNS}u + own / ${ACROSS}u, ${N - 1}u);
  ${repeat(ROWS, (i) => `var acc${i} = vec4f();`, " ")}
  ${repeat(quads, (n) => `var x${n} = vec4f();`, " ")}
  var words = vec4u();
  var halves = 0u;

  ${ask("0u")}
  for (var step = 0u; step < ${steps}u; step++) {
    let here = step * ${GROUPS}u + group;
    var largest = vec4u();
    ${repeat(quads, (n) => `largest = max(largest, bitcast<vec4u>(x${n}) & vec4u(0x7fffffffu));`, "\n    ")}
    let bits = max(max(largest.x, largest.y), max(largest.z, largest.w));
    let size = bitcast<f32>(bits);
    let inverse = select(127 / size, 0.0, size < 1e-30);
    ${repeat(VECTORS, (v) => `tiles[place + ${v}u] = vec4u(${repeat(4, (n) => `rounded(x${4 * v + n}, inverse)`, ", ")});`, "\n    ")}
    ${repeat(VECTORS, (v) => `tiles[${TILE * PITCH + v}u + place] = vec4u(${repeat(4, (n) => `bytes(words[${2 * v + (n >> 1)}]${n % 2 ? " >> 16" : ""})`, ", ")});`, "\n    ")}
    scales[own * ${GROUPS + 1}u + group] = select(size / 127, bitcast<f32>(bits | 0x7fc00000u), bits >= 0x7f800000u);
    scales[(${TILE}u + own) * ${GROUPS + 1}u + group] = w_scale(halves >> ((w_row * ${groups}u + here) % 2u * 16u)) / 16;
    workgroupBarrier();
    // Memory is asked for the next step's vectors before this step's are multiplied.
    if (step < ${steps - 1}u) {
      ${ask("(step + 1)")}
    }
    ${repeat(COLUMNS, (j) => repeat(VECTORS, (v) => `let w${j}_${v} = tiles[(${TILE + j * ACROSS}u + tx) * ${PITCH}u + tz * ${VECTORS}u + ${v}u];`, " "), "\n    ")}
    let w_scales4 = vec4f(${repeat(COLUMNS, (j) => `scales[(${TILE + j * ACROSS}u + tx) * ${GROUPS + 1}u + tz]`, ", ")});
    ${repeat(ROWS, (i) => `{
      ${repeat(VECTORS, (v) => `let x_${v} = tiles[(${i * DOWN}u + ty) * ${PITCH}u + tz * ${VECTORS}u + ${v}u];`, " ")}
      let products = vec4i(${repeat(COLUMNS, (j) => repeat(VECTORS, (v) => `dot16(x_${v}, w${j}_${v})`, " + "), ", ")});
      acc${i} += scales[(${i * DOWN}u + ty) * ${GROUPS + 1}u + tz] * w_scales4 * vec4f(products);
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
