/** Runs element-wise programs, one instruction at a time over all elements. */

import type { Access, Instruction, Program } from "../../kernels/program";
import { argumentsOf } from "../../kernels/program";
import { elementCpu } from "../../ops/table";
import { makeValues, roundTo, type Values } from "../../ops/values";

/** The program's result over a shape. */
export function runProgram(program: Program, shape: readonly number[], inputs: readonly Values[], accumulator: Values | null): Values {
  const count = shape.reduce((n, size) => n * size, 1);
  const values: Values[] = [];
  for (const instruction of program.body) {
    const out = makeValues(instruction.dtype, count);
    const element = elementOf(instruction, program, values, { shape, inputs, accumulator });
    // A number beside a float16 tensor is not rounded to float16, as in PyTorch; what comes of the two is.
    const dtype = instruction.kind === "constant" ? "float32" : instruction.dtype;
    for (let i = 0; i < count; i++) out[i] = roundTo(dtype, element(i));
    values.push(out);
  }
  return values.at(-1) ?? new Float32Array();
}

interface Around {
  readonly shape: readonly number[];
  readonly inputs: readonly Values[];
  readonly accumulator: Values | null;
}

/** The instruction as a function of the element's number. */
function elementOf(
  instruction: Instruction,
  program: Program,
  values: readonly Values[],
  { shape, inputs, accumulator }: Around,
): (i: number) => number {
  const value = (number: number): Values => values[number] ?? new Float32Array();
  switch (instruction.kind) {
    case "load": {
      const input = inputs[instruction.input] ?? new Float32Array();
      const address = addressOf(shape, instruction.access);
      return (i) => input[address(i)] ?? 0;
    }
    case "take": {
      const input = inputs[instruction.input] ?? new Float32Array();
      const address = addressOf(shape, instruction.access);
      const index = value(instruction.index);
      const nothing = input instanceof Float32Array ? NaN : 0;
      return (i) => {
        const at = index[i] ?? 0;
        return at >= 0 && at < instruction.size ? (input[address(i) + at * instruction.stride] ?? 0) : nothing;
      };
    }
    case "address":
      return addressOf(shape, instruction.access);
    case "constant":
      return () => instruction.value;
    case "accumulator":
      return (i) => accumulator?.[i] ?? 0;
    case "cast": {
      const from = value(instruction.from);
      return instruction.dtype === "bool" ? (i) => Number(from[i] !== 0) : (i) => from[i] ?? 0;
    }
    case "apply": {
      const [a, b, c] = instruction.args.map(value);
      const apply = elementCpu(instruction.op, argumentsOf(program, instruction.args));
      return (i) => apply(a?.[i] ?? 0, b?.[i] ?? 0, c?.[i] ?? 0);
    }
    default:
      return instruction satisfies never;
  }
}

/** The address of element `i`, in row order. */
function addressOf(shape: readonly number[], { strides, offset }: Access): (i: number) => number {
  return (i) => {
    let rest = i;
    let address = offset;
    for (let d = shape.length - 1; d >= 0; d--) {
      const size = shape[d] ?? 1;
      address += (rest % size) * (strides[d] ?? 0);
      rest = Math.floor(rest / size);
    }
    return address;
  };
}
