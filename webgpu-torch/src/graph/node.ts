/** The nodes of the graph: tensors that are, or will be when someone asks. */

import type { Backend, Executable, Plan } from "../backend/backend";
import type { Storage } from "../backend/storage";
import type { DType } from "../base/dtype";
import { at } from "../base/list";
import { frozen, type Shape } from "../base/shape";
import type { Move } from "../base/view";
import type { ScanOp } from "../ops/lists";
import type { SegmentOp } from "../ops/lookup";
import type { Distribution } from "../ops/philox";
import type { ReduceName } from "../ops/reduce";
import type { ElementName } from "../ops/table";

/** What makes a node's elements from its inputs. */
export type Op =
  /** Data that is there: `storage` holds it. */
  | { readonly kind: "data" }
  /** An argument of a function being recorded; data at each replay. */
  | { readonly kind: "parameter" }
  /** An output of a recorded function, whose inputs are what that reads; `call` is set right after the nodes are made. */
  | { readonly kind: "call"; call: Call | null; readonly output: number }
  /** One number. */
  | { readonly kind: "constant"; readonly value: number }
  /** 0, 1, 2, … */
  | { readonly kind: "arange" }
  /** A block-quantised weight, as the node's dtype says: its integers and float16 scales (rows, columns / 32). */
  | { readonly kind: "quantized" }
  | { readonly kind: "move"; readonly move: Move }
  /** Inputs broadcast to the node's shape. */
  | { readonly kind: "element"; readonly name: ElementName }
  | { readonly kind: "cast" }
  /** source, index: the element of the source at the same place, but for `dim`, where the index says. */
  | { readonly kind: "take"; readonly dim: number }
  | { readonly kind: "reduce"; readonly name: ReduceName; readonly dims: readonly number[] }
  /** x (…, K), weight (N, K). */
  | { readonly kind: "linear" }
  /** (…, M, K), (…, K, N). */
  | { readonly kind: "matmul" }
  /** q (T, H, D), k and v (T, H or a divisor, D), cuQ, cuK. */
  | { readonly kind: "attention"; readonly maxQ: number; readonly causal: boolean; readonly scale: number }
  /** x, then the weight and the bias where there are. */
  | {
      readonly kind: "norm";
      readonly norm: "layer" | "rms";
      readonly width: number;
      readonly eps: number;
      readonly weight: boolean;
      readonly bias: boolean;
    }
  /** Over the last dimension. */
  | { readonly kind: "softmax"; readonly log: boolean }
  /** x (T, …), lengths. */
  | { readonly kind: "segment_reduce"; readonly reduce: SegmentOp }
  /** ids, weight. */
  | { readonly kind: "embedding" }
  | ListOp;

/** Work along rows, whose length is the last dimension. */
export type ListOp =
  /** Running sums or products. */
  | { readonly kind: "scan"; readonly scan: ScanOp }
  /** Positions of the first `keep` elements of each sorted run of a row. */
  | { readonly kind: "sort_runs"; readonly descending: boolean; readonly keep: number }
  /** x, positions in runs of `run`: the same for two runs in one. */
  | { readonly kind: "merge_runs"; readonly descending: boolean; readonly run: number; readonly keep: number }
  /** For each place of a row the last of the indices that names it, or -1. */
  | { readonly kind: "scatter_places" }
  /** index, values of the same shape: their sums or products at each place of a row. */
  | { readonly kind: "scatter_join"; readonly join: ScanOp }
  /** Random numbers from a generator's state. */
  | { readonly kind: "random"; readonly distribution: Distribution };

/** What a function does, for arguments of some shapes. */
export interface Recorded {
  /** No other has it. */
  readonly number: number;
  readonly plan: Plan;
  /** Made when the plan runs by itself for the first time. */
  executable: Executable | null;
}

/** A recorded function, waiting to be run on its arguments. */
export interface Call {
  readonly recorded: Recorded;
  /** Arguments and whatever else the function reads, in the plan's order. */
  readonly leaves: readonly Node[];
  /** In the plan's order. */
  readonly outputs: readonly Node[];
}

const DATA: Op = { kind: "data" };

