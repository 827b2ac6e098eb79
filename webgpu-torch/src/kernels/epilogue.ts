/** Element-wise code fused behind a matmul's accumulator: bias, activation, residual, or any chain of f32 operations. */

export interface Epilogue {
  /** Extra f32 inputs, bound after the matmul's own: "column" is (N,), as a bias; "full" has the output's shape, as a residual. */
  readonly operands: readonly ("column" | "full")[];
  /** One f32 expression over `acc`, `e0`, `e1`, …: "gelu_tanh(acc + e0) + e1". */
  readonly expression: string;
  /** Module-scope functions that the expression calls. */
  readonly helpers: string;
}

export const NO_EPILOGUE: Epilogue = { operands: [], expression: "acc", helpers: "" };

/** Declares the operands from `binding` on and the function `epilogue(acc, column, i)`, where `i` is the output's element. */
export function epilogueWgsl({ operands, expression, helpers }: Epilogue, binding: number): string {
  const bindings = operands.map((_, i) => `@group(0) @binding(${binding + i}) var<storage, read> operand${i}: array<f32>;`);
  const loads = operands.map((shape, i) => `  let e${i} = operand${i}[${shape === "column" ? "column" : "i"}];`);
  return /* wgsl */ `
${bindings.join("\n")}
${helpers}
fn epilogue(acc: f32, column: u32, i: u32) -> f32 {
${loads.join("\n")}
  return ${expression};
}
`;
}
