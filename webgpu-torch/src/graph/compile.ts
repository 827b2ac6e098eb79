/** From a graph to an executable plan, which is kept for the next graph of the same structure and shapes. */

import type { Backend, Executable, Plan } from "../backend/backend";
import { RuntimeError, showShape } from "../base/errors";
import { numel } from "../base/shape";
import { decide, NeedsBuffer } from "./decide";
import { input } from "./fuse";
import { inline } from "./inline";
import { type Context, lower, lowerBehind, type Lowered } from "./lower";
import type { Call, Node } from "./node";
import { bytesOf, makePlan } from "./plan";
import type { Graph } from "./walk";

/** A plan for every graph of one key. Nodes are named by their place in the walk. */
export interface Compiled {
  readonly executable: Executable;
  /** The plan's leaves, among the graph's. */
  readonly leaves: readonly number[];
  /** Nodes that the run computes and forgets. */
  readonly passing: readonly number[];
}

/** Plans kept for each device: shapes vary with the text's length. */
const KEPT_PLANS = 128;

const cache = new WeakMap<Backend, Map<string, Compiled>>();

export function compile(graph: Graph, backend: Backend): Compiled {
  let plans = cache.get(backend);
  if (!plans) cache.set(backend, (plans = new Map()));
  const key = graph.key();
  const known = plans.get(key);
  // Put back last: the plan that was not used for longest is the first to go.
  plans.delete(key);
  const compiled = known ?? compileAnew(graph, backend);
  plans.set(key, compiled);
  const [oldest] = plans.keys();
  if (plans.size > KEPT_PLANS && oldest !== undefined) plans.delete(oldest);
  return compiled;
}

function compileAnew(graph: Graph, backend: Backend): Compiled {
  const { plan, leaves, made } = planOf(graph, backend);
  const outputs = new Set(graph.outputs);
  return {
    executable: backend.prepare(plan),
    leaves: leaves.map((leaf) => graph.leaves.indexOf(leaf)),
    passing: made.filter((node) => !outputs.has(node)).map((node) => graph.nodes.indexOf(node)).filter((place) => place >= 0),
  };
}

/** A graph's plan. */
export interface Planned {
  readonly plan: Plan;
  /** In the plan's order. */
  readonly leaves: readonly Node[];
  /** What the plan's steps compute, in their order; not all of what recorded functions do is in the graph. */
  readonly made: readonly Node[];
}

export function planOf(graph: Graph, backend: Backend): Planned {
  const lowered = lowerAll(graph, backend);
  const made = [...lowered.keys()];
  for (const node of made) checkFits(node, graph, backend);
  return { ...makePlan(lowered, graph.outputs), made };
}

/** Refuses what no buffer can hold, before any is made. */
function checkFits(node: Node, graph: Graph, backend: Backend): void {
  const bytes = bytesOf(node);
  if (bytes <= backend.maxBytes) return;
  throw new RuntimeError(
    `${calledFor(node, graph)}: a result of shape ${showShape(node.shape)} takes ${bytes} bytes, but this adapter's buffers hold at most ${backend.maxBytes}`,
  );
}

/** The function whose result a node is, or is on the way to. */
function calledFor(node: Node, { nodes }: Graph): string {
  if (node.called) return node.called;
  const onTheWay = new Set([node]);
  for (const next of nodes) {
    if (!next.inputs.some((operand) => onTheWay.has(operand))) continue;
    if (next.called) return next.called;
    onTheWay.add(next);
  }
  return node.op.kind;
}

/** Lowers all nodes that get a buffer. Where more turn out to need one, starts again with that known. */
function lowerAll(graph: Graph, backend: Backend): Map<Node, Lowered> {
  const outputs = new Set(graph.outputs);
  const forced = new Set<Node>();
  for (;;) {
    try {
      const joinedNorms = normsToJoin(graph, backend);
      return lowerOnce(graph, { ...decide(graph.nodes, outputs, forced), maxInputs: backend.maxInputs, joinedNorms }, outputs);
    } catch (error) {
      if (!(error instanceof NeedsBuffer) || error.nodes.every((node) => forced.has(node))) throw error;
      for (const node of error.nodes) forced.add(node);
    }
  }
}

