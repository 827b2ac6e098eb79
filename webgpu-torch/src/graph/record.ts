/** Records a function's graph once, to replay it without building it again. */

import type { Backend, Executable } from "../backend/backend";
import type { DType } from "../base/dtype";
import { RuntimeError } from "../base/errors";
import { at } from "../base/list";
import type { Shape } from "../base/shape";
import { compileAnew } from "./compile";
import { type Call, copyNode, Node } from "./node";
import { walk } from "./walk";

/** What a replay needs. */
export interface Recording {
  readonly backend: Backend;
  readonly executable: Executable;
  /** Leaves of the plan: the number of an argument, or what the function read besides. */
  readonly leaves: readonly (number | Node)[];
  readonly outputs: readonly { readonly shape: Shape; readonly dtype: DType }[];
  /** For each result of the function, which output it is. */
  readonly results: readonly number[];
}

/** An argument that stands for those of the replays. */
export const parameterNode = (shape: Shape, dtype: DType, backend: Backend): Node =>
  new Node({ kind: "parameter" }, [], shape, dtype, backend);

/** Records the graph between parameters and results. */
export function record(parameters: readonly Node[], results: readonly Node[], backend: Backend): Recording {
  // A result that is an argument, or data, is copied: a replay's outputs are its own.
  const copies = results.map((node) => (node.isLeaf ? copyNode(node) : node));
  const graph = walk(copies);
  if (graph.calls.length > 0)
    throw new RuntimeError("compile: a compiled function cannot record another one's result; call the plain function inside");
  const { executable, leaves } = compileAnew(graph, backend);
  return {
    backend,
    executable,
    leaves: leaves.map((i) => {
      const leaf = at(graph.leaves, i);
      const argument = parameters.indexOf(leaf);
      return argument < 0 ? leaf : argument;
    }),
    outputs: graph.outputs.map(({ shape, dtype }) => ({ shape, dtype })),
    results: copies.map((node) => graph.outputs.indexOf(node)),
  };
}

/** The function's results on other arguments, computed when they are read. */
export function replay({ backend, executable, leaves, outputs, results }: Recording, args: readonly Node[]): Node[] {
  const ops = outputs.map(() => ({ kind: "call" as const, call: null as Call | null }));
  const nodes = outputs.map(({ shape, dtype }, i) => new Node(at(ops, i), [], shape, dtype, backend));
  const call: Call = { executable, leaves: leaves.map((leaf) => (typeof leaf === "number" ? at(args, leaf) : leaf)), outputs: nodes };
  for (const op of ops) op.call = call;
  return results.map((i) => at(nodes, i));
}
