/** Linear layer for a few rows: bound by reading w, so lanes side by side read along K and add up at the end. */

import { epilogueWgsl } from "./epilogue";
import { checkSizes, grid, type Kernel, repeat, uniforms, WORKGROUP_INDEX } from "./kernel";
import { type MatmulSpec, storeWgsl } from "./matmul_parts";
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

export function matmulRows({ M, N, K, weight, epilogue }: MatmulSpec, tile: RowsTile): Kernel {
  checkSizes("matmul", { M, N, K });
  const { rows, columns, lanes, groups } = tile;
  const invocations = lanes * groups;
  const outputs = rows * columns * groups;
  const operands = 1 + weightBindings(weight);
  const all = (line: (i: number, j: number) => string, indent: string) =>
    repeat(columns, (j) => repeat(rows, (i) => line(i, j), " "), `\n${indent}`);
  return {
    name: `matmul_rows${rows}_${weight}`,
    wgsl: /* wgsl */ `
${weightWgsl("x", "f32", K, 0)}
${weightWgsl("w", weight, K, 1)}
${epilogueWgsl(epilogue, operands)}
${storeWgsl(N, 1, operands + epilogue.operands.length)}
var<workgroup> sums: array<f32, ${outputs * lanes}>;
${WORKGROUP_INDEX}

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
  ${all((i, j) => `var acc${i}_${j} = 0.0;`, "  ")}
  for (var c = lane; c < ${Math.ceil(K / 4)}u; c += ${lanes}u) {
    ${repeat(columns, (j) => `let w${j} = w_at(column${j}, c);`, "\n    ")}
    ${repeat(rows, (i) => `let x${i} = x_at(row${i}, c);`, "\n    ")}
    ${all((i, j) => `acc${i}_${j} += dot(x${i}, w${j});`, "    ")}
  }
  // sums is laid out as [row][column][group][lane].
  ${all((i, j) => `sums[${(i * columns + j) * invocations}u + invocation] = acc${i}_${j};`, "  ")}
  workgroupBarrier();
  for (var n = invocation; n < ${outputs}u; n += ${invocations}u) {
    var acc = 0.0;
    // Each invocation starts at another lane, so that they read from different memory banks.
    for (var l = 0u; l < ${lanes}u; l++) { acc += sums[n * ${lanes}u + (n + l) % ${lanes}u]; }
    store(row + n / ${columns * groups}u, column + n % ${columns * groups}u, acc);
  }
}
`,
    uniforms: uniforms(M),
    workgroups: grid(Math.ceil(M / rows) * Math.ceil(N / (groups * columns))),
  };
}
