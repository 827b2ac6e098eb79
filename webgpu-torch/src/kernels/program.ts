/** Straight-line programs: what a fused chain of element-wise operations computes for one element. */

import type { DType } from "../base/dtype";
import type { ElementName } from "../ops/table";

/** Where the element at coordinates (i, j, …) reads: at offset + i·strides[0] + j·strides[1] + …, in elements. */
export interface Access {
  readonly strides: readonly number[];
  readonly offset: number;
}

/** One value of a program. `args`, `from` and `index` are numbers of earlier instructions. */
export type Instruction =
  /** An element of an input. */
  | { readonly kind: "load"; readonly dtype: DType; readonly input: number; readonly access: Access }
  /** An element of an input at an index that was computed: `index` counts steps of `stride`, and 0 ≤ index < size. */
  | {
      readonly kind: "take";
      readonly dtype: DType;
      readonly input: number;
      readonly access: Access;
      readonly index: number;
      readonly stride: number;
      readonly size: number;
    }
  /** The address itself, as a number: how arange and coordinates are made without a buffer. */
  | { readonly kind: "address"; readonly dtype: DType; readonly access: Access }
  | { readonly kind: "constant"; readonly dtype: DType; readonly value: number }
  /** What the kernel computed before: a matmul's or a reduction's result. */
  | { readonly kind: "accumulator"; readonly dtype: DType }
  | { readonly kind: "cast"; readonly dtype: DType; readonly from: number }
  | { readonly kind: "apply"; readonly dtype: DType; readonly op: ElementName; readonly args: readonly number[] };

/** The value of the last instruction is the result. */
export interface Program {
  readonly inputs: readonly DType[];
  readonly body: readonly Instruction[];
}

/** The dtype of a value. */
export function valueType(program: Program, value: number): DType {
  const instruction = program.body[value];
  if (!instruction) throw new RangeError(`program has no value ${value}`);
  return instruction.dtype;
}

/** The dtype of a program's result. */
export const resultOf = (program: Program): DType => valueType(program, program.body.length - 1);

/** The dtype that an operation's arguments have; `where` has a bool before them. */
export const argumentsOf = (program: Program, args: readonly number[]): DType => valueType(program, args.at(-1) ?? 0);

/** A program and the dimensions that it runs over, of which the first `kept` stay where the rest are reduced. */
export interface Loop {
  readonly shape: readonly number[];
  readonly kept: number;
  readonly program: Program;
}

/**
 * Merges neighbouring dimensions through which every access steps as through one, so that kernels decompose fewer indices.
 * Dimensions of size 1 are treated as any other: a batch of one gets the shader of a batch of many.
 */
export function mergeDims({ shape, kept, program }: Loop): Loop {
  const accesses = program.body.flatMap((i) => ("access" in i ? [i.access] : []));
  const lasts = shape.flatMap((_, d) => {
    const size = shape[d + 1];
    const merges = size !== undefined && d + 1 !== kept && accesses.every(({ strides }) => strides[d] === (strides[d + 1] ?? 0) * size);
    return merges ? [] : [d];
  });
  const sizes = lasts.map((last, k) => shape.slice((lasts[k - 1] ?? -1) + 1, last + 1).reduce((n, size) => n * size, 1));
  const pick = ({ strides, offset }: Access): Access => ({ strides: lasts.map((d) => strides[d] ?? 0), offset });
  const body = program.body.map((i) => ("access" in i ? { ...i, access: pick(i.access) } : i));
  return { shape: sizes, kept: lasts.filter((d) => d < kept).length, program: { inputs: program.inputs, body } };
}
