/** What the ways to a linear layer share: the spec, the register tile's multiply-add, the store behind the epilogue. */

import { type Epilogue, epilogueWgsl } from "./epilogue";
import type { WeightDtype } from "./kernel";
import type { Width } from "./lanes";

/** What is done to a row of x before it is multiplied: the layer norm or RMS norm that stands before a linear layer. */
export interface RowNorm {
  readonly kind: "layer" | "rms";
  readonly eps: number;
  readonly weight: boolean;
  readonly bias: boolean;
}

export interface MatmulSpec {
  /** Rows of x and y: a uniform, since it is the number of tokens. */
  readonly M: number;
  /** Rows of w, columns of y: in the text, since it comes from the weight. */
  readonly N: number;
  /** Columns of x and w: likewise. */
  readonly K: number;
  readonly weight: WeightDtype;
  /** Only where `fusesNorm` says that the kernel can. */
  readonly norm: RowNorm | null;
  readonly epilogue: Epilogue;
}

/** A row's four columns gain four products along K. Each column of `w` holds one k of the four output columns. */
export const MULTIPLY_ADD = /* wgsl */ `
// Written out: acc + x * w would add after the product, a fifth more instructions.
fn multiply_add(acc: vec4f, x: vec4f, w: mat4x4f) -> vec4f {
  return acc + x.x * w[0] + x.y * w[1] + x.z * w[2] + x.w * w[3];
}
`;

/**
 * `store(row, column, acc: f32)` or, with width 4, `store4(row, column, acc: vec4f)` for four columns side by side, behind the
 * epilogue; binds the epilogue's operands, y and sizes from `binding` on.
 */
export function storeWgsl(epilogue: Epilogue, N: number, width: Width, binding: number): string {
  const packing = N % 4 === 0 ? "vectors" : "scalars";
  const output = binding + epilogue.operands.length;
  return /* wgsl */ `
${epilogueWgsl(epilogue, binding, width, packing)}
struct Sizes { M: u32 }
@group(0) @binding(${output}) var<storage, read_write> y: array<${width === 4 && packing === "vectors" ? "vec4f" : "f32"}>;
@group(0) @binding(${output + 1}) var<uniform> sizes: Sizes;
fn ${width === 4 ? "store4" : "store"}(row: u32, column: u32, acc: F32) {
  if (row >= sizes.M || column >= ${N}u) { return; }
  let i = row * ${N}u + column;
  ${width === 1 ? "y[i] = epilogue(acc, column, i);" : packing === "vectors" ? "y[i / 4u] = epilogue(acc, column, i);" : /* wgsl */ `
  let values = epilogue(acc, column, i);
  for (var j = 0u; j < min(4u, ${N}u - column); j++) { y[i + j] = values[j]; }`}
}
`;
}
