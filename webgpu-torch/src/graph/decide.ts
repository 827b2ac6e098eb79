/** Decides which nodes get a buffer of their own; the others are computed inside the kernels that read them. */

import { at } from "../base/list";
import type { Node } from "./node";

/** Thrown while lowering, where nodes turn out to need a buffer. */
export class NeedsBuffer extends Error {
  readonly nodes: readonly Node[];

  constructor(...nodes: readonly Node[]) {
    super("a node needs a buffer");
    this.nodes = nodes;
  }
}

export interface Decision {
  /** Nodes with a buffer, data included. */
  readonly buffered: ReadonlySet<Node>;
  /** The node whose kernel is the only one to read a node that is no leaf; null where several kernels do, or none. */
  readonly readerOf: (node: Node) => Node | null;
}

/** How a node comes to its elements. */
type Way =
  /** It is there. */
  | "leaf"
  /** A kernel of its own, whose inputs are buffers. */
  | "kernel"
  /** A kernel of its own, which computes its input on the way in. */
  | "reduction"
  /** A few instructions, inside the reader's kernel or in one of its own. */
  | "inline"
  /** Nothing to compute: another way to look at its input. */
  | "view";

function wayOf(node: Node): Way {
  if (node.isLeaf) return "leaf";
  const { kind } = node.op;
  switch (kind) {
    case "data":
    case "parameter":
      return "leaf";
    case "constant":
    case "arange":
    case "element":
    case "cast":
    case "take":
      return "inline";
    case "move":
    case "quantized":
      return "view";
    case "reduce":
      return "reduction";
    case "call":
    case "linear":
    case "matmul":
    case "attention":
    case "norm":
    case "softmax":
    case "segment_reduce":
    case "embedding":
    case "scan":
    case "sort_runs":
    case "merge_runs":
    case "scatter_places":
    case "scatter_join":
    case "random":
      return "kernel";
    default:
      return kind satisfies never;
  }
}

/** Longer chains are cut, so that programs stay short and walks through them shallow. */
const MAX_DEPTH = 64;

/** Nodes at which chains of inline nodes and views are cut. */
function cuts(nodes: readonly Node[]): ReadonlySet<Node> {
  const depths = new Map<Node, number>();
  const cut = new Set<Node>();
  for (const node of nodes) {
    const way = wayOf(node);
    if (way !== "inline" && way !== "view") continue;
    const depth = 1 + node.inputs.reduce((deepest, input) => Math.max(deepest, depths.get(input) ?? 0), 0);
    depths.set(node, depth % MAX_DEPTH);
    if (depth === MAX_DEPTH && node.op.kind !== "quantized") cut.add(node);
  }
  return cut;
}

/** No reader, or several. */
const MANY = Symbol("many");

/**
 * Goes from the outputs to the leaves. An element-wise node that one kernel reads is computed in it, however often it is read
 * there; one that several kernels read is computed once, into a buffer. Constants and ranges are computed wherever they are read.
 */
export function decide(nodes: readonly Node[], outputs: ReadonlySet<Node>, forced: ReadonlySet<Node>): Decision {
  const buffered = new Set<Node>(cuts(nodes));
  const readers = new Map<Node, Node | typeof MANY>();
  const read = (input: Node, by: Node | typeof MANY) => {
    const known = readers.get(input);
    readers.set(input, known === undefined || known === by ? by : MANY);
  };
  for (let n = nodes.length - 1; n >= 0; n--) {
    const node = at(nodes, n);
    const way = wayOf(node);
    if (way === "leaf") {
      buffered.add(node);
      continue;
    }
    const reader = readers.get(node) ?? MANY;
    const cheap = node.op.kind === "constant" || node.op.kind === "arange";
    const wanted = outputs.has(node) || forced.has(node);
    const shared = way === "inline" && reader === MANY && !cheap;
    if (way === "kernel" || way === "reduction" || wanted || shared) buffered.add(node);
    const kernel = buffered.has(node) ? node : reader;
    node.inputs.forEach((input, i) => {
      if (input.isLeaf) return;
      // A kernel's inputs, and what a take picks from, are read by address.
      read(input, way === "kernel" || (node.op.kind === "take" && i === 0) ? MANY : kernel);
    });
  }
  const readerOf = (node: Node): Node | null => {
    const reader = readers.get(node);
    return reader === undefined || reader === MANY ? null : reader;
  };
  return { buffered, readerOf };
}
