/** Linear layer for a few rows: bound by reading w, so lanes side by side read along K and add up at the end. */

import { checkSizes, grid, type Kernel, repeat, uniforms, WORKGROUP_INDEX } from "./kernel";
import { type MatmulSpec, type RowNorm, storeWgsl } from "./matmul_parts";
import { rowReduceWgsl } from "./row_reduce";
import { weightBindings, weightWgsl } from "./weight";

export interface RowsTile {
  /** Rows that one invocation carries; M runs in tiles of so many. */
  readonly rows: number;
  /** Columns of the output (rows of w) that one invocation carries. */
  readonly columns: number;
  /** Invocations that share a column's K between them. */
  readonly lanes: number;
  /** Groups of lanes in a workgroup, each with its own columns. */
  readonly groups: number;
}

/** Vectors of four that an invocation asks memory for before it needs the first: what keeps the memory busy, and registers free. */
const IN_FLIGHT = 12;

export function matmulRows(spec: MatmulSpec, tile: RowsTile): Kernel {
  const { M, N, K, weight } = spec;
  checkSizes("matmul", { M, N, K });
  const { rows, columns, groups } = tile;
  return {
    name: `matmul_rows${rows}_${weight}`,
    get wgsl() {
      return rowsWgsl(spec, tile);
    },
    uniforms: uniforms(M),
    workgroups: grid(Math.ceil(M / rows) * Math.ceil(N / (groups * columns))),
  };
}

function rowsWgsl({ N, K, weight, norm, epilogue }: MatmulSpec, tile: RowsTile): string {
  const { rows, columns, lanes, groups } = tile;
  const invocations = lanes * groups;
  const outputs = rows * columns * groups;
  const normBinding = 1 + weightBindings(weight);
  const operands = normBinding + normParts(norm).length;
  // Every invocation takes part in adding up: so many a column of a row, each with its share of the lanes.
  const share = rows * columns;
  const adders = lanes / share;
  if (!Number.isInteger(adders)) throw new RangeError(`matmul: ${rows} rows of ${columns} columns do not divide ${lanes} lanes`);
  const all = (line: (i: number, j: number) => string, indent: string) =>
    repeat(columns, (j) => repeat(rows, (i) => line(i, j), " "), `\n${indent}`);
  // Counts are in the text, so that the compiler unrolls, and asks for all vectors of a step at once.
  const quads = Math.ceil(K / 4);
  const whole = Math.floor(quads / lanes);
  const unroll = Math.max(1, Math.min(whole, Math.floor(IN_FLIGHT / (rows + columns))));
  const step = (first: string, count: number) => `{
    ${repeat(count, (u) => repeat(columns, (j) => `let w${u}_${j} = w_at(column${j}, ${first} + ${u * lanes}u);`, " "), "\n    ")}
    ${repeat(count, (u) => normParts(norm).map((part) => `let ${part}${u} = norm_${part}[${first} + ${u * lanes}u];`).join(" "), "\n    ")}
    ${repeat(count, (u) => repeat(rows, (i) => `let x${u}_${i} = ${normed(norm, `x_at(row${i}, ${first} + ${u * lanes}u)`, i, u)};`, " "), "\n    ")}
    ${repeat(count, (u) => all((i, j) => `acc${i}_${j} = dot_add(acc${i}_${j}, x${u}_${i}, w${u}_${j});`, "    "), "\n    ")}
  }`;
  const rest = whole % unroll;
  const done = whole - rest;
  return /* wgsl */ `
${weightWgsl("x", "f32", K, 0)}
${weightWgsl("w", weight, K, 1)}
${normParts(norm).map((part, i) => `@group(0) @binding(${normBinding + i}) var<storage, read> norm_${part}: array<vec4f>;`).join("\n")}
${storeWgsl(epilogue, N, 1, operands)}
${norm ? momentsWgsl(norm, K, rows, invocations) : ""}
var<workgroup> sums: array<f32, ${outputs * lanes}>;
${WORKGROUP_INDEX}
// Written out: acc + dot(x, w) would add after the product.
fn dot_add(acc: f32, x: vec4f, w: vec4f) -> f32 { return acc + x.x * w.x + x.y * w.y + x.z * w.z + x.w * w.w; }

@compute @workgroup_size(${invocations})
fn main(@builtin(local_invocation_index) invocation: u32, @builtin(workgroup_id) id: vec3u, @builtin(num_workgroups) count: vec3u) {
  let row_tiles = (sizes.M + ${rows - 1}u) / ${rows}u;
  let tile = workgroup_index(id, count);
  let row = tile % row_tiles * ${rows}u;
  let column = tile / row_tiles * ${groups * columns}u;
  let lane = invocation % ${lanes}u;
  let group = invocation / ${lanes}u;
  // Rows and columns past the edge read the last one, and are not stored.
  ${repeat(rows, (i) => `let row${i} = min(row + ${i}u, sizes.M - 1);`, "\n  ")}
  ${repeat(columns, (j) => `let column${j} = min(column + ${j * groups}u + group, ${N - 1}u);`, "\n  ")}
  ${norm ? `find_moments(row, invocation);\n  ${repeat(rows, (i) => `let moments${i} = moments[${i}];`, "\n  ")}` : ""}
  ${all((i, j) => `var acc${i}_${j} = 0.0;`, "  ")}
  ${done > 0 ? `for (var s = 0u; s < ${done / unroll}u; s++) ${step(`(s * ${unroll * lanes}u + lane)`, unroll)}` : ""}
  ${rest > 0 ? step(`(${done * lanes}u + lane)`, rest) : ""}
  ${quads % lanes > 0 ? `if (lane < ${quads % lanes}u) ${step(`(${whole * lanes}u + lane)`, 1)}` : ""}
  // sums is laid out as [row][column][group][lane].
  ${all((i, j) => `sums[${(i * columns + j) * invocations}u + invocation] = acc${i}_${j};`, "  ")}
  workgroupBarrier();
  var sum = 0.0;
  let output = invocation / ${adders}u;
  // Neighbours start at other lanes, so that they read from different memory banks.
  for (var l = 0u; l < ${share}u; l++) { sum += sums[invocation * ${share}u + (l + output) % ${share}u]; }
  ${adders > 1 ? /* wgsl */ `
  workgroupBarrier();
  sums[invocation] = sum;
  workgroupBarrier();
  if (invocation % ${adders}u > 0) { return; }
  for (var a = 1u; a < ${adders}u; a++) { sum += sums[invocation + a]; }` : ""}
  store(row + output / ${columns * groups}u, column + output % ${columns * groups}u, sum);
}
`;
}

