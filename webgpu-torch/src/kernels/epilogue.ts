/** Element-wise code fused behind a matmul's accumulator: bias, activation, residual, or any chain of f32 operations. */

import { laneAliases, type Width } from "./lanes";

export interface Epilogue {
  /** Extra f32 inputs, bound after the matmul's own: "column" is (N,), as a bias; "full" has the output's shape, as a residual. */
  readonly operands: readonly ("column" | "full")[];
  /** One expression over `acc`, `e0`, `e1`, … of type F32, one element or four: "op_gelu(acc + e0) + e1". */
  readonly expression: string;
  /** Module-scope functions that the expression calls, of the same type. */
  readonly helpers: string;
}

export const NO_EPILOGUE: Epilogue = { operands: [], expression: "acc", helpers: "" };

/** How elements side by side are read and written: in vectors, or one by one since rows do not start on a multiple of four. */
type Packing = "vectors" | "scalars";

/**
 * Declares the operands from `binding` on and the function `epilogue(acc: F32, column, i) -> F32` for `width` elements side by
 * side, the first of them element i of the output.
 */
export function epilogueWgsl({ operands, expression, helpers }: Epilogue, binding: number, width: Width, packing: Packing): string {
  const vectors = width === 4 && packing === "vectors";
  const bindings = operands.map((_, i) => `@group(0) @binding(${binding + i}) var<storage, read> operand${i}: array<${vectors ? "vec4f" : "f32"}>;`);
  const load = (name: string, at: string) => {
    if (width === 1) return `${name}[${at}]`;
    // What is read past the edge belongs to elements that are not stored.
    return vectors ? `${name}[${at} / 4u]` : `vec4f(${name}[${at}], ${name}[${at} + 1u], ${name}[${at} + 2u], ${name}[${at} + 3u])`;
  };
  const loads = operands.map((shape, i) => `  let e${i} = ${load(`operand${i}`, shape === "column" ? "column" : "i")};`);
  return /* wgsl */ `
${laneAliases(width)}
${bindings.join("\n")}
${helpers}
fn epilogue(acc: F32, column: u32, i: u32) -> F32 {
${loads.join("\n")}
  return ${expression};
}
`;
}
