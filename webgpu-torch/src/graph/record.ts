/** Records a function's graph once, to replay it without building it again. */

import type { Backend } from "../backend/backend";
import type { DType } from "../base/dtype";
import { at } from "../base/list";
import type { Shape } from "../base/shape";
import { planOf } from "./compile";
import { type Call, copyNode, Node, type Recorded } from "./node";
import { walk } from "./walk";

/** What a replay needs. */
export interface Recording {
  readonly backend: Backend;
  readonly recorded: Recorded;
  /** Leaves of the plan: the number of an argument, or what the function read besides. */
  readonly leaves: readonly (number | Node)[];
  readonly outputs: readonly { readonly shape: Shape; readonly dtype: DType }[];
  /** For each result of the function, which output it is. */
  readonly results: readonly number[];
}

/** An argument that stands for those of the replays. */
export const parameterNode = (shape: Shape, dtype: DType, backend: Backend): Node =>
  new Node({ kind: "parameter" }, [], shape, dtype, backend);

let recordings = 0;

/** Records the graph between parameters and results, and in it what the functions do that were recorded before and are called. */
export function record(parameters: readonly Node[], results: readonly Node[], backend: Backend): Recording {
  // A result that is an argument, or data, is copied: a replay's outputs are its own.
  const copies = results.map((node) => (node.isLeaf ? copyNode(node) : node));
  const graph = walk(copies);
  const { plan, leaves } = planOf(graph, backend);
  return {
    backend,
    recorded: { number: recordings++, plan, executable: null },
    leaves: leaves.map((leaf) => {
      const argument = parameters.indexOf(leaf);
      return argument < 0 ? leaf : argument;
    }),
    outputs: graph.outputs.map(({ shape, dtype }) => ({ shape, dtype })),
    results: copies.map((node) => graph.outputs.indexOf(node)),
  };
}

/** The function's results on other arguments, computed when they are read. */
export function replay({ backend, recorded, leaves, outputs, results }: Recording, args: readonly Node[]): Node[] {
  const inputs = leaves.map((leaf) => (typeof leaf === "number" ? at(args, leaf) : leaf));
  const ops = outputs.map((_, output) => ({ kind: "call" as const, call: null as Call | null, output }));
  const nodes = outputs.map(({ shape, dtype }, i) => new Node(at(ops, i), inputs, shape, dtype, backend));
  const call: Call = { recorded, leaves: inputs, outputs: nodes };
  for (const op of ops) op.call = call;
  return results.map((i) => at(nodes, i));
}
