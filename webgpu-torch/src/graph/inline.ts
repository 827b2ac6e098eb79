/** Puts the tasks of a recorded function among those of the function that calls it. */

import { at } from "../base/list";
import { type Context, type Lowered, plain } from "./lower";
import { type Call, Node } from "./node";

/** The tasks, in order, by the nodes that they compute: the call's outputs, and nodes made here for what lies between. */
export function inline(call: Call, context: Context): [Node, Lowered][] {
  const { leaves, outputs, recorded } = call;
  const { steps, workspace } = recorded.plan;
  // Who is in each of the plan's buffers, from step to step.
  const held = [...leaves.map((leaf) => plain(leaf, context)), ...outputs];
  const first = held.length;
  return steps.map(({ task, inputs, output }) => {
    const operands = inputs.map((slot) => at(held, slot));
    if (output >= first) held[output] = between(call, at(workspace, output - first));
    return [at(held, output), { task, operands }];
  });
}

/** Some bytes that live within the call. */
const between = (call: Call, bytes: number): Node => new Node({ kind: "call", call, output: -1 }, [], [bytes], "int8", at(call.outputs, 0).backend);
