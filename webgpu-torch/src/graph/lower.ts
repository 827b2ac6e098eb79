/** Turns a node that gets a buffer into the task that fills it. */

import { isContiguous, type Move, type View } from "../base/view";
import { numel } from "../base/shape";
import { RuntimeError } from "../base/errors";
import { type AttentionSpec, type HeadView } from "../kernels/attention";
import type { Strides } from "../kernels/batch_matmul";
import { WEIGHT_DTYPES, type WeightDtype } from "../kernels/kernel";
import { isLiteral } from "../kernels/params";
import { mergeDims } from "../kernels/program";
import type { Behind, Task } from "../kernels/task";
import { type Decision, NeedsBuffer } from "./decide";
import { fuse, fuseInput, input, viewOf } from "./fuse";
import { listTask } from "./list_task";
import type { Node } from "./node";

/** A task and the nodes whose buffers it reads. */
export interface Lowered {
  readonly task: Task;
  readonly operands: readonly Node[];
}

export interface Context extends Decision {
  readonly maxInputs: number;
  /** Norms that the one linear layer that reads them does itself. */
  readonly joinedNorms: ReadonlySet<Node>;
}

/** The kernel kinds behind which a chain can be fused. */
export type Anchor = Extract<Task, { kind: "linear" | "matmul" | "reduce" }>;

export function lower(node: Node, context: Context): Lowered {
  const { op } = node;
  switch (op.kind) {
    case "linear":
      return lowerLinear(input(node, 0), input(node, 1), context);
    case "matmul":
      return lowerMatmul(node, context);
    case "reduce":
      return lowerReduce(node, op, context);
    case "attention":
      return lowerAttention(node, op, context);
    case "norm":
    case "softmax":
    case "segment_reduce":
    case "embedding":
      return lowerRows(node, context);
    case "scan":
    case "sort_runs":
    case "merge_runs":
    case "scatter_places":
    case "scatter_join":
    case "random":
      return {
        task: listTask(node, op),
        operands: node.inputs.map((operand) => plain(operand, context)),
      };
    case "constant":
    case "arange":
    case "element":
    case "cast":
    case "take":
    case "move":
    case "quantized": {
      const { program, operands } = fuse(node, context);
      return { task: { kind: "elementwise", spec: mergeDims({ shape: node.shape, kept: node.shape.length, program }) }, operands };
    }
    case "data":
    case "parameter":
    case "call":
      throw new RuntimeError("a leaf needs no task, and a recorded function has tasks of its own");
    default:
      return op satisfies never;
  }
}

/** The buffer that holds a node's elements from its first byte on, row by row; most kernels read nothing else. */
export function plain(node: Node, { buffered }: Context): Node {
  if (buffered.has(node)) return node;
  const { base, view } = viewOf(node, buffered);
  if (!isContiguous(view) || view.offset !== 0) throw new NeedsBuffer(node);
  return base;
}

/** A weight's dtype as kernels name it, and its buffers. */
function weightOf(weight: Node, context: Context): { dtype: WeightDtype; operands: Node[] } {
  const parts = weight.op.kind === "quantized" ? weight.inputs : [weight];
  return { dtype: WEIGHT_DTYPES[weight.dtype] ?? "f32", operands: parts.map((part) => plain(part, context)) };
}

function lowerLinear(x: Node, w: Node, context: Context): Lowered {
  const weight = weightOf(w, context);
  const [N = 0, K = 0] = w.shape;
  const sizes = { M: numel(x.shape) / K, N, K, weight: weight.dtype };
  if (x.op.kind === "norm" && context.joinedNorms.has(x)) {
    const { norm: kind, eps, weight: scaled, bias } = x.op;
    const [rows, ...parts] = x.inputs.map((operand) => plain(operand, context));
    const spec = { ...sizes, norm: { kind, eps, weight: scaled, bias } };
    return { task: { kind: "linear", spec, behind: null }, operands: [...(rows ? [rows] : []), ...weight.operands, ...parts] };
  }
  return { task: { kind: "linear", spec: { ...sizes, norm: null }, behind: null }, operands: [plain(x, context), ...weight.operands] };
}

function lowerMatmul(node: Node, context: Context): Lowered {
  const a = input(node, 0);
  const b = input(node, 1);
  const transposed = asLinearWeight(b, context);
  if (transposed) return lowerLinear(a, transposed, context);
  const left = viewOf(a, context.buffered);
  const right = viewOf(b, context.buffered);
  const batch = node.shape.slice(0, -2);
  const [M = 0, N = 0] = node.shape.slice(-2);
  const spec = {
    batch,
    M,
    N,
    K: a.shape.at(-1) ?? 0,
    a: matrixStrides(left.view, batch.length),
    b: matrixStrides(right.view, batch.length),
  };
  return { task: { kind: "matmul", spec, behind: null }, operands: [left.base, right.base] };
}

/** w, where b is w.T and w lies row by row: then the product is a linear layer, which has the faster kernels. */
function asLinearWeight(b: Node, context: Context): Node | null {
  if (b.op.kind !== "move" || b.op.move.kind !== "permute" || b.shape.length !== 2 || context.buffered.has(b)) return null;
  if (b.op.move.order[0] !== 1) return null;
  const w = input(b, 0);
  const { view } = viewOf(w, context.buffered);
  return isContiguous(view) && view.offset === 0 ? w : null;
}

