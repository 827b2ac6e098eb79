/** Writes the program that computes a node inside a kernel, from the buffers it reads. */

import { contiguousView, isContiguous, type Move, moveView, type View } from "../base/view";
import { numel, sameShape, type Shape } from "../base/shape";
import { packedWeight } from "../base/dtype";
import { RuntimeError } from "../base/errors";
import { at } from "../base/list";
import type { Access, Instruction, Program } from "../kernels/program";
import { NeedsBuffer } from "./decide";
import { moveKey, type Node } from "./node";

/** A move on the way from a buffer to the program's shape, and the node it moves: that is copied where the move needs it. */
interface Hop {
  readonly move: Move;
  readonly of: Node;
}

/** Hops in the order in which they are made. */
type Path = readonly Hop[];

export interface FuseLimits {
  /** Nodes with a buffer. */
  readonly buffered: ReadonlySet<Node>;
  /** Inputs that the kernel can bind for the program. */
  readonly maxInputs: number;
}

/** A program and the nodes that its inputs are. */
export interface Fused {
  readonly program: Program;
  readonly operands: readonly Node[];
}

/** Longer programs would need more registers than they save reads. */
const MAX_INSTRUCTIONS = 256;

/** The program that computes `root`'s elements; `accumulator` is a node that the kernel has computed before, element by element. */
export function fuse(root: Node, limits: FuseLimits, accumulator: Node | null = null): Fused {
  const fuser = new Fuser(root, limits, accumulator);
  fuser.define(root, []);
  return fuser.result();
}

/** The program that gives an input's elements, moved, to a reduction. */
export function fuseInput(input: Node, moves: readonly Move[], limits: FuseLimits): Fused {
  const fuser = new Fuser(null, limits, null);
  fuser.value(
    input,
    moves.map((move) => ({ move, of: input })),
  );
  return fuser.result();
}

/** The buffer that a node is a view of. */
export function viewOf(node: Node, buffered: ReadonlySet<Node>): { base: Node; view: View } {
  const { base, path } = baseOf(node, [], buffered);
  return { base, view: follow(base, path) };
}

function baseOf(node: Node, path: Path, buffered: ReadonlySet<Node>): { base: Node; path: Path } {
  let at = node;
  let hops = path;
  while (!buffered.has(at)) {
    const [input] = at.inputs;
    if (at.op.kind !== "move" || !input) throw new NeedsBuffer(at);
    hops = [{ move: at.op.move, of: input }, ...hops];
    at = input;
  }
  return { base: at, path: hops };
}

/** The view of a buffer that holds a node's elements, or null where they lie in none. */
export function viewIn(base: Node, node: Node): View | null {
  const moves: Move[] = [];
  for (let at = node; at !== base; ) {
    const [moved] = at.inputs;
    if (at.op.kind !== "move" || !moved) return null;
    moves.push(at.op.move);
    at = moved;
  }
  return moves.reduceRight<View | null>((view, move) => view && moveView(view, move), contiguousView(base.shape));
}

/** How a buffer lies after the hops. */
function follow(base: Node, path: Path): View {
  let view = contiguousView(base.shape);
  for (const { move, of } of path) {
    const moved = moveView(view, move);
    if (!moved) throw new NeedsBuffer(of);
    view = moved;
  }
  return view;
}

/** A node whose arguments are being computed: where they begin, and how many instructions each of those so far took. */
interface Frame {
  readonly node: Node;
  readonly start: number;
  readonly inputs: number;
  readonly sizes: number[];
}

/** Thrown back to the frame of which an argument was cut off. */
class Cut extends Error {
  constructor(readonly frame: Frame) {
    super("a program was too long");
  }
}

class Fuser {
  private readonly body: Instruction[] = [];
  private readonly inputs: Node[] = [];
  private readonly accesses: Access[] = [];
  /** Values of nodes, by the path behind them. */
  private readonly known = new Map<Node, Map<string, number>>();
  /** Nodes at whose arguments it is, the outermost first. */
  private readonly frames: Frame[] = [];
  /** Nodes that the program reads from buffers that they are to get. */
  private readonly cut = new Set<Node>();

  constructor(
    private readonly root: Node | null,
    private readonly limits: FuseLimits,
    private readonly accumulator: Node | null,
  ) {}

  result(): Fused {
    if (this.cut.size > 0) throw new NeedsBuffer(...this.cut);
    return { program: { inputs: this.inputs.map(({ dtype }) => dtype), body: this.body }, operands: this.inputs };
  }

  /** The number of the value that holds a node's element, at the end of a path. */
  value(node: Node, path: Path): number {
    let key = "";
    for (const { move } of path) key += `${moveKey(move)}/`;
    let values = this.known.get(node);
    if (!values) this.known.set(node, (values = new Map()));
    const known = values.get(key);
    if (known !== undefined) return known;
    const value = this.isBuffered(node) && node !== this.root ? this.load(node, path) : this.define(node, path);
    values.set(key, value);
    return value;
  }

