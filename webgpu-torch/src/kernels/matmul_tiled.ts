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
  readonly prefetch?: boolean;
}

/** Bytes of workgroup memory that a tile takes. */
export function tileStorage({ rows, columns, across, down, along, depth }: Tile): number {
  const tileM = rows * down;
  const tileN = columns * across;
  return 16 * (tileM + tileN) * (depth + 1) + (along > 1 ? 4 * tileM * tileN * along : 0);
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
  /** What each invocation carries from storage to workgroup memory for a step. */
  const loads = [
    { name: "x", tile: "x_tile", size: tileM, start: "row0" },
    { name: "w", tile: "w_tile", size: tileN, start: "column0" },
  ].flatMap(({ name, tile, size, start }) =>
    Array.from({ length: Math.ceil((size * depth) / invocations) }, (_, n) => {
      const exact = (size * depth) % invocations === 0;
      const index = `(invocation + ${n * invocations}u)`;
      return {
        value: `${name}_next${n}`,
        load: `${name}_tile_at(${start} + ${index} / ${depth}u, step * ${depth}u + ${index} % ${depth}u)`,
        store: `${exact ? "" : `if (${index} < ${size * depth}u) { `}${tile}[${index} / ${depth}u * PITCH + ${index} % ${depth}u] = ${name}_next${n};${exact ? "" : " }"}`,
      };
    }),
  );
  const steps = Math.ceil(quadsK / depth);
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
var<workgroup> x_tile: array<vec4f, ${tileM * (depth + 1)}>;
var<workgroup> w_tile: array<vec4f, ${tileN * (depth + 1)}>;
fn x_tile_at(row: u32, c: u32) -> vec4f {
  if (row >= sizes.M || c >= ${quadsK}u) { return vec4f(); }
  return x_at(row, c);
}
fn w_tile_at(row: u32, c: u32) -> vec4f {
  if (row >= ${N}u || c >= ${quadsK}u) { return vec4f(); }
  return w_at(row, c);
}
${along > 1 ? sumAlong(tile) : ""}

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
  var step = 0u;
  ${tile.prefetch ? loads.map(({ value, load }) => `var ${value} = ${load};`).join("\n  ") : ""}
  for (; step < ${steps}u;) {
    ${tile.prefetch ? "" : loads.map(({ value, load }) => `let ${value} = ${load};`).join("\n    ")}
    ${loads.map(({ store }) => store).join("\n    ")}
    step++;
    workgroupBarrier();
    ${tile.prefetch ? loads.map(({ value, load }) => `${value} = ${load};`).join("\n    ") : ""}
    for (var c = ${along > 1 ? "tz" : "0u"}; c < ${depth}u; c += ${along}u) {
      ${repeat(quads, (q) => `let w${q} = transpose(mat4x4f(${repeat(4, (j) => `w_tile[(tx + ${(4 * q + j) * across}u) * PITCH + c]`, ", ")}));`, "\n      ")}
      ${repeat(rows, (i) => `let x${i} = x_tile[(ty + ${i * down}u) * PITCH + c]; ` + repeat(quads, (q) => `acc${i}_${q} = multiply_add(acc${i}_${q}, x${i}, w${q});`, " "), "\n      ")}
    }
    workgroupBarrier();
  }
  ${along > 1
    ? `${accumulators((i, q) => `keep4(tz, ty + ${i * down}u, tx + ${4 * q * across}u, acc${i}_${q});`)}
  sum_along(row0, column0, invocation);`
    : accumulators((i, q) => `store4(row0 + ty + ${i * down}u, column0 + tx + ${4 * q * across}u, acc${i}_${q});`)}
}
`,
    uniforms: uniforms(M),
    workgroups: grid(Math.ceil(M / tileM) * Math.ceil(N / tileN)),
  };
}

/** WGSL that adds what the invocations along K have each gathered, and stores it. */
function sumAlong({ rows, columns, across, down, along }: Tile): string {
  const tileM = rows * down;
  const tileN = columns * across;
  return /* wgsl */ `
var<workgroup> sums: array<f32, ${tileM * tileN * along}>;
fn keep4(tz: u32, row: u32, column: u32, acc: vec4f) {
  for (var j = 0u; j < 4; j++) { sums[(tz * ${tileM}u + row) * ${tileN}u + column + j * ${across}u] = acc[j]; }
}
fn sum_along(row0: u32, column0: u32, invocation: u32) {
  workgroupBarrier();
  for (var n = invocation; n < ${tileM * tileN}u; n += ${across * down * along}u) {
    var acc = 0.0;
    for (var z = 0u; z < ${along}u; z++) { acc += sums[z * ${tileM * tileN}u + n]; }
    store(row0 + n / ${tileN}u, column0 + n % ${tileN}u, acc);
  }
}`;
}
