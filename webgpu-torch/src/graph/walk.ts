/** Walks from the nodes that are wanted to those that are there, and says what the graph between them is. */

import { RuntimeError } from "../base/errors";
import { at } from "../base/list";
import { type Node, opKey } from "./node";

export interface Graph {
  /** All nodes, inputs before those that read them. */
  readonly nodes: readonly Node[];
  /** Nodes that start the graph, in the order of the walk. */
  readonly leaves: readonly Node[];
  /** Nodes to be computed: those wanted, and those that an earlier run computed and let go. */
  readonly outputs: readonly Node[];
  /** Equal for graphs that differ in nothing but the data at their leaves. Long, and not needed by recordings: made when asked for. */
  key(): string;
}

export function walk(wanted: readonly Node[]): Graph {
  const place = new Map<Node, number>();
  const nodes: Node[] = [];
  const stack: Node[] = [...wanted].reverse();
  while (stack.length > 0) {
    const node = at(stack, stack.length - 1);
    const before = stack.length;
    if (!node.isLeaf && !place.has(node)) {
      for (let i = node.inputs.length - 1; i >= 0; i--) {
        const input = at(node.inputs, i);
        if (!place.has(input)) stack.push(input);
      }
    }
    if (stack.length > before) continue;
    stack.pop();
    if (place.has(node)) continue;
    if (node.storage?.disposed) throw new RuntimeError("a tensor was disposed before a result that needs it was read");
    place.set(node, nodes.length);
    nodes.push(node);
  }
  const isWanted = new Set(wanted);
  const outputs = nodes.filter((node) => !node.isLeaf && (isWanted.has(node) || node.runs > 0));
  const leaves = nodes.filter((node) => node.isLeaf);
  return { nodes, leaves, outputs, key: () => graphKey(nodes, place, new Set(outputs)) };
}

function graphKey(nodes: readonly Node[], place: ReadonlyMap<Node, number>, outputs: ReadonlySet<Node>): string {
  let key = "";
  for (const node of nodes) {
    key += node.isLeaf ? "leaf" : opKey(node.op);
    if (!node.isLeaf) for (const input of node.inputs) key += ` ${place.get(input)}`;
    key += ` ${node.form}${outputs.has(node) ? "!" : ""};`;
  }
  return key;
}
