/** Puts lowered nodes in order and gives each buffer a place, reusing workspace as soon as its last reader has run. */

import { paddedBytes, type Plan, type Slot, type Step } from "../backend/backend";
import { itemSize } from "../base/dtype";
import { numel } from "../base/shape";
import type { Lowered } from "./lower";
import type { Node } from "./node";

/** A plan and the nodes at its ends. */
export interface Planned {
  readonly plan: Plan;
  readonly leaves: readonly Node[];
}

/** Bytes of a node's elements. */
export const bytesOf = (node: Node): number => numel(node.shape) * itemSize(node.dtype);

export function makePlan(lowered: ReadonlyMap<Node, Lowered>, outputs: readonly Node[]): Planned {
  const leaves = [...new Set([...lowered.values()].flatMap(({ operands }) => operands.filter((node) => node.isLeaf)))];
  const slots = new Map<Node, Slot>([...leaves, ...outputs].map((node, slot) => [node, slot]));
  const workspace = new Workspace();
  const first = slots.size;
  const lastUse = new Map<Node, number>();
  [...lowered.values()].forEach(({ operands }, i) => operands.forEach((node) => lastUse.set(node, i)));
  const steps: Step[] = [];
  for (const [node, { task, operands }] of lowered) {
    // The output is placed before the inputs are freed: no kernel may write what it reads.
    if (!slots.has(node)) slots.set(node, first + workspace.take(bytesOf(node)));
    const slot = (of: Node): Slot => slots.get(of) ?? 0;
    const step = steps.push({ task, inputs: operands.map(slot), output: slot(node) }) - 1;
    for (const operand of new Set(operands)) {
      if (lastUse.get(operand) === step && slot(operand) >= first) workspace.release(slot(operand) - first);
    }
  }
  return { plan: { leaves: leaves.length, outputs: outputs.map(bytesOf), workspace: workspace.bytes, steps }, leaves };
}

/** Places for buffers that live within a run. */
class Workspace {
  readonly bytes: number[] = [];
  private readonly free = new Set<number>();

  /** The smallest free place that is large enough; else the largest, made larger; else a new one. */
  take(bytes: number): number {
    const wanted = paddedBytes(bytes);
    const size = (place: number) => this.bytes[place] ?? 0;
    const free = [...this.free].sort((a, b) => size(a) - size(b));
    const place = free.find((candidate) => size(candidate) >= wanted) ?? free.at(-1) ?? this.bytes.length;
    this.free.delete(place);
    this.bytes[place] = Math.max(size(place), wanted);
    return place;
  }

  release(place: number): void {
    this.free.add(place);
  }
}
