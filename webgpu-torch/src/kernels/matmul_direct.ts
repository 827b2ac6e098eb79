/** Linear layer without workgroup memory: each invocation keeps a small tile of the output in registers and reads storage. */

import { checkSizes, grid, type Kernel, repeat, uniforms, WORKGROUP_INDEX } from "./kernel";
import { type MatmulSpec, MULTIPLY_ADD, storeWgsl } from "./matmul_parts";
import { weightBindings, weightWgsl } from "./weight";

/** The register tile of one invocation. */
export interface DirectTile {
  readonly rows: number;
  /** In fours. */
  readonly columns: number;
  readonly invocations: number;
}

export function matmulDirect(spec: MatmulSpec, tile: DirectTile): Kernel {
  const { M, N, K, weight } = spec;
  checkSizes("matmul", { M, N, K });
  const { rows, columns, invocations } = tile;
  return {
    name: `matmul_direct_${rows}x${columns}_${weight}`,
    get wgsl() {
      return directWgsl(spec, tile);
    },
    uniforms: uniforms(M),
    workgroups: grid(Math.ceil((Math.ceil(M / rows) * Math.ceil(N / columns)) / invocations)),
  };
}

function directWgsl({ N, K, weight, epilogue }: MatmulSpec, { rows, columns, invocations }: DirectTile): string {
  const quads = columns / 4;
  const columnTiles = Math.ceil(N / columns);
  const operands = 1 + weightBindings(weight);
  const tiles = (line: (i: number, q: number) => string, indent: string) =>
    repeat(rows * quads, (n) => line(Math.floor(n / quads), n % quads), `\n${indent}`);
  return /* wgsl */ `
${weightWgsl("x", "f32", K, 0)}
${weightWgsl("w", weight, K, 1)}
${storeWgsl(epilogue, N, 4, operands)}
${MULTIPLY_ADD}
${WORKGROUP_INDEX}
@compute @workgroup_size(${invocations})
fn main(@builtin(local_invocation_index) invocation: u32, @builtin(workgroup_id) id: vec3u, @builtin(num_workgroups) count: vec3u) {
  let tile = workgroup_index(id, count) * ${invocations}u + invocation;
  let row = tile / ${columnTiles}u * ${rows}u;
  let column = tile % ${columnTiles}u * ${columns}u;
  if (row >= sizes.M) { return; }
  // Rows and columns past the edge read the last one, and are not stored.
  ${repeat(rows, (i) => `let row${i} = min(row + ${i}u, sizes.M - 1);`, "\n  ")}
  ${repeat(columns, (j) => `let column${j} = min(column + ${j}u, ${N - 1}u);`, "\n  ")}
  ${tiles((i, q) => `var acc${i}_${q} = vec4f();`, "  ")}
  for (var c = 0u; c < ${Math.ceil(K / 4)}u; c++) {
    ${repeat(rows, (i) => `let x${i} = x_at(row${i}, c);`, "\n    ")}
    ${repeat(quads, (q) => `let w${q} = transpose(mat4x4f(${repeat(4, (j) => `w_at(column${4 * q + j}, c)`, ", ")}));`, "\n    ")}
    ${tiles((i, q) => `acc${i}_${q} = multiply_add(acc${i}_${q}, x${i}, w${q});`, "    ")}
  }
  ${tiles((i, q) => `store4(row + ${i}u, column + ${4 * q}u, acc${i}_${q});`, "  ")}
}
`;
}
