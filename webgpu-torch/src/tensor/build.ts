/** Adds nodes to the graph: what every function of the library is made of. */

import { asElement, type DType, dtypeOfScalar, isPacked, notPacked, type Promoted, resultType } from "../base/dtype";
import { RuntimeError } from "../base/errors";
import { broadcastShapes, numel, sameShape, type Shape } from "../base/shape";
import type { Move } from "../base/view";
import type { Backend } from "../backend/backend";
import { dataNode, Node, type Op } from "../graph/node";
import { roundTo } from "../ops/values";
import { argumentType, type ElementName, resultTypeOf } from "../ops/table";
import { Tensor } from "./tensor";

/** A tensor, or a number that stands for one of no dimensions. */
export type Operand = Tensor | number | boolean;

/** A tensor made by an op from others on the same device. */
export function make(op: Op, inputs: readonly Tensor[], shape: Shape, dtype: DType): Tensor {
  const nodes = inputs.map((tensor) => tensor.node);
  const [first] = nodes;
  if (!first) throw new RangeError("an op without inputs needs a device");
  const backend = commonBackend(op.kind, nodes);
  return new Tensor(new Node(op, nodes, shape, dtype, backend));
}

function commonBackend(name: string, nodes: readonly Node[]): Backend {
  const [first] = nodes;
  if (!first) throw new RuntimeError(`${name}: expected a tensor among the arguments`);
  for (const { backend } of nodes) {
    if (backend !== first.backend) {
      throw new RuntimeError(
        `${name}: Expected all tensors to be on the same device, but found at least two devices, ${first.backend.name} and ${backend.name}`,
      );
    }
  }
  return first.backend;
}

/** Another view of a tensor. */
export function moved(input: Tensor, move: Move, shape: Shape): Tensor {
  const { storage, dtype, backend } = input.node;
  // Data lies row by row: in another shape it is data still.
  if (storage && move.kind === "reshape") return new Tensor(dataNode(storage, shape, dtype, backend));
  return make({ kind: "move", move }, [input], shape, input.dtype);
}

/** A tensor of its own with the same elements: either may be disposed of without the other. */
export const copied = (input: Tensor): Tensor => new Tensor(input.node.clone(), input.rows?.map(copied) ?? null);

export function cast(input: Tensor, dtype: DType): Tensor {
  if (input.dtype === dtype) return input;
  if (isPacked(dtype)) throw notPacked("to", dtype);
  if (isPacked(input.dtype)) throw new RuntimeError(`to: dequantize() a ${input.dtype} weight first`);
  const whole = make({ kind: "cast" }, [input], input.shape, dtype);
  return input.rows
    ? new Tensor(
        whole.node,
        input.rows.map((part) => cast(part, dtype)),
      )
    : whole;
}

/** An element-wise operation, with PyTorch's promotion and broadcasting. */
export function element(name: Exclude<ElementName, "where">, ...operands: readonly Operand[]): Tensor {
  const argument = argumentType(name, promoted(name, operands));
  return elementOf(name, operands, argument);
}

/** `where`: the first operand is a bool and takes no part in the promotion. */
export function choose(condition: Tensor, a: Operand, b: Operand): Tensor {
  const dtype = promoted("where", [a, b]);
  if (condition.dtype !== "bool")
    throw new RuntimeError(`where: expected condition to be a boolean tensor, but got a tensor with dtype ${condition.dtype}`);
  return elementOf("where", [condition, a, b], dtype, 1);
}

function elementOf(name: ElementName, operands: readonly Operand[], argument: DType, firstCast = 0): Tensor {
  const device = operands.find((operand) => operand instanceof Tensor);
  if (!device) throw new TypeError(`${name}: expected a tensor among the arguments`);
  let shape: Shape = [];
  const nodes = operands.map((operand, i) => {
    if (!(operand instanceof Tensor)) return constantNode(Number(operand), argument, device.backend);
    shape = broadcastShapes(name, shape, operand.shape);
    return (i < firstCast ? operand : cast(operand, argument)).node;
  });
  numel(shape);
  return new Tensor(new Node({ kind: "element", name }, nodes, shape, resultTypeOf(name, argument), commonBackend(name, nodes)));
}

/** The dtype that operands have in common. */
export function promoted(name: string, operands: readonly Operand[]): DType {
  const [a, b] = operands;
  // The usual case: tensors of one dtype.
  if (a instanceof Tensor && (operands.length === 1 || (operands.length === 2 && b instanceof Tensor && a.dtype === b.dtype)))
    return a.dtype;
  const unsigned = operands.some((operand) => operand instanceof Tensor && operand.dtype === "uint32");
  return resultType(
    name,
    operands.map((operand): Promoted => {
      if (!(operand instanceof Tensor)) return { dtype: dtypeOfScalar(checkNumber(name, operand), unsigned), weight: "number" };
      return { dtype: operand.dtype, weight: operand.ndim === 0 ? "zero-dim" : "tensor" };
    }),
  );
}

function checkNumber(name: string, value: unknown): number | boolean {
  if (typeof value === "number" || typeof value === "boolean") return value;
  throw new TypeError(`${name}: expected a Tensor or a number, got ${value === null ? "null" : typeof value}`);
}

function constantNode(value: number, dtype: DType, backend: Backend): Node {
  // Kernels compute in words, which hold more than bools and bytes do.
  const held = dtype === "bool" ? Number(value !== 0) : dtype === "int8" ? (value << 24) >> 24 : value;
  return new Node({ kind: "constant", value: held }, [], [], dtype, backend);
}

/** A tensor whose elements are all one number. */
export function constant(value: number, shape: Shape, dtype: DType, backend: Backend): Tensor {
  if (isPacked(dtype)) throw notPacked("full", dtype);
  const node = constantNode(roundTo(dtype, asElement("full", value, dtype)), dtype, backend);
  return sameShape(shape, []) ? new Tensor(node) : moved(new Tensor(node), { kind: "expand", shape }, shape);
}

/** 0, 1, …, count - 1, as int32. */
export const range = (count: number, backend: Backend): Tensor => new Tensor(new Node({ kind: "arange" }, [], [count], "int32", backend));