/** The norm's own inputs. */
const normParts = (norm: RowNorm | null) => (["weight", "bias"] as const).filter((part) => norm?.[part]);

/** A vector of x's row i, normed, where the u-th vectors of the norm's inputs have been read. */
function normed(norm: RowNorm | null, x: string, i: number, u: number): string {
  if (!norm) return x;
  return `(${x} - moments${i}.x) * moments${i}.y${norm.weight ? ` * weight${u}` : ""}${norm.bias ? ` + bias${u}` : ""}`;
}

/** `find_moments(row, invocation)`: puts the mean of each of a workgroup's rows and one over its deviation into `moments`. */
function momentsWgsl({ kind, eps }: RowNorm, K: number, rows: number, invocations: number): string {
  const lanes = invocations / rows;
  const quads = K / 4;
  const each = (line: string) => `for (var s = 0u; s < ${Math.ceil(quads / lanes)}u; s++) {
    let c = s * ${lanes}u + lane;
    ${quads % lanes === 0 ? line : `if (c < ${quads}u) { ${line} }`}
  }`;
  return /* wgsl */ `
${rowReduceWgsl(["sum"], lanes, invocations)}
var<workgroup> moments: array<vec2f, ${rows}>;
fn find_moments(first: u32, invocation: u32) {
  let row = min(first + invocation / ${lanes}u, sizes.M - 1);
  let lane = invocation % ${lanes}u;
  ${kind === "layer" ? /* wgsl */ `
  var sums: vec4f;
  ${each("sums += x_at(row, c);")}
  let mean = row_sum(sums.x + sums.y + sums.z + sums.w, invocation) / ${K};` : "let mean = 0.0;"}
  // Squares of what is left of the mean, in a second pass: x² - mean² would lose all digits where the mean is large.
  var squares: vec4f;
  ${each("let centred = x_at(row, c) - mean; squares += centred * centred;")}
  let variance = row_sum(squares.x + squares.y + squares.z + squares.w, invocation) / ${K};
  if (lane == 0) { moments[invocation / ${lanes}u] = vec2f(mean, inverseSqrt(variance + ${eps})); }
  workgroupBarrier();
}
`;
}
