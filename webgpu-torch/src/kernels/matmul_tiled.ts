/** Linear layer over tiles of x and w in workgroup memory, each invocation with a register tile of the output. */

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
  /** Vectors of four along K that a step brings into workgroup memory; a multiple of `along`. */
  readonly depth: number;
  /** Steps ahead for which memory is asked: what arrives for one waits in registers while those before are multiplied. */
  readonly ahead: number;
}

/** Workgroup memory that every device has, in vectors of four. */
const MAX_VECTORS = 1024;

export function matmulTiled(spec: MatmulSpec, tile: Tile): Kernel {
  const { M, N, K, weight } = spec;
  checkSizes("matmul", { M, N, K });
  const [tileM, tileN] = [tile.rows * tile.down, tile.columns * tile.across];
  return {
    name: `matmul_${tileM}x${tileN}_${weight}`,
    get wgsl() {
      return tiledWgsl(spec, tile);
    },
    uniforms: uniforms(M),
    workgroups: grid(Math.ceil(M / tileM) * Math.ceil(N / tileN)),
  };
}

function tiledWgsl({ N, K, weight, epilogue }: MatmulSpec, tile: Tile): string {
  const { rows, columns, across, down, along, depth, ahead } = tile;
  const tileM = rows * down;
  const tileN = columns * across;
  const invocations = across * down * along;
  const quads = columns / 4;
  const quadsK = Math.ceil(K / 4);
  const operands = 1 + weightBindings(weight);
  const steps = Math.ceil(quadsK / depth);
  // Vectors that each invocation brings into workgroup memory a step: all at the same place along K, in rows a constant apart.
  const [shareX, shareW] = [(tileM * depth) / invocations, (tileN * depth) / invocations];
  if (invocations % depth !== 0 || !Number.isInteger(shareX) || !Number.isInteger(shareW))
    throw new RangeError(`matmul: ${invocations} invocations do not share tiles of ${tileM} and ${tileN} rows of ${depth} vectors evenly`);
  const vectors = Math.max((tileM + tileN) * (depth + 1), along > 1 ? (tileM * tileN * along * rowsSummed(tile)) / rows / 4 : 0);
  if (vectors > MAX_VECTORS) throw new RangeError(`matmul: a tile of ${16 * vectors} bytes, at most ${16 * MAX_VECTORS} are there`);
  const place = (n: number) => `(invocation + ${n * invocations}u)`;
  const orZero = (name: string) => /* wgsl */ `fn ${name}_or_zero(row: u32, c: u32) -> ${name}_packed {
  ${quadsK % depth === 0 && ahead === 1 ? "" : `if (c >= ${quadsK}u) { return ${name}_packed(); }`}
  return ${name}_packed_at(row, c);
}`;
  const accumulators = (line: (i: number, q: number) => string, indent = "  ") =>
    repeat(rows * quads, (n) => line(Math.floor(n / quads), n % quads), `\n${indent}`);
  // The vectors of one step, in registers of set `a`: asked of memory, then put into the tiles.
  const ask = (a: number, step: string) => `
    ${repeat(shareX, (n) => `x${a}_next${n} = x_or_zero(x_row${n}, ${step} * ${depth}u + along);`, "\n    ")}
    ${repeat(shareW, (n) => `w${a}_next${n} = w_or_zero(w_row${n}, ${step} * ${depth}u + along);`, "\n    ")}`;
  const put = (a: number, step: string) => `
    ${repeat(shareX, (n) => `tiles[${place(n)} / ${depth}u * PITCH + along] = x${a}_next${n};`, "\n    ")}
    ${repeat(shareW, (n) => `tiles[(${tileM}u + ${place(n)} / ${depth}u) * PITCH + along] = w_unpack(w${a}_next${n}, w_row${n}, ${step} * ${depth}u + along);`, "\n    ")}`;
  // The last steps have nothing to ask for. With one ahead a branch spares them that; with two it costs an H200 more than zeros do.
  const askLater = (a: number, step: string) => (ahead === 1 ? `if (${step} < ${steps}u) { ${ask(a, step)} }` : ask(a, step));
  const multiply = /* wgsl */ `
    // Counted so that the compiler sees that no index leaves the array, and leaves out its own check of each.
    for (var n = 0u; n < ${depth / along}u; n++) {
      let c = n * ${along}u${along > 1 ? " + tz" : ""};
      ${repeat(quads, (q) => `let w${q} = transpose(mat4x4f(${repeat(4, (j) => `tiles[(${tileM + (4 * q + j) * across}u + tx) * PITCH + c]`, ", ")}));`, "\n      ")}
      ${repeat(rows, (i) => `let x${i} = tiles[(${i * down}u + ty) * PITCH + c]; ` + repeat(quads, (q) => `acc${i}_${q} = multiply_add(acc${i}_${q}, x${i}, w${q});`, " "), "\n      ")}
    }`;
  return /* wgsl */ `
${weightWgsl("x", "f32", K, 0)}
${weightWgsl("w", weight, K, 1)}
${storeWgsl(epilogue, N, 4, operands)}
${MULTIPLY_ADD}
${WORKGROUP_INDEX}
// A pitch that is odd in vectors of four spreads neighbouring rows over the memory banks.
const PITCH = ${depth + 1}u;
// x's rows, then w's.
var<workgroup> tiles: array<vec4f, ${vectors}>;
${orZero("x")}
${orZero("w")}

// The column whose weights lie in a row of the tile: an invocation stores four columns side by side, and reads their weights
// ${across} rows apart, so that its neighbours read other memory banks.
fn column_of(row: u32) -> u32 { return (row / ${4 * across}u * ${across}u + row % ${across}u) * 4 + row / ${across}u % 4; }

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

  // Rows past the edge read the last one, and are not stored.
  ${repeat(shareX, (n) => `let x_row${n} = min(row0 + ${place(n)} / ${depth}u, sizes.M - 1);`, "\n  ")}
  ${repeat(shareW, (n) => `let w_row${n} = min(column0 + column_of(${place(n)} / ${depth}u), ${N - 1}u);`, "\n  ")}
  let along = invocation % ${depth}u;

  ${accumulators((i, q) => `var acc${i}_${q} = vec4f();`)}
  ${repeat(ahead, (a) => repeat(shareX, (n) => `var x${a}_next${n}: x_packed;`, " ") + repeat(shareW, (n) => `var w${a}_next${n}: w_packed;`, " "), "\n  ")}
  ${repeat(ahead, (a) => ask(a, `${a}u`))}
  for (var first = 0u; first < ${steps}u; first += ${ahead}u) {
    ${repeat(ahead, (a) => /* wgsl */ `
    ${a > 0 && steps % ahead > 0 ? `if (first + ${a}u >= ${steps}u) { break; }` : ""}
    ${put(a, `(first + ${a}u)`)}
    workgroupBarrier();
    // Memory is asked for a later step's vectors before this step's are multiplied. They stay packed meanwhile: to unpack them here
    // would be to wait for them here.
    ${askLater(a, `(first + ${a + ahead}u)`)}
    ${multiply}
    workgroupBarrier();`)}
  }
  ${along > 1 ? sumAlong(tile) : accumulators((i, q) => `store4(row0 + ty + ${i * down}u, column0 + 4 * (tx + ${q * across}u), acc${i}_${q});`)}
}
`;
}

