/** Reductions: how each starts, takes in an element, joins two halves and ends; with its reference on the CPU. */

import { type DType, isFloat, type Lane } from "../base/dtype";

export interface ReduceOp {
  /** "sum" turns bools into integers, as adding them up does. */
  readonly takes: "any" | "sum";
  readonly gives: "same" | "bool" | "index";
  /** The state before the first element, by lane. */
  readonly start: (T: Lane) => string;
  /** The state of two joined states; for index reductions see `reduceWgsl`. */
  readonly join: (T: Lane, a: string, b: string) => string;
  /** The reference. */
  readonly cpu: (values: ArrayLike<number>) => number;
  /** What an empty reduction gives, where it gives anything. */
  readonly empty?: number;
}

const lowest = (T: Lane): string => (T === "F32" ? "(-op_inf())" : T === "I32" ? "bitcast<I32>(0x80000000u)" : `${T}()`);
const highest = (T: Lane): string =>
  T === "F32" ? "op_inf()" : T === "I32" ? "I32(0x7fffffff)" : T === "U32" ? "U32(0xffffffffu)" : "BOOL(true)";
const larger = (T: Lane, a: string, b: string): string =>
  T === "F32" ? `op_max(${a}, ${b})` : T === "BOOL" ? `(${a} | ${b})` : `max(${a}, ${b})`;
const smaller = (T: Lane, a: string, b: string): string =>
  T === "F32" ? `op_min(${a}, ${b})` : T === "BOOL" ? `(${a} & ${b})` : `min(${a}, ${b})`;
const plus = (_: Lane, a: string, b: string): string => `(${a} + ${b})`;
const times = (_: Lane, a: string, b: string): string => `(${a} * ${b})`;
const or = (_: Lane, a: string, b: string): string => `(${a} | ${b})`;
const and = (_: Lane, a: string, b: string): string => `(${a} & ${b})`;

/** The position of the first element that beats all before it; NaN beats everything. */
function position(values: ArrayLike<number>, beats: (a: number, b: number) => boolean): number {
  let best = 0;
  for (let i = 1; i < values.length; i++) {
    const [value = 0, held = 0] = [values[i], values[best]];
    if (!Number.isNaN(held) && (Number.isNaN(value) || beats(value, held))) best = i;
  }
  return best;
}

function fold(values: ArrayLike<number>, start: number, join: (a: number, b: number) => number): number {
  let state = start;
  for (let i = 0; i < values.length; i++) state = join(state, values[i] ?? 0);
  return state;
}

export const REDUCE = {
  sum: { takes: "sum", gives: "same", start: (T) => `${T}()`, join: plus, cpu: (v) => fold(v, 0, (a, b) => a + b), empty: 0 },
  prod: { takes: "sum", gives: "same", start: (T) => `${T}(1)`, join: times, cpu: (v) => fold(v, 1, v instanceof Float32Array ? (a, b) => a * b : Math.imul), empty: 1 },
  amax: { takes: "any", gives: "same", start: lowest, join: larger, cpu: (v) => v[position(v, (a, b) => a > b)] ?? 0 },
  amin: { takes: "any", gives: "same", start: highest, join: smaller, cpu: (v) => v[position(v, (a, b) => a < b)] ?? 0 },
  any: { takes: "any", gives: "bool", start: () => "BOOL(false)", join: or, cpu: (v) => fold(v, 0, (a, b) => Number(a || b)), empty: 0 },
  all: { takes: "any", gives: "bool", start: () => "BOOL(true)", join: and, cpu: (v) => fold(v, 1, (a, b) => Number(a && b)), empty: 1 },
  argmax: { takes: "any", gives: "index", start: lowest, join: (_, a, b) => `${a} > ${b}`, cpu: (v) => position(v, (a, b) => a > b) },
  argmin: { takes: "any", gives: "index", start: highest, join: (_, a, b) => `${a} < ${b}`, cpu: (v) => position(v, (a, b) => a < b) },
} satisfies Record<string, ReduceOp>;

export type ReduceName = keyof typeof REDUCE;

export const reduceOp = (name: ReduceName): ReduceOp => REDUCE[name];

/** The dtype that elements are converted to before a reduction. Positions are found among numbers of 32 bits. */
export function reduceArgument(name: ReduceName, dtype: DType): DType {
  const op = reduceOp(name);
  if (op.gives === "bool") return "bool";
  if (isFloat(dtype)) return "float32";
  return op.takes === "sum" || op.gives === "index" ? (dtype === "uint32" ? "uint32" : "int32") : dtype === "int8" ? "int32" : dtype;
}

/** The dtype of a reduction's result. */
export function reduceResult(name: ReduceName, argument: DType): DType {
  const { gives } = reduceOp(name);
  return gives === "same" ? argument : gives === "bool" ? "bool" : "int32";
}
