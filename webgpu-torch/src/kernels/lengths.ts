/** The kernels that texts of other lengths will ask for: so that a length never seen before compiles nothing. */

import type { Caps } from "./caps";
import type { Kernel } from "./kernel";
import { fusesNorm } from "./matmul";
import type { NormSpec } from "./layer_norm";
import { kernelFor, type Task, taskKey } from "./task";

/** A length on either side of every change of kernels: see `matmul` and `attention`. */
const LENGTHS = [1, 8, 16, 32, 64, 128, 256, 512, 2048];

/** A kernel and the inputs that it binds. */
export interface KernelAhead {
  readonly kernel: Kernel;
  readonly inputs: number;
}

type Norm = Pick<NormSpec, "kind" | "eps" | "weight" | "bias">;
type Linear = Extract<Task, { kind: "linear" }>;

const partsOf = (norm: Norm | null): number => (norm ? Number(norm.weight) + Number(norm.bias) : 0);

/** A task as text that is equal for all lengths, or null where `otherLengths` knows none. */
export function lengthlessKey(task: Task, before: Norm | null): string | null {
  if (task.kind === "attention") return taskKey({ ...task, spec: { ...task.spec, batch: 0, maxQ: 0 } });
  if (task.kind !== "linear") return null;
  const { spec, behind } = task;
  return taskKey({ ...task, spec: { ...spec, M: 0, norm: spec.norm ?? before }, behind: behind && { ...behind, shape: [] } });
}

/**
 * What the tasks of a linear layer or of attention become at other lengths. `before` is the norm that the layer's input comes
 * from, where it is not the layer's own already.
 */
export function otherLengths(task: Task, inputs: number, before: Norm | null, caps: Caps): KernelAhead[] {
  if (task.kind === "attention") return LENGTHS.map((maxQ) => ({ kernel: kernelFor({ ...task, spec: { ...task.spec, maxQ } }, caps), inputs }));
  if (task.kind !== "linear") return [];
  const norm = task.spec.norm ?? before;
  const alone = inputs - partsOf(task.spec.norm);
  return LENGTHS.flatMap((M) => linearAt(task, M, norm, alone, caps));
}

function linearAt(task: Linear, M: number, norm: Norm | null, alone: number, caps: Caps): KernelAhead[] {
  const { N, K } = task.spec;
  // The chain behind is made of literals and views; only its shape tells the length.
  const at = (own: Norm | null): Task => ({
    ...task,
    spec: { ...task.spec, M, norm: own },
    behind: task.behind && { ...task.behind, shape: [M, N] },
  });
  if (norm && fusesNorm({ M, K }, caps)) return [{ kernel: kernelFor(at(norm), caps), inputs: alone + partsOf(norm) }];
  const linear = { kernel: kernelFor(at(null), caps), inputs: alone };
  if (!norm) return [linear];
  return [linear, { kernel: kernelFor({ kind: "norm", spec: { ...norm, rows: M, width: K } }, caps), inputs: 1 + partsOf(norm) }];
}