/** Rows of every invocation whose sums along K fit workgroup memory at a time. */
function rowsSummed({ rows, columns, across, down, along }: Tile): number {
  let count = rows;
  while (count * down * columns * across * along > 4 * MAX_VECTORS) count /= 2;
  return count;
}

/** WGSL that adds what the invocations along K have each gathered, and stores it: all take part, a few rows at a time. */
function sumAlong(tile: Tile): string {
  const { rows, columns, across, down, along } = tile;
  const quads = columns / 4;
  const count = rowsSummed(tile);
  const width = quads * across;
  const plane = count * down * width;
  const invocations = across * down * along;
  return repeat(rows / count, (part) => /* wgsl */ `
  ${part > 0 ? "workgroupBarrier();" : ""}
  ${repeat(count * quads, (n) => `tiles[tz * ${plane}u + (ty + ${Math.floor(n / quads) * down}u) * ${width}u + tx + ${(n % quads) * across}u] = acc${part * count + Math.floor(n / quads)}_${n % quads};`, "\n  ")}
  workgroupBarrier();
  for (var s = 0u; s < ${Math.ceil(plane / invocations)}u; s++) {
    let n = s * ${invocations}u + invocation;
    ${plane % invocations > 0 ? `if (n >= ${plane}u) { break; }` : ""}
    var acc = tiles[n];
    ${repeat(along - 1, (z) => `acc += tiles[n + ${(z + 1) * plane}u];`, " ")}
    store4(row0 + ${part * count * down}u + n / ${width}u, column0 + 4 * (n % ${width}u), acc);
  }`);
}
