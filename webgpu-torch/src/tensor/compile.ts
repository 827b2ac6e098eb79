/** torch.compile: functions that are recorded once for each shape of their arguments, and replayed. */

import type { Backend } from "../backend/backend";
import { RuntimeError } from "../base/errors";
import type { Node } from "../graph/node";
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
 * tensors that `fn` reads from elsewhere, such as weights. Of PyTorch's options there are none: they are refused.
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
    const nodes = replay(
      known.recording,
      given.map((tensor) => tensor.node),
    );
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
  const parameters = given.map(({ shape, dtype }): Node => parameterNode(shape, dtype, backend));
  const form = fn(
    ...(exchange(
      args,
      parameters.map((node) => new Tensor(node)),
    ) as unknown as A),
  );
  const results = tensorsIn(form);
  if (results.length === 0) throw new RuntimeError("compile: the function returned no tensor");
  return {
    form,
    recording: record(
      parameters,
      results.map((tensor) => tensor.node),
      backend,
    ),
  };
}

/** The tensors in a tree, in order. */
function tensorsIn(tree: unknown): Tensor[] {
  if (tree instanceof Tensor) return [tree];
  if (Array.isArray(tree)) return tree.flatMap(tensorsIn);
  return isLiteral(tree) ? Object.values(tree).flatMap(tensorsIn) : [];
}

/** The tree with other tensors in the places of its own. */
function exchange(tree: unknown, tensors: readonly Tensor[]): unknown {
  let next = 0;
  const visit = (at: unknown): unknown => {
    if (at instanceof Tensor) return tensors[next++];
    if (Array.isArray(at)) return at.map(visit);
    return isLiteral(at) ? Object.fromEntries(Object.entries(at).map(([name, value]) => [name, visit(value)])) : at;
  };
  return visit(tree);
}

/** What a recording depends on: shapes and dtypes of tensors, and other values themselves. */
function describe(tree: unknown): string {
  if (tree instanceof Tensor) return `${tree.dtype} ${tree.shape.join("x")}`;
  if (Array.isArray(tree)) return `[${tree.map(describe).join()}]`;
  if (isLiteral(tree)) {
    const entries = Object.entries(tree).map(([name, value]) => `${JSON.stringify(name)}:${describe(value)}`);
    return `{${entries.join()}}`;
  }
  switch (typeof tree) {
    case "string":
      return JSON.stringify(tree);
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
