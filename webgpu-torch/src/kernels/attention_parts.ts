/** What both ways to attention share: the spec, and WGSL that finds a sequence and reads the strided views. */

import { checkSizes, f32, repeat, uniforms } from "./kernel";

/** A (T, heads, headDim) view: element strides; the last stride is 1. */
export interface HeadView {
  readonly offset: number;
  readonly row: number;
  readonly head: number;
}

export interface AttentionSpec {
  /** Sequences, laid end to end in q, k and v; the inputs cuQ and cuK hold where each starts. */
  readonly batch: number;
  /** Rows of the longest sequence of q. */
  readonly maxQ: number;
  readonly heads: number;
  /** Heads of q that share one of k and v: 1, or a divisor of `heads`. */
  readonly group: number;
  /** At most 128. */
  readonly headDim: number;
  readonly q: HeadView;
  readonly k: HeadView;
  readonly v: HeadView;
  /** Whether a row sees the keys up to its own only; with fewer rows than keys the last row sees the last key. */
  readonly causal: boolean;
  readonly scale: number;
}

export const MAX_HEAD_DIM = 128;

/** The exponential of the running softmax is 2^x, which is what the hardware has. */
const LOG2_E = Math.LOG2E;

export function checkAttention({ batch, maxQ, heads, group, headDim, q, k, v }: AttentionSpec): void {
  checkSizes("attention", { batch, maxQ, heads, group, headDim });
  if (heads % group !== 0) throw new RangeError(`attention: ${heads} heads in groups of ${group}`);
  if (headDim > MAX_HEAD_DIM) throw new RangeError(`attention: headDim is ${headDim}, at most ${MAX_HEAD_DIM} fit a kernel's registers`);
  for (const [name, view] of Object.entries({ q, k, v })) {
    if (view.row < headDim && view.row !== 0) throw new RangeError(`attention: ${name}'s rows are ${view.row} apart, expected at least headDim ${headDim}`);
  }
}

export function attentionUniforms({ batch, maxQ, q, k, v, scale }: AttentionSpec, queries: number): Uint32Array {
  const views = [q, k, v].flatMap(({ offset, row, head }) => [offset, row, head, 0]);
  return uniforms(...views, batch, Math.ceil(maxQ / queries), f32(scale * LOG2_E));
}

/**
 * Bindings 0 to 6, and: `find(index)` the tile of `queries` rows that a workgroup or invocation works on;
 * `q_at`, `k_at`, `v_at(row, head, c)` columns 4c … 4c+3 of a head; `visible(tile, i)` the keys that a row sees;
 * `store(…)` one quarter of the output row.
 */
export function attentionWgsl({ heads, group, headDim, q, k, v, causal }: AttentionSpec, queries: number): string {
  const aligned = headDim % 4 === 0 && [q, k, v].every((view) => [view.offset, view.row, view.head].every((n) => n % 4 === 0));
  const views = ["q", "k", "v"] as const;
  return /* wgsl */ `
${repeat(3, (i) => `@group(0) @binding(${i}) var<storage, read> ${views[i]}: array<${aligned ? "vec4f" : "f32"}>;`)}
@group(0) @binding(3) var<storage, read> cu_q: array<i32>;
@group(0) @binding(4) var<storage, read> cu_k: array<i32>;
@group(0) @binding(5) var<storage, read_write> y: array<${headDim % 4 === 0 ? "vec4f" : "f32"}>;
struct View { offset: u32, row: u32, head: u32, unused: u32 }
struct Sizes { q: View, k: View, v: View, batch: u32, tiles: u32, scale: f32 }
@group(0) @binding(6) var<uniform> sizes: Sizes;

struct Tile {
  head: u32,
  q0: u32,       // where the sequence starts in q
  k0: u32,       // and in k
  length_q: u32,
  length_k: u32,
  first: u32,    // the tile's first row within the sequence
}

fn find(index: u32) -> Tile {
  let sequence = min(index / (sizes.tiles * ${heads}u), sizes.batch - 1);
  let q0 = u32(cu_q[sequence]);
  let k0 = u32(cu_k[sequence]);
  // The last rows see the most keys: they start first, so that none of them is left running alone at the end.
  let first = (sizes.tiles - 1 - index % sizes.tiles) * ${queries}u;
  return Tile(index / sizes.tiles % ${heads}u, q0, k0, u32(cu_q[sequence + 1]) - q0, u32(cu_k[sequence + 1]) - k0, first);
}

// How many keys, from the first on, a row of the sequence sees.
fn visible(tile: Tile, row: u32) -> u32 {
  ${causal ? "return u32(clamp(i32(row + 1 + tile.length_k) - i32(tile.length_q), 0, i32(tile.length_k)));" : "return tile.length_k;"}
}
${repeat(3, (i) => viewWgsl(views[i] ?? "q", headDim, i === 0 ? 1 : group, aligned))}
fn store(row: u32, head: u32, c: u32, value: vec4f) {
  ${headDim % 4 === 0
    ? `y[(row * ${heads}u + head) * ${headDim / 4}u + c] = value;`
    : `let i = (row * ${heads}u + head) * ${headDim}u + 4 * c;
  for (var j = 0u; j < 4 && 4 * c + j < ${headDim}u; j++) { y[i + j] = value[j]; }`}
}
`;
}

/** `head` is one of q's: `group` of them read the same head of k and v. */
function viewWgsl(name: string, headDim: number, group: number, aligned: boolean): string {
  const own = group === 1 ? "head" : `(head / ${group}u)`;
  if (aligned) {
    return /* wgsl */ `
fn ${name}_at(row: u32, head: u32, c: u32) -> vec4f {
  return ${name}[(sizes.${name}.offset + row * sizes.${name}.row + ${own} * sizes.${name}.head) / 4 + c];
}`;
  }
  // A head that does not start on a multiple of four elements is read one by one, and ends in zeros.
  return /* wgsl */ `
fn ${name}_at(row: u32, head: u32, c: u32) -> vec4f {
  let i = sizes.${name}.offset + row * sizes.${name}.row + ${own} * sizes.${name}.head + 4 * c;
  var value: vec4f;
  for (var j = 0u; j < 4 && 4 * c + j < ${headDim}u; j++) { value[j] = ${name}[i + j]; }
  return value;
}`;
}
