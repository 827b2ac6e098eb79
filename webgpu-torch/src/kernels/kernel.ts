/** What a kernel is to the backend, and the few things that every kernel file needs to make one. */

import type { DType } from "../base/dtype";

export interface Kernel {
  /** For errors and profiles. */
  readonly name: string;
  /** The entry point is `main`. Written when it is read: a kernel whose pipeline is there already needs no text. */
  readonly wgsl: string;
  /** The uniform's contents, a multiple of 16 bytes; sizes that vary with sequence length are here, never in the text. */
  readonly uniforms: Uint32Array;
  readonly workgroups: readonly [number, number, number];
}

/** How a weight travels and lies in memory: f16 two to a u32; q8 four and q4 eight to a u32, beside one f16 scale a group. */
export type WeightDtype = "f32" | "f16" | "q8" | "q4";

/** The same for a tensor's dtype, where weights can have it. */
export const WEIGHT_DTYPES: Readonly<Partial<Record<DType, WeightDtype>>> = { float32: "f32", float16: "f16", qint8: "q8", qint4: "q4" };

/** maxComputeWorkgroupsPerDimension: what every adapter has, and what nearly all stop at. */
const MAX_WORKGROUPS = 65535;

/** A grid of at least `count` workgroups within the dispatch limit; WGSL finds its number with `workgroup_index`. */
export function grid(count: number): readonly [number, number, number] {
  const y = Math.ceil(count / MAX_WORKGROUPS);
  if (y > MAX_WORKGROUPS) throw new RangeError(`${count} workgroups, at most ${MAX_WORKGROUPS ** 2} fit a dispatch`);
  return [Math.ceil(count / y), y, 1];
}

/** Undoes `grid`. The last few workgroups may lie past the count, so every kernel checks its bounds. */
export const WORKGROUP_INDEX = /* wgsl */ `
fn workgroup_index(id: vec3u, count: vec3u) -> u32 { return id.y * count.x + id.x; }
`;

/** Packs u32 values and, wrapped in `f32()`, floats into a uniform's contents. */
export function uniforms(...values: readonly number[]): Uint32Array {
  const words = new Uint32Array(Math.ceil(values.length / 4) * 4);
  words.set(values);
  return words;
}

/** The bits of a float, to pass among a uniform's u32 values; WGSL reads it back as an `f32` member. */
export function f32(value: number): number {
  return new Uint32Array(Float32Array.of(value).buffer)[0] ?? 0;
}

/** Repeats WGSL text: the compilers of software adapters neither unroll loops nor keep indexed arrays in registers. */
export function repeat(count: number, line: (i: number) => string, separator = "\n"): string {
  return Array.from({ length: count }, (_, i) => line(i)).join(separator);
}

/** Throws unless every size is a positive integer that a u32 can hold. */
export function checkSizes(kernel: string, sizes: Readonly<Record<string, number>>): void {
  for (const name in sizes) {
    const size = sizes[name] ?? NaN;
    if (!Number.isInteger(size) || size < 1 || size > 0xffffffff) {
      throw new RangeError(`${kernel}: ${name} is ${size}, expected an integer from 1 to 4294967295`);
    }
  }
}
