/** Products of many matrices at once, of any strides: what torch.matmul needs beyond the linear layer. */

import { type Epilogue, epilogueWgsl } from "./epilogue";
import { checkSizes, grid, type Kernel, repeat, uniforms, WORKGROUP_INDEX } from "./kernel";

/** Where a matrix's elements lie, in elements; a stride of 0 repeats. */
export interface Strides {
  readonly offset: number;
  /** One for each dimension of the spec's batch. */
  readonly batch: readonly number[];
  readonly row: number;
  readonly column: number;
}

export interface BatchMatmulSpec {
  /** The batch dimensions of the output, at most `BATCH_DIMS`. */
  readonly batch: readonly number[];
  readonly M: number;
  readonly N: number;
  readonly K: number;
  /** (…batch, M, K) */
  readonly a: Strides;
  /** (…batch, K, N) */
  readonly b: Strides;
  /** "full" operands are (…batch, M, N), "column" ones (N,). */
  readonly epilogue: Epilogue;
}

/** Most batch dimensions. */
export const BATCH_DIMS = 4;
const INVOCATIONS = 64;
/** Rows and columns of an invocation's register tile. Any strides leave nothing to load in vectors, and this is not the way of weights. */
const TILE = 4;

/** Inputs: a, b, the epilogue's operands. Output: (…batch, M, N). Every size is a uniform. */
export function batchMatmul({ batch, M, N, K, a, b, epilogue }: BatchMatmulSpec): Kernel {
  const matrices = batch.reduce((product, size) => product * size, 1);
  checkSizes("matmul", { M, N, K, matrices, elements: matrices * M * N });
  if (batch.length > BATCH_DIMS) throw new RangeError(`matmul: ${batch.length} batch dimensions, at most ${BATCH_DIMS}`);
  const output = 2 + epilogue.operands.length;
  const pad = (sizes: readonly number[], fill: number) => [...Array<number>(BATCH_DIMS - sizes.length).fill(fill), ...sizes];
  const all = (line: (i: number, j: number) => string, indent: string) =>
    repeat(TILE, (i) => repeat(TILE, (j) => line(i, j), " "), `\n${indent}`);
  return {
    name: "batch_matmul",
    wgsl: /* wgsl */ `
@group(0) @binding(0) var<storage, read> a: array<f32>;
@group(0) @binding(1) var<storage, read> b: array<f32>;
${epilogueWgsl(epilogue, 2, 1, "scalars")}
@group(0) @binding(${output}) var<storage, read_write> y: array<f32>;
struct Matrix { batch: vec4u, offset: u32, row: u32, column: u32, unused: u32 }
struct Sizes { a: Matrix, b: Matrix, batch: vec4u, M: u32, N: u32, K: u32, matrices: u32 }
@group(0) @binding(${output + 1}) var<uniform> sizes: Sizes;
${WORKGROUP_INDEX}
fn start(matrix: Matrix, index: u32) -> u32 {
  var rest = index;
  var at = matrix.offset;
  for (var d = ${BATCH_DIMS}u; d > 0; d--) {
    at += rest % sizes.batch[d - 1] * matrix.batch[d - 1];
    rest /= sizes.batch[d - 1];
  }
  return at;
}
fn store(matrix: u32, row: u32, column: u32, acc: f32) {
  if (row >= sizes.M || column >= sizes.N) { return; }
  let i = (matrix * sizes.M + row) * sizes.N + column;
  y[i] = epilogue(acc, column, i);
}

@compute @workgroup_size(${INVOCATIONS})
fn main(@builtin(local_invocation_index) invocation: u32, @builtin(workgroup_id) id: vec3u, @builtin(num_workgroups) count: vec3u) {
  let index = workgroup_index(id, count) * ${INVOCATIONS}u + invocation;
  let column_tiles = (sizes.N + ${TILE - 1}) / ${TILE};
  let row_tiles = (sizes.M + ${TILE - 1}) / ${TILE};
  let column = index % column_tiles * ${TILE};
  let row = index / column_tiles % row_tiles * ${TILE};
  let matrix = index / column_tiles / row_tiles;
  if (matrix >= sizes.matrices) { return; }
  // Rows and columns past the edge read the last one, and are not stored.
  let a0 = start(sizes.a, matrix);
  let b0 = start(sizes.b, matrix);
  ${repeat(TILE, (i) => `let a${i + 1} = a0 + min(row + ${i}u, sizes.M - 1) * sizes.a.row;`, "\n  ")}
  ${repeat(TILE, (j) => `let b${j + 1} = b0 + min(column + ${j}u, sizes.N - 1) * sizes.b.column;`, "\n  ")}
  ${all((i, j) => `var acc${i}_${j} = 0.0;`, "  ")}
  for (var k = 0u; k < sizes.K; k++) {
    ${repeat(TILE, (i) => `let row${i} = a[a${i + 1} + k * sizes.a.column];`, "\n    ")}
    ${repeat(TILE, (j) => `let column${j} = b[b${j + 1} + k * sizes.b.row];`, "\n    ")}
    ${all((i, j) => `acc${i}_${j} += row${i} * column${j};`, "    ")}
  }
  ${all((i, j) => `store(matrix, row + ${i}u, column + ${j}u, acc${i}_${j});`, "  ")}
}
`,
    uniforms: uniforms(
      ...pad(a.batch, 0), a.offset, a.row, a.column, 0,
      ...pad(b.batch, 0), b.offset, b.row, b.column, 0,
      ...pad(batch, 1), M, N, K, matrices,
    ),
    workgroups: grid(Math.ceil((matrices * Math.ceil(M / TILE) * Math.ceil(N / TILE)) / INVOCATIONS)),
  };
}