export class Node {
  /** The elements, row by row, once they are there. */
  storage: Storage | null = null;
  /** The function that was called for it, for errors. */
  called: string | null = null;
  /** Runs that computed this node on the way to another: the second one keeps it. */
  runs = 0;
  /** Clones made before the elements were there, which are to have them too. */
  private clones: WeakRef<Node>[] = [];
  private described: string | null = null;

  /** Its own, and frozen: who gets it, or gave it, may not change it. */
  readonly shape: Shape;

  constructor(
    public op: Op,
    public inputs: readonly Node[],
    shape: Shape,
    readonly dtype: DType,
    readonly backend: Backend,
  ) {
    this.shape = frozen(shape);
  }

  /** Its dtype and shape as text. */
  get form(): string {
    return (this.described ??= `${this.dtype} ${this.shape.join("x")}`);
  }

  /** Makes the node data, and lets go of what it was computed from. */
  settle(storage: Storage): void {
    this.storage = storage;
    this.op = DATA;
    this.inputs = [];
    for (const clone of this.clones.splice(0).map((known) => known.deref())) if (clone && !clone.storage) clone.settle(storage.share());
  }

  /** A node with the same elements that outlives this one: it shares what memory there is, or will be when this node is computed first. */
  clone(): Node {
    const { op, shape, dtype, backend } = this;
    if (this.storage) return dataNode(this.storage.share(), shape, dtype, backend);
    if (op.kind === "quantized") {
      const parts = this.inputs.map((input) => input.clone());
      return new Node(op, parts, shape, dtype, backend);
    }
    const views: Node[] = [];
    let base: Node = this;
    while (base.op.kind === "move") {
      views.push(base);
      base = at(base.inputs, 0);
    }
    // What it is a view of may be disposed of too.
    const viewed = views.reduceRight((input, view) => new Node(view.op, [input], view.shape, dtype, backend), views.length > 0 ? base.clone() : base);
    const clone = copyNode(viewed);
    this.clones.push(new WeakRef(clone));
    return clone;
  }

  /** Whether the node starts a graph. */
  get isLeaf(): boolean {
    return this.storage !== null || this.op.kind === "parameter";
  }
}

/** A node for data that is there. */
export function dataNode(storage: Storage, shape: Shape, dtype: DType, backend: Backend): Node {
  const node = new Node(DATA, [], shape, dtype, backend);
  node.storage = storage;
  return node;
}

/** A node with the same elements, in memory of its own once it is computed. */
export const copyNode = (node: Node): Node => new Node({ kind: "cast" }, [node], node.shape, node.dtype, node.backend);

/** The op's attributes as text: equal for ops that do the same. */
export function opKey(op: Op): string {
  switch (op.kind) {
    case "constant":
      return `=${Object.is(op.value, -0) ? "-0" : op.value}`;
    case "move":
      return moveKey(op.move);
    case "element":
      return op.name;
    case "take":
      return `take${op.dim}`;
    case "reduce":
      return `${op.name}/${op.dims.join()}`;
    case "attention":
      return `attention ${op.maxQ} ${op.causal} ${op.scale}`;
    case "norm":
      return `${op.norm} ${op.width} ${op.eps} ${op.weight} ${op.bias}`;
    case "softmax":
      return op.log ? "log_softmax" : "softmax";
    case "segment_reduce":
      return `segment_${op.reduce}`;
    case "scan":
      return `cum${op.scan}`;
    case "scatter_join":
      return `scatter_${op.join}`;
    case "sort_runs":
      return `sort ${op.descending} ${op.keep}`;
    case "merge_runs":
      return `merge ${op.descending} ${op.run} ${op.keep}`;
    case "random":
      return `random_${op.distribution}`;
    case "call":
      return `call ${op.call?.recorded.number} ${op.output}`;
    case "data":
    case "parameter":
    case "arange":
    case "quantized":
    case "cast":
    case "linear":
    case "matmul":
    case "embedding":
    case "scatter_places":
      return op.kind;
    default:
      return op satisfies never;
  }
}

/** A move as text. */
export function moveKey(move: Move): string {
  switch (move.kind) {
    case "reshape":
      return `r${move.shape.join("x")}`;
    case "expand":
      return `e${move.shape.join("x")}`;
    case "permute":
      return `p${move.order.join()}`;
    case "slice":
      return `s${move.dim},${move.start},${move.length},${move.step}`;
    default:
      return move satisfies never;
  }
}
