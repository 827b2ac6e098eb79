/** What a GPU does in two steps where a plan has one. */

import type { Caps } from "../../kernels/caps";
import { matmulWay } from "../../kernels/matmul";
import { roundedBytes } from "../../kernels/round_rows";
import { paddedBytes, type Plan, type Step } from "../backend";

/** Before a linear layer that multiplies integers its input is rounded, into one more buffer of the workspace that all of them share. */
export function expand(plan: Plan, caps: Caps): Plan {
  const place = plan.leaves + plan.outputs.length + plan.workspace.length;
  let bytes = 0;
  const steps = plan.steps.flatMap((step): Step[] => {
    const { task, inputs, output } = step;
    if (task.kind !== "linear" || matmulWay(task.spec, caps).kind !== "dots") return [step];
    const spec = { rows: task.spec.M, width: task.spec.K };
    bytes = Math.max(bytes, roundedBytes(spec));
    const [x = 0, ...others] = inputs;
    return [
      { task: { kind: "round_rows", spec }, inputs: [x], output: place },
      { task, inputs: [place, ...others], output },
    ];
  });
  return bytes === 0 ? plan : { ...plan, workspace: [...plan.workspace, paddedBytes(bytes)], steps };
}
