/** WGSL that adds or compares one value from each invocation working on a row, without subgroups. */

import { repeat } from "./kernel";

type Reduction = "sum" | "max";

/**
 * `row_sum(value, invocation)` and the like: the value over the `lanes` invocations side by side that share a row.
 * Two levels of √lanes reads with a barrier each: two barriers, where a tree of halves would take one a level.
 */
export function rowReduceWgsl(reductions: readonly Reduction[], lanes: number, invocations: number): string {
  if (lanes === 1) return reductions.map((op) => `fn row_${op}(value: f32, invocation: u32) -> f32 { return value; }`).join("\n");
  const near = 2 ** Math.ceil(Math.log2(lanes) / 2);
  return /* wgsl */ `
var<workgroup> lane_values: array<f32, ${invocations}>;
var<workgroup> near_values: array<f32, ${invocations}>;
${reductions.map((op) => {
    const join = (a: string, b: string) => (op === "sum" ? `${a} + ${b}` : `max(${a}, ${b})`);
    return /* wgsl */ `
fn row_${op}(value: f32, invocation: u32) -> f32 {
  lane_values[invocation] = value;
  workgroupBarrier();
  let near = invocation / ${near}u * ${near}u;
  var result = lane_values[near];
  ${repeat(near - 1, (i) => `result = ${join("result", `lane_values[near + ${i + 1}u]`)};`, "\n  ")}
  near_values[invocation] = result;
  workgroupBarrier();
  let row = invocation / ${lanes}u * ${lanes}u;
  result = near_values[row];
  ${repeat(lanes / near - 1, (i) => `result = ${join("result", `near_values[row + ${(i + 1) * near}u]`)};`, "\n  ")}
  return result;
}`;
  }).join("\n")}
`;
}
