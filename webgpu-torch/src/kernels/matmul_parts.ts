/** What the ways to a linear layer share: the spec, the register tile's multiply-add, the store behind the epilogue. */

import type { Epilogue } from "./epilogue";
import type { WeightDtype } from "./kernel";

export interface MatmulSpec {
  /** Rows of x and y: a uniform, since it is the number of tokens. */
  readonly M: number;
  /** Rows of w, columns of y: in the text, since it comes from the weight. */
  readonly N: number;
  /** Columns of x and w: likewise. */
  readonly K: number;
  readonly weight: WeightDtype;
  readonly epilogue: Epilogue;
}

/** A row's four columns gain four products along K. Each column of `w` holds one k of the four output columns. */
export const MULTIPLY_ADD = /* wgsl */ `
// Written out: acc + x * w would add after the product, a fifth more instructions.
fn multiply_add(acc: vec4f, x: vec4f, w: mat4x4f) -> vec4f {
  return acc + x.x * w[0] + x.y * w[1] + x.z * w[2] + x.w * w[3];
}
`;

/** `store(row, column, acc)` behind the epilogue, and `store4` for four columns `spacing` apart; binds y and sizes from `binding` on. */
export function storeWgsl(N: number, spacing: number, binding: number): string {
  return /* wgsl */ `
struct Sizes { M: u32 }
@group(0) @binding(${binding}) var<storage, read_write> y: array<f32>;
@group(0) @binding(${binding + 1}) var<uniform> sizes: Sizes;
fn store(row: u32, column: u32, acc: f32) {
  if (row >= sizes.M || column >= ${N}u) { return; }
  let i = row * ${N}u + column;
  y[i] = epilogue(acc, column, i);
}
fn store4(row: u32, column: u32, acc: vec4f) {
  // A loop, so that the epilogue is compiled once a call and not four times.
  for (var j = 0u; j < 4; j++) { store(row, column + j * ${spacing}u, acc[j]); }
}
`;
}
