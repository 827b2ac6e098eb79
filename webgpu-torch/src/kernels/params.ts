/** How a kernel's text gets at its numbers: from the uniform, or as literals. */

import { f32 } from "./kernel";

const LANES = "xyzw";

/** Expressions for numbers. Negative strides wrap around in u32, and so does the arithmetic on them. */
export interface Numbers {
  u32(value: number): string;
  i32(value: number): string;
  f32(value: number): string;
}

/** Whether WGSL can spell a float: it has no infinity, and its compilers may drop the sign of zero. */
export const isLiteral = (value: number): boolean => Number.isFinite(Math.fround(value)) && !Object.is(Math.fround(value), -0);

/** Numbers in the text itself, for code that runs inside a kernel with a uniform of its own. Floats as `isLiteral` says. */
export const LITERALS: Numbers = {
  u32: (value) => `${value >>> 0}u`,
  i32: (value) => `i32(${value | 0})`,
  f32: (value) => `f32(${Math.fround(value)})`,
};

/** Collects numbers into a uniform while the text that reads them is written. */
export class Params implements Numbers {
  private readonly words: number[] = [];

  u32(value: number): string {
    this.words.push(value >>> 0);
    const i = this.words.length - 1;
    return `params.words[${i >> 2}].${LANES[i & 3]}`;
  }

  i32(value: number): string {
    return `bitcast<i32>(${this.u32(value)})`;
  }

  f32(value: number): string {
    return `bitcast<f32>(${this.u32(f32(value))})`;
  }

  /** The uniform's contents. */
  contents(): Uint32Array {
    const words = new Uint32Array(Math.max(4, Math.ceil(this.words.length / 4) * 4));
    words.set(this.words);
    return words;
  }

  /** The uniform's declaration; to be written last. */
  declare(binding: number): string {
    return `struct Params { words: array<vec4u, ${this.contents().length / 4}> }\n@group(0) @binding(${binding}) var<uniform> params: Params;`;
  }
}