/** Strides of a batch of matrices; batch dimensions that are missing or of size 1 are stepped through in place. */
function matrixStrides({ shape, strides, offset }: View, batchDims: number): Strides {
  const own = shape.length - 2;
  const batch = Array.from({ length: batchDims }, (_, i) => {
    const d = i - (batchDims - own);
    return d < 0 || shape[d] === 1 ? 0 : (strides[d] ?? 0);
  });
  return { offset, batch, row: strides[own] ?? 0, column: strides[own + 1] ?? 0 };
}

function lowerReduce(node: Node, op: Extract<Node["op"], { kind: "reduce" }>, context: Context): Lowered {
  const x = input(node, 0);
  const all = x.shape.map((_, d) => d);
  const order = [...all.filter((d) => !op.dims.includes(d)), ...op.dims];
  const moves: Move[] = order.every((d, i) => d === i) ? [] : [{ kind: "permute", order }];
  const { program, operands } = fuseInput(x, moves, context);
  const shape = order.map((d) => x.shape[d] ?? 1);
  const loop = mergeDims({ shape, kept: shape.length - op.dims.length, program });
  return { task: { kind: "reduce", spec: { op: op.name, ...loop, epilogue: null } }, operands };
}

function lowerAttention(node: Node, op: Extract<Node["op"], { kind: "attention" }>, context: Context): Lowered {
  const viewed = (i: number) => headsOf(input(node, i), context);
  const [q, k, v] = [viewed(0), viewed(1), viewed(2)];
  const [cuQ, cuK] = [input(node, 3), input(node, 4)];
  const [, heads = 1, headDim = 1] = node.shape;
  const { maxQ, causal, scale } = op;
  const group = heads / (input(node, 1).shape[1] ?? heads);
  const spec: AttentionSpec = { batch: numel(cuQ.shape) - 1, maxQ, heads, group, headDim, q: q.view, k: k.view, v: v.view, causal, scale };
  return { task: { kind: "attention", spec }, operands: [q.base, k.base, v.base, plain(cuQ, context), plain(cuK, context)] };
}

interface Heads {
  readonly base: Node;
  readonly view: HeadView;
}

/** A (T, H, D) view as the attention kernel takes it: any strides forward but the last. */
function headsOf(node: Node, { buffered }: Context): Heads {
  const { base, view } = viewOf(node, buffered);
  const [row = 0, head = 0, last = 1] = view.strides;
  if ((last !== 1 && view.shape[2] !== 1) || row < 0 || head < 0) throw new NeedsBuffer(node);
  return { base, view: { offset: view.offset, row, head } };
}

/** Kernels over rows that lie side by side. */
function lowerRows(node: Node, context: Context): Lowered {
  const { op } = node;
  const x = input(node, 0);
  const operands = () => node.inputs.map((operand) => plain(operand, context));
  switch (op.kind) {
    case "norm": {
      const { norm: kind, width, eps, weight, bias } = op;
      return {
        task: { kind: "norm", spec: { kind, rows: numel(x.shape) / width, width, eps, weight, bias } },
        operands: operands(),
      };
    }
    case "softmax": {
      const width = x.shape.at(-1) ?? 1;
      return { task: { kind: "softmax", spec: { rows: numel(x.shape) / width, width, log: op.log } }, operands: operands() };
    }
    case "segment_reduce": {
      const [segments = 1] = node.shape;
      return {
        task: { kind: "segment_reduce", spec: { op: op.reduce, segments, width: numel(node.shape) / segments } },
        operands: operands(),
      };
    }
    case "embedding": {
      const table = input(node, 1);
      const weight = weightOf(table, context);
      const [rows = 1, width = 1] = table.shape;
      return {
        task: { kind: "embedding", spec: { tokens: numel(x.shape), rows, width, weight: weight.dtype } },
        operands: [plain(x, context), ...weight.operands],
      };
    }
    default:
      throw new RuntimeError(`${op.kind} does not run over rows`);
  }
}

/** The task of `anchor` with the chain from it to `node` fused behind, or null where the kernel cannot. */
export function lowerBehind(node: Node, anchor: Node, context: Context): Lowered | null {
  const before = lower(anchor, context);
  const { task } = before;
  if (task.kind !== "linear" && task.kind !== "matmul" && task.kind !== "reduce") return null;
  const maxInputs = context.maxInputs - before.operands.length;
  const { program, operands } = fuse(node, { buffered: context.buffered, maxInputs }, anchor);
  const joined = [...before.operands, ...operands];
  if (task.kind === "reduce") {
    const { shape, program: merged } = mergeDims({ shape: node.shape, kept: node.shape.length, program });
    return { task: { ...task, spec: { ...task.spec, epilogue: { shape, program: merged } } }, operands: joined };
  }
  const behind = behindMatmul(node, program, task.spec.N);
  return behind && { task: { ...task, behind }, operands: joined };
}

/** Matmul kernels read operands of the output's shape or one element a column, all of them float32. */
function behindMatmul(node: Node, program: Behind["program"], N: number): Behind | null {
  const operands: ("full" | "column")[] = [];
  for (const instruction of program.body) {
    if (instruction.kind === "take" || instruction.kind === "address") return null;
    if (instruction.kind === "constant" && !isLiteral(instruction.value)) return null;
    if (instruction.kind !== "load") continue;
    const { strides, offset } = instruction.access;
    const view = { shape: node.shape, strides, offset };
    const column = node.shape.at(-1) === N && strides.every((stride, d) => stride === (d === strides.length - 1 ? 1 : 0));
    if (instruction.dtype !== "float32" || offset !== 0 || !(column || isContiguous(view))) return null;
    operands[instruction.input] = column ? "column" : "full";
  }
  return { shape: node.shape, program, operands };
}