/** Norms that nobody reads but one linear layer, where that can do them on the way. */
function normsToJoin({ nodes, outputs }: Graph, backend: Backend): ReadonlySet<Node> {
  const readers = new Map<Node, Set<Node>>();
  for (const node of nodes) {
    if (node.op.kind === "norm" && !node.isLeaf) readers.set(node, new Set());
    for (const read of node.inputs) readers.get(read)?.add(node);
  }
  const joins = (node: Node): boolean => {
    const [reader, ...others] = readers.get(node) ?? [];
    if (node.op.kind !== "norm" || outputs.includes(node)) return false;
    if (!reader || others.length > 0 || reader.op.kind !== "linear" || reader.inputs[0] !== node) return false;
    const K = node.op.width;
    // The packed weight's two inputs, the norm's and the output leave room for a bias among the eight that every adapter binds.
    return node.shape.at(-1) === K && reader.inputs[1]?.shape[1] === K && backend.fusesNorm({ M: numel(node.shape) / K, K });
  };
  return new Set([...readers.keys()].filter(joins));
}

function lowerOnce(graph: Graph, context: Context, outputs: ReadonlySet<Node>): Map<Node, Lowered> {
  // An empty tensor needs no work: whatever reads one is empty too.
  const work = graph.nodes.filter(
    (node) => context.buffered.has(node) && !node.isLeaf && numel(node.shape) > 0 && !context.joinedNorms.has(node),
  );
  const behind = new Map<Node, Lowered>();
  const absorbed = new Set<Node>();
  for (const node of work) {
    const anchor = anchorOf(node, context, outputs);
    const joined = anchor && tryBehind(node, anchor, context);
    if (!joined) continue;
    behind.set(node, joined);
    absorbed.add(anchor);
  }
  const lowered = new Map<Node, Lowered>();
  const inlined = new Set<Call>();
  for (const node of work) {
    const call = node.op.kind === "call" ? node.op.call : null;
    if (call) {
      if (!inlined.has(call)) for (const [part, task] of inline(call, context)) lowered.set(part, task);
      inlined.add(call);
    } else if (!absorbed.has(node)) lowered.set(node, behind.get(node) ?? lower(node, context));
  }
  return lowered;
}

const ANCHORS: readonly string[] = ["linear", "matmul", "reduce"];

/** The product or reduction behind which an element-wise node can be computed: the last that no one else reads. */
function anchorOf(node: Node, context: Context, outputs: ReadonlySet<Node>): Node | null {
  const { kind } = node.op;
  // Kernels with a chain behind them write whole words.
  if ((kind !== "element" && kind !== "cast") || node.dtype === "float16" || node.dtype === "int8") return null;
  let found: Node | null = null;
  const seen = new Set<Node>();
  const visit = (at: Node) => {
    if (seen.has(at)) return;
    seen.add(at);
    if (at !== node && context.buffered.has(at)) {
      const alone = context.readerOf(at) === node && !outputs.has(at);
      if (alone && ANCHORS.includes(at.op.kind) && numel(at.shape) === numel(node.shape)) found = at;
      return;
    }
    at.inputs.forEach(visit);
  };
  node.inputs.forEach(visit);
  return found;
}

function tryBehind(node: Node, anchor: Node, context: Context): Lowered | null {
  if (anchor.op.kind !== "reduce" && node.dtype !== "float32") return null;
  if (numel(input(anchor, 0).shape) === 0) return null;
  try {
    return lowerBehind(node, anchor, context);
  } catch (error) {
    if (error instanceof NeedsBuffer) return null;
    throw error;
  }
}
