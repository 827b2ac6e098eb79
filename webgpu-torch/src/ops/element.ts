/** What an element-wise operation is: its types, its WGSL and its reference on the CPU. */

import type { Lane } from "../base/dtype";

/** A lane that an expression is written in; booleans have their own. */
export type NumberLane = Exclude<Lane, "BOOL">;

export interface ElementOp {
  /**
   * What the arguments are converted to first: "number" turns nothing but refuses bool, "float" turns integers and bools into
   * float32, "floating" refuses them, "bool" compares with zero, "integral" refuses floats.
   */
  readonly takes: "any" | "number" | "float" | "floating" | "bool" | "integral";
  readonly gives: "same" | "bool";
  /** The expression over arguments of lane T. A comparison of lanes gives BOOL. */
  readonly wgsl: (T: NumberLane, a: string, b: string, c: string) => string;
  /** The expression over BOOL arguments, where they are not converted. */
  readonly bool?: (a: string, b: string, c: string) => string;
  /** The reference, in double precision; the result is then rounded to the dtype. Bools are 0 and 1. */
  readonly cpu: (a: number, b: number, c: number) => number;
  /** The reference on integers where doubles would round: products of 32 bits, truncating divisions. */
  readonly cpuInt?: (a: number, b: number) => number;
  /** The reference on bools, where a result other than zero is not true. */
  readonly cpuBool?: (a: number, b: number) => number;
}
