/** torch.compile: functions that are recorded once for each shape of their arguments, and replayed. */

import type { Backend } from "../backend/backend";
import { RuntimeError } from "../base/errors";
import { Node } from "../graph/node";
import { parameterNode, record, type Recording, replay } from "../graph/record";
import { keywords } from "./keywords";
import { Tensor } from "./tensor";

/** Tensors, alone or in arrays and object literals. */
export type Tree = Tensor | readonly Tree[] | { readonly [name: string]: Tree };

/** Recordings kept for each function: lengths vary. */
const KEPT = 64;

interface Kept<R extends Tree> {
  readonly recording: Recording;
  /** The function's result, whose tensors the replays' take the places of. */
  readonly form: R;
}

/**
 * A function that does what `fn` does, without building the graph anew: the first call with arguments of some shapes and dtypes
 * records what `fn` makes of them, later ones replay it. Arguments that are no tensors are part of what is recorded; so are
 * tensors that `fn` reads from elsewhere, such as weights. A recorded function may call another: a layer that gets its weights as
 * arguments is recorded once for all layers of a model. Of PyTorch's options there are none: they are refused.
 */
export function compile<A extends readonly unknown[], R extends Tree>(fn: (...args: A) => R, options: object = {}): (...args: A) => R {
  if (typeof fn !== "function") throw new TypeError(`compile: expected a function, got ${fn === null ? "null" : typeof fn}`);
  keywords("compile", [], [options]);
  // A recording is of one device, and gone with it.
  const devices = new WeakMap<Backend, Map<string, Kept<R>>>();
  return (...args) => {
    const given = tensorsIn(args);
    const [first] = given;
    if (!first) throw new RuntimeError("compile: expected a tensor among the arguments");
    const kept = devices.get(first.backend) ?? new Map<string, Kept<R>>();
    devices.set(first.backend, kept);
    const key = describe(args);
    let known = kept.get(key);
    if (known) kept.delete(key);
    else known = trace(fn, args, given, first.backend);
    kept.set(key, known);
    const [oldest] = kept.keys();
    if (kept.size > KEPT && oldest !== undefined) kept.delete(oldest);
    const nodes = replay(known.recording, buffersOf(given));
    return exchange(
      known.form,
      nodes.map((node) => new Tensor(node)),
    ) as R;
  };
}

function trace<A extends readonly unknown[], R extends Tree>(
  fn: (...args: A) => R,
  args: A,
  given: readonly Tensor[],
  backend: Backend,
): Kept<R> {
  const parameters = given.map(parameterOf);
  const form = fn(...(exchange(args, parameters) as unknown as A));
  const results = tensorsIn(form);
  if (results.length === 0) throw new RuntimeError("compile: the function returned no tensor");
  return {
    form,
    recording: record(
      buffersOf(parameters),
      results.map((tensor) => tensor.node),
      backend,
    ),
  };
}

/** What holds tensors' elements: one node each, but for packed weights and for those in several parts. */
function buffersOf(tensors: readonly Tensor[], found: Node[] = []): Node[] {
  for (const { rows, node } of tensors) {
    if (rows) buffersOf(rows, found);
    else if (node.op.kind === "quantized") found.push(...node.inputs);
    else found.push(node);
  }
  return found;
}

/** A tensor that stands for the argument, of the same parts. */
function parameterOf({ rows, node }: Tensor): Tensor {
  // No buffer holds it whole: who reads that hears so.
  if (rows) return new Tensor(node, rows.map(parameterOf));
  const { op, shape, dtype, backend } = node;
  if (op.kind !== "quantized") return new Tensor(parameterNode(shape, dtype, backend));
  const parts = node.inputs.map((part) => parameterNode(part.shape, part.dtype, backend));
  return new Tensor(new Node(op, parts, shape, dtype, backend));
}

/** The tensors in a tree, in order. */
function tensorsIn(tree: unknown, found: Tensor[] = []): Tensor[] {
  if (tree instanceof Tensor) found.push(tree);
  else if (Array.isArray(tree)) for (const inner of tree) tensorsIn(inner, found);
  else if (isLiteral(tree)) for (const name in tree) tensorsIn(tree[name], found);
  return found;
}

/** The tree with other tensors in the places of its own. */
function exchange(tree: unknown, tensors: readonly Tensor[]): unknown {
  let next = 0;
  const visit = (at: unknown): unknown => {
    if (at instanceof Tensor) return tensors[next++];
    if (Array.isArray(at)) return at.map(visit);
    if (!isLiteral(at)) return at;
    const literal: Record<string, unknown> = {};
    for (const name in at) literal[name] = visit(at[name]);
    return literal;
  };
  return visit(tree);
}

/** What a recording depends on: shapes and dtypes of tensors, and other values themselves. Texts come with their lengths, so that none reads as two. */
function describe(tree: unknown): string {
  if (tree instanceof Tensor) return tree.rows ? `parts${describe(tree.rows)}` : tree.node.form;
  if (Array.isArray(tree)) {
    let text = "[";
    for (const inner of tree) text += `${describe(inner)},`;
    return `${text}]`;
  }
  if (isLiteral(tree)) {
    let text = "{";
    for (const name in tree) text += `${name.length}:${name}:${describe(tree[name])},`;
    return `${text}}`;
  }
  switch (typeof tree) {
    case "string":
      return `"${tree.length}:${tree}`;
    case "number":
      return Object.is(tree, -0) ? "-0" : String(tree);
    case "boolean":
    case "undefined":
      return String(tree);
    default:
      if (tree === null) return "null";
      throw new TypeError("compile: arguments are tensors, plain values, arrays and object literals of them");
  }
}

function isLiteral(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && Object.getPrototypeOf(value) === Object.prototype;
}