  /** The same, by what defines the node and not from its buffer. */
  define(node: Node, path: Path): number {
    const { op, dtype } = node;
    switch (op.kind) {
      case "constant":
        return this.push({ kind: "constant", dtype, value: op.value });
      case "arange":
        return this.push({ kind: "address", dtype, access: follow(node, path) });
      case "cast":
        return this.push({ kind: "cast", dtype, from: this.value(input(node, 0), path) });
      case "move":
        return this.value(input(node, 0), [{ move: op.move, of: input(node, 0) }, ...path]);
      case "element": {
        const args = this.arguments(node, path);
        return this.push({ kind: "apply", dtype, op: op.name, args });
      }
      case "take":
        return this.take(node, op.dim, path);
      case "quantized":
        throw packedWeight("read");
      default:
        throw new NeedsBuffer(node);
    }
  }

  private isBuffered(node: Node): boolean {
    return this.limits.buffered.has(node) || this.cut.has(node);
  }

  private arguments(node: Node, path: Path): number[] {
    for (;;) {
      const frame: Frame = { node, start: this.body.length, inputs: this.inputs.length, sizes: [] };
      this.frames.push(frame);
      try {
        return node.inputs.map((argument) => {
          const before = this.body.length;
          const value = this.value(argument, this.expanded(argument, node.shape, path));
          frame.sizes.push(this.body.length - before);
          if (this.inputs.length > this.limits.maxInputs || this.body.length > MAX_INSTRUCTIONS) this.cutOff();
          return value;
        });
      } catch (error) {
        if (!(error instanceof Cut) || error.frame !== frame) throw error;
        this.rollBack(frame);
      } finally {
        this.frames.pop();
      }
    }
  }

  /** Cuts a program too long at the argument that most instructions compute, of all nodes that it is at, and goes on from there. */
  private cutOff(): never {
    let largest: { frame: Frame; node: Node; size: number } | null = null;
    for (const frame of this.frames) {
      for (const [i, size] of frame.sizes.entries()) {
        let node = input(frame.node, i);
        while (node.op.kind === "move" && !this.isBuffered(node)) node = input(node, 0);
        if (!this.isBuffered(node) && size > (largest?.size ?? 0)) largest = { frame, node, size };
      }
    }
    if (!largest) {
      const { node } = at(this.frames, this.frames.length - 1);
      if (node === this.root) throw new RuntimeError(`${node.inputs.length} inputs are more than this adapter can bind`);
      throw new NeedsBuffer(node, ...this.cut);
    }
    this.cut.add(largest.node);
    throw new Cut(largest.frame);
  }

  private rollBack({ start, inputs }: Frame): void {
    this.body.length = start;
    this.inputs.length = inputs;
    this.accesses.length = inputs;
    for (const values of this.known.values()) for (const [key, value] of values) if (value >= start) values.delete(key);
  }

  private expanded(argument: Node, shape: Shape, path: Path): Path {
    return sameShape(argument.shape, shape) ? path : [{ move: { kind: "expand", shape }, of: argument }, ...path];
  }

  private take(node: Node, dim: number, path: Path): number {
    const source = input(node, 0);
    const indices = input(node, 1);
    const { base, view } = viewOf(source, this.limits.buffered);
    const index = this.value(indices, this.expanded(indices, node.shape, path));
    const strides = view.strides.map((stride, d) => (d === dim ? 0 : stride));
    let access: View = { shape: node.shape, strides, offset: view.offset };
    for (const { move } of path) {
      const moved = moveView(access, move);
      if (!moved) throw new NeedsBuffer(node);
      access = moved;
    }
    const stride = view.strides[dim] ?? 0;
    return this.push({
      kind: "take",
      dtype: node.dtype,
      input: this.inputNumber(base, access),
      access,
      index,
      stride,
      size: source.shape[dim] ?? 1,
    });
  }

  private load(node: Node, path: Path): number {
    const access = follow(node, path);
    if (node === this.accumulator) {
      // The kernel holds one element, and it must be the one that is computed.
      const whole = isContiguous(access) && access.offset === 0 && numel(access.shape) === numel(node.shape);
      if (!whole) throw new NeedsBuffer(node);
      return this.push({ kind: "accumulator", dtype: node.dtype });
    }
    return this.push({ kind: "load", dtype: node.dtype, input: this.inputNumber(node, access), access });
  }

  /** Each way to read a buffer is an input of its own, since a kernel declares an input for one way. */
  private inputNumber(node: Node, access: Access): number {
    const known = this.accesses.findIndex(
      ({ strides, offset }, i) => this.inputs[i] === node && offset === access.offset && sameShape(strides, access.strides),
    );
    if (known >= 0) return known;
    this.inputs.push(node);
    return this.accesses.push(access) - 1;
  }

  private push(instruction: Instruction): number {
    return this.body.push(instruction) - 1;
  }
}

/** A node's input that its kind always has. */
export const input = (node: Node, i: number): Node => at(node.inputs, i);
