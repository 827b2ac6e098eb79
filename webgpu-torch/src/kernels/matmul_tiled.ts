/** Linear layer over tiles of x and w in workgroup memory, each invocation with a register tile of the output. */

import { epilogueWgsl } from "./epilogue";
import { checkSizes, grid, type Kernel, repeat, uniforms, WORKGROUP_INDEX } from "./kernel";
import { type MatmulSpec, MULTIPLY_ADD, storeWgsl } from "./matmul_parts";
import { weightBindings, weightWgsl } from "./weight";

export interface Tile {
  /** Register tile of one invocation; columns in fours. */
  readonly rows: number;
  readonly columns: number;
  /** Invocations across the output's columns, down its rows, and along K, whose sums are added at the end. */
  readonly across: number;
  readonly down: number;
  readonly along: number;
  /** Vectors of four along K that a step brings into workgroup memory. */
  readonly depth: number;
}

/** Vectors of four that a tile keeps in workgroup memory: x and w, then in the same place the sums along K. */
function tileVectors({ rows, columns, across, down, along, depth }: Tile): number {
  const tileM = rows * down;
  const tileN = columns * across;
  return Math.max((tileM + tileN) * (depth + 1), along > 1 ? (tileM * tileN * along) / 4 : 0);
}

export function matmulTiled({ M, N, K, weight, epilogue }: MatmulSpec, tile: Tile): Kernel {
  checkSizes("matmul", { M, N, K });
  const { rows, columns, across, down, along, depth } = tile;
  const tileM = rows * down;
  const tileN = columns * across;
  const invocations = across * down * along;
  const quads = columns / 4;
  const quadsK = Math.ceil(K / 4);
  const operands = 1 + weightBindings(weight);
  const accumulators = (line: (i: number, q: number) => string, indent = "  ") =>
    repeat(rows * quads, (n) => line(Math.floor(n / quads), n % quads), `\n${indent}`);
  return {
    name: `matmul_${tileM}x${tileN}_${weight}`,
    wgsl: /* wgsl */ `
${weightWgsl("x", "f32", K, 0)}
${weightWgsl("w", weight, K, 1)}
${epilogueWgsl(epilogue, operands)}
${storeWgsl(N, across, operands + epilogue.operands.length)}
${MULTIPLY_ADD}
${WORKGROUP_INDEX}
// A pitch that is odd in vectors of four spreads neighbouring rows over the memory banks.
const PITCH = ${depth + 1}u;
// x's rows, then w's.
var<workgroup> tiles: array<vec4f, ${tileVectors(tile)}>;
fn x_or_zero(row: u32, c: u32) -> vec4f {
  if (row >= sizes.M || c >= ${quadsK}u) { return vec4f(); }
  return x_at(row, c);
}
fn w_or_zero(row: u32, c: u32) -> vec4f {
  if (row >= ${N}u || c >= ${quadsK}u) { return vec4f(); }
  return w_at(row, c);
}

@compute @workgroup_size(${invocations})
fn main(@builtin(local_invocation_index) invocation: u32, @builtin(workgroup_id) id: vec3u, @builtin(num_workgroups) count: vec3u) {
  // Tiles that share w's rows run side by side, so that w is read from memory once.
  let row_tiles = (sizes.M + ${tileM - 1}u) / ${tileM}u;
  let index = workgroup_index(id, count);
  let row0 = index % row_tiles * ${tileM}u;
  let column0 = index / row_tiles * ${tileN}u;
  let tx = invocation % ${across}u;
  let ty = invocation / ${across}u % ${down}u;
  let tz = invocation / ${across * down}u;

  ${accumulators((i, q) => `var acc${i}_${q} = vec4f();`)}
  for (var step = 0u; step < ${Math.ceil(quadsK / depth)}u; step++) {
    for (var n = invocation; n < ${tileM * depth}u; n += ${invocations}u) {
      tiles[n / ${depth}u * PITCH + n % ${depth}u] = x_or_zero(row0 + n / ${depth}u, step * ${depth}u + n % ${depth}u);
    }
    for (var n = invocation; n < ${tileN * depth}u; n += ${invocations}u) {
      tiles[(${tileM}u + n / ${depth}u) * PITCH + n % ${depth}u] = w_or_zero(column0 + n / ${depth}u, step * ${depth}u + n % ${depth}u);
    }
    workgroupBarrier();
    for (var c = ${along > 1 ? "tz" : "0u"}; c < ${depth}u; c += ${along}u) {
      ${repeat(quads, (q) => `let w${q} = transpose(mat4x4f(${repeat(4, (j) => `tiles[(${tileM + (4 * q + j) * across}u + tx) * PITCH + c]`, ", ")}));`, "\n      ")}
      ${repeat(rows, (i) => `let x${i} = tiles[(${i * down}u + ty) * PITCH + c]; ` + repeat(quads, (q) => `acc${i}_${q} = multiply_add(acc${i}_${q}, x${i}, w${q});`, " "), "\n      ")}
    }
    workgroupBarrier();
  }
  ${along > 1 ? sumAlong(tile, accumulators) : accumulators((i, q) => `store4(row0 + ty + ${i * down}u, column0 + tx + ${4 * q * across}u, acc${i}_${q});`)}
}
`,
    uniforms: uniforms(M),
    workgroups: grid(Math.ceil(M / tileM) * Math.ceil(N / tileN)),
  };
}

/** WGSL that adds what the invocations along K have each gathered, and stores it. */
function sumAlong({ rows, columns, across, down, along }: Tile, accumulators: (line: (i: number, q: number) => string) => string): string {
  const width = (columns * across) / 4;
  const plane = rows * down * width;
  return /* wgsl */ `
  ${accumulators((i, q) => `tiles[tz * ${plane}u + (ty + ${i * down}u) * ${width}u + tx + ${q * across}u] = acc${i}_${q};`)}
  workgroupBarrier();
  for (var n = invocation; n < ${plane}u; n += ${across * down * along}u) {
    var acc = vec4f();
    for (var z = 0u; z < ${along}u; z++) { acc += tiles[z * ${plane}u + n]; }
    let place = n % ${width}u;
    store4(row0 + n / ${width}u, column0 + place / ${across}u * ${4 * across}u + place % ${across}u, acc);
  }`;
}
