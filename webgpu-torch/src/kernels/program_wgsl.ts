/** Writes a program's instructions as WGSL, one `let` a value. */

import { type DType, laneOf } from "../base/dtype";
import { elementWgsl } from "../ops/table";
import type { Width } from "./lanes";
import type { Numbers } from "./params";
import { type Access, argumentsOf, type Instruction, type Program, valueType } from "./program";

/** What surrounds a program: how its inputs are called, and where its addresses come from. */
interface Surroundings {
  readonly width: Width;
  readonly params: Numbers;
  /** Number of the program's first input among the kernel's. */
  readonly firstInput: number;
  /** What an input's element is called, where the kernel has read it already. */
  readonly operand?: (input: number) => string;
  /** An expression for the access's address: u32, or with width 4 vec4u. */
  readonly address: (access: Access) => string;
  /** Inputs that are read four at a time, and the u32 address of the first of the four. */
  readonly quad: (access: Access, dtype: DType) => string | null;
  readonly accumulator: string;
  /** Put before the names of values, so that two programs fit one function. */
  readonly prefix: string;
}

/** The statements; the result is in `${prefix}${body.length - 1}`. */
export function programWgsl(program: Program, around: Surroundings): string {
  return program.body
    .map((instruction, i) => `let ${around.prefix}${i} = ${rounded(instruction.dtype, expression(program, instruction, around))};`)
    .join("\n  ");
}

/** Values live in lanes of 32 bits: narrower dtypes are rounded after each instruction that computes one, as PyTorch rounds each result. */
function rounded(dtype: DType, text: { code: string; exact: boolean }): string {
  if (text.exact) return text.code;
  if (dtype === "float16") return `op_to_half(${text.code})`;
  if (dtype === "int8") return `((${text.code} << U32(24u)) >> U32(24u))`;
  return text.code;
}

function expression(program: Program, instruction: Instruction, around: Surroundings): { code: string; exact: boolean } {
  const name = (value: number) => `${around.prefix}${value}`;
  switch (instruction.kind) {
    case "load":
      return { code: load(instruction, around), exact: true };
    case "take":
      return { code: take(instruction, name(instruction.index), around), exact: true };
    case "address":
      return { code: converted(`bitcast<I32>(${around.address(instruction.access)})`, "int32", instruction.dtype), exact: false };
    case "constant":
      return { code: constant(instruction.dtype, instruction.value, around.params), exact: true };
    case "accumulator":
      return { code: around.accumulator, exact: true };
    case "cast":
      return { code: converted(name(instruction.from), valueType(program, instruction.from), instruction.dtype), exact: false };
    case "apply":
      return {
        code: elementWgsl(instruction.op, laneOf(argumentsOf(program, instruction.args)), instruction.args.map(name)),
        exact: false,
      };
    default:
      return instruction satisfies never;
  }
}

function load({ input, access, dtype }: Extract<Instruction, { kind: "load" }>, around: Surroundings): string {
  if (around.operand) return around.operand(input);
  const at = `at${around.firstInput + input}`;
  const lane = laneOf(dtype);
  if (access.strides.every((stride) => stride === 0)) return `${lane}(${at}(${around.params.u32(access.offset)}))`;
  const quad = around.quad(access, dtype);
  if (quad !== null) return `${at}(${quad})`;
  const address = around.address(access);
  return around.width === 1 ? `${at}(${address})` : each(address, lane, (a) => `${at}(${a})`);
}

/** An index out of range reads nothing: NaN, or zero among integers. */
function take({ input, access, dtype, stride, size }: Extract<Instruction, { kind: "take" }>, index: string, around: Surroundings): string {
  const { params, width } = around;
  const lane = laneOf(dtype);
  const clamped = `min(U32(${index}), U32(${params.u32(size - 1)}))`;
  const address = `(${around.address(access)} + ${clamped} * ${params.u32(stride)})`;
  const at = `at${around.firstInput + input}`;
  const found = width === 1 ? `${at}(${address})` : each(address, lane, (a) => `${at}(${a})`);
  return `select(${lane === "F32" ? "op_nan()" : `${lane}()`}, ${found}, U32(${index}) < U32(${params.u32(size)}))`;
}

/** A vector of four reads at the four lanes of an address. */
const each = (address: string, lane: string, read: (a: string) => string): string =>
  `${lane}(${[..."xyzw"].map((c) => read(`${address}.${c}`)).join(", ")})`;

function constant(dtype: DType, value: number, params: Numbers): string {
  const lane = laneOf(dtype);
  switch (lane) {
    case "F32":
      return `F32(${params.f32(value)})`;
    case "I32":
      return `I32(${params.i32(value)})`;
    case "U32":
      return `U32(${params.u32(value)})`;
    case "BOOL":
      return `BOOL(${params.u32(value)} != 0u)`;
    default:
      return lane satisfies never;
  }
}

function converted(value: string, from: DType, to: DType): string {
  if (laneOf(from) === laneOf(to)) return value;
  // NaN is true, and "!=" would not say so.
  return to === "bool" ? `!(${value} == ${laneOf(from)}(0))` : `${laneOf(to)}(${value})`;
}
