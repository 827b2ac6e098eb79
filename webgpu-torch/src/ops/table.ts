/** Every element-wise operation by name, and the dtype that it gives. */

import { type DType, isFloat, isPacked, type Lane, laneOf, packedWeight } from "../base/dtype";
import { NotImplementedError, RuntimeError } from "../base/errors";
import { BINARY } from "./binary";
import type { ElementOp } from "./element";
import { UNARY } from "./unary";

const select = (a: string, b: string, c: string): string => `select(${c}, ${b}, ${a})`;

/** `where` chooses between its second and third argument by its first, a bool. */
const TERNARY = {
  where: { takes: "any", gives: "same", wgsl: (_, a, b, c) => select(a, b, c), bool: select, cpu: (a, b, c) => (a ? b : c) },
} satisfies Record<string, ElementOp>;

const TABLE = { ...UNARY, ...BINARY, ...TERNARY };

export type UnaryName = keyof typeof UNARY;
export type BinaryName = keyof typeof BINARY;
export type ElementName = keyof typeof TABLE;

const elementOp = (name: ElementName): ElementOp => TABLE[name];

/** The dtype that arguments are converted to before the operation, from the one they were promoted to. */
export function argumentType(name: ElementName, promoted: DType): DType {
  if (isPacked(promoted)) throw packedWeight(name);
  const { takes } = elementOp(name);
  switch (takes) {
    case "any":
      return promoted;
    case "number":
      if (promoted === "bool") throw notOfBools(name);
      return promoted;
    case "float":
      return isFloat(promoted) ? promoted : "float32";
    case "floating":
      if (!isFloat(promoted)) throw new NotImplementedError(`${name}: not implemented for '${promoted}', only for floats`);
      return promoted;
    case "bool":
      return "bool";
    case "integral":
      if (isFloat(promoted)) throw new NotImplementedError(`${name}: not implemented for '${promoted}', only for integers`);
      if (promoted === "bool" && !elementOp(name).bool) throw notOfBools(name);
      return promoted;
    default:
      return takes satisfies never;
  }
}

/** Two functions are refused with advice, the others are merely missing. */
function notOfBools(name: ElementName): RuntimeError {
  if (name === "neg") return new RuntimeError("neg: Negation, the `-` operator, on a bool tensor is not supported; use logical_not() to invert a mask");
  if (name === "relu") return new RuntimeError("relu: Boolean inputs not supported for relu");
  return new NotImplementedError(`${name}: not implemented for 'bool'`);
}

/** The dtype of the result on arguments of a dtype. */
export const resultTypeOf = (name: ElementName, argument: DType): DType => (elementOp(name).gives === "bool" ? "bool" : argument);

/** The WGSL expression of an operation on arguments of one lane. */
export function elementWgsl(name: ElementName, lane: Lane, args: readonly string[]): string {
  const op = elementOp(name);
  const [a = "", b = "", c = ""] = args;
  if (lane !== "BOOL") return op.wgsl(lane, a, b, c);
  if (!op.bool) throw notOfBools(name);
  return op.bool(a, b, c);
}

/** The reference function of an operation on arguments of a dtype. */
export function elementCpu(name: ElementName, argument: DType): ElementOp["cpu"] {
  const op = elementOp(name);
  if (argument === "bool") return op.cpuBool ?? ((a, b, c) => Number(op.cpu(a, b, c) !== 0));
  return laneOf(argument) !== "F32" && op.cpuInt ? op.cpuInt : op.cpu;
}
