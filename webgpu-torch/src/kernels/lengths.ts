/** What the lengths of texts have to do with kernels: which lengths share one, and which kernels others will ask for. */

import { attentionTile } from "./attention";
import type { Caps } from "./caps";
import { fusesNorm, matmulWay } from "./matmul";
import type { NormSpec } from "./layer_norm";
import { type Task, textOf } from "./task";

/** A length on either side of every change of kernels: see `matmul` and `attention`. */
const LENGTHS = [1, 8, 16, 32, 64, 128, 256, 512, 2048];

/** A task and the inputs that it binds. */
export interface TaskAhead {
  readonly task: Task;
  readonly inputs: number;
}

type Norm = Pick<NormSpec, "kind" | "eps" | "weight" | "bias">;
type Linear = Extract<Task, { kind: "linear" }>;

const partsOf = (norm: Norm | null): number => (norm ? Number(norm.weight) + Number(norm.bias) : 0);

/**
 * A key that tasks share whose kernels have the same text, whatever the length; null where only the text tells. To write a
 * kernel of a linear layer takes a tenth of a millisecond.
 */
export function textKey(task: Task, caps: Caps): string | null {
  switch (task.kind) {
    case "linear":
      return lengthlessLinear(task, task.spec.norm) + textOf(matmulWay(task.spec, caps));
    case "attention":
      return lengthlessAttention(task) + (caps.software ? "" : textOf(attentionTile(task.spec)));
    case "norm":
      return textOf({ ...task, spec: { ...task.spec, rows: 0 } });
    case "segment_reduce":
      return `${task.kind} ${task.spec.op}`;
    case "round_rows":
      return task.kind;
    default:
      return null;
  }
}

/** A task as text that is equal for all lengths, or null where `otherLengths` knows none. */
export function lengthlessKey(task: Task, before: Norm | null): string | null {
  if (task.kind === "attention") return lengthlessAttention(task);
  return task.kind === "linear" ? lengthlessLinear(task, task.spec.norm ?? before) : null;
}

const lengthlessAttention = (task: Extract<Task, { kind: "attention" }>): string => textOf({ ...task, spec: { ...task.spec, batch: 0, maxQ: 0 } });

function lengthlessLinear({ kind, spec, behind }: Linear, norm: Norm | null): string {
  const own = norm && [norm.kind, norm.eps, norm.weight, norm.bias];
  const layer = textOf([kind, spec.N, spec.K, spec.weight, own]);
  // Operands are read as columns or in full: what the chain's own loads say besides is the length.
  return behind ? layer + textOf(behind.program.body, "access") + textOf(behind.operands) : layer;
}

/**
 * What the tasks of a linear layer or of attention become at other lengths. `before` is the norm that the layer's input comes
 * from, where it is not the layer's own already.
 */
export function otherLengths(task: Task, inputs: number, before: Norm | null, caps: Caps): TaskAhead[] {
  if (task.kind === "attention") return LENGTHS.map((maxQ) => ({ task: { ...task, spec: { ...task.spec, maxQ } }, inputs }));
  if (task.kind !== "linear") return [];
  const norm = task.spec.norm ?? before;
  const alone = inputs - partsOf(task.spec.norm);
  return LENGTHS.flatMap((M) => linearAt(task, M, norm, alone, caps));
}

function linearAt(task: Linear, M: number, norm: Norm | null, alone: number, caps: Caps): TaskAhead[] {
  const { N, K } = task.spec;
  // The chain behind is made of literals and views; only its shape tells the length.
  const at = (own: Norm | null): Task => ({
    ...task,
    spec: { ...task.spec, M, norm: own },
    behind: task.behind && { ...task.behind, shape: [M, N] },
  });
  if (norm && fusesNorm({ M, K }, caps)) return [{ task: at(norm), inputs: alone + partsOf(norm) }];
  const linear = [{ task: at(null), inputs: alone }];
  if (matmulWay({ ...task.spec, M }, caps).kind === "dots") linear.push({ task: { kind: "round_rows", spec: { rows: M, width: K } }, inputs: 1 });
  if (!norm) return linear;
  return [...linear, { task: { kind: "norm", spec: { ...norm, rows: M, width: K } }, inputs: 1 + partsOf(norm) }];
}
