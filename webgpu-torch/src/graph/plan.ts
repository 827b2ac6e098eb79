/** Puts lowered nodes in order and gives each buffer a place, reusing workspace as soon as its last reader has run. */

import { paddedBytes, type Plan, type Slot, type Step } from "../backend/backend";
import { itemSize } from "../base/dtype";
import { numel } from "../base/shape";
import type { Lowered } from "./lower";
import type { Node } from "./node";

/** Bytes of a node's elements. */
export const bytesOf = (node: Node): number => numel(node.shape) * itemSize(node.dtype);

export function makePlan(lowered: ReadonlyMap<Node, Lowered>, outputs: readonly Node[]): { plan: Plan; leaves: readonly Node[] } {
  const leaves = new Set<Node>();
  const lastUse = new Map<Node, number>();
  let uses = 0;
  for (const { operands } of lowered.values()) {
    for (const node of operands) {
      if (node.isLeaf) leaves.add(node);
      else lastUse.set(node, uses);
    }
    uses += 1;
  }
  const slots = new Map<Node, Slot>();
  for (const node of leaves) slots.set(node, slots.size);
  for (const node of outputs) slots.set(node, slots.size);
  const workspace = new Workspace();
  const first = slots.size;
  const slot = (of: Node): Slot => {
    const placed = slots.get(of);
    if (placed === undefined) throw new RangeError(`a step reads ${of.called ?? of.op.kind}, which none before it computes`);
    return placed;
  };
  const steps: Step[] = [];
  for (const [node, { task, operands }] of lowered) {
    // The output is placed before the inputs are freed: no kernel may write what it reads.
    if (!slots.has(node)) slots.set(node, first + workspace.take(bytesOf(node)));
    const step = steps.push({ task, inputs: operands.map(slot), output: slot(node) }) - 1;
    for (const operand of operands) {
      if (lastUse.get(operand) === step && slot(operand) >= first) workspace.release(slot(operand) - first);
    }
  }
  return { plan: { leaves: leaves.size, outputs: outputs.map(bytesOf), workspace: workspace.bytes, steps }, leaves: [...leaves] };
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
