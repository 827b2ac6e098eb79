/** WGSL that reads a packed weight, four columns at a time, as f32. */

import { QUANTIZED_GROUP } from "../ops/lookup";
import type { WeightDtype } from "./kernel";

/**
 * Declares `name` at `binding` (and, for q8 and q4, `${name}_scales` at the next one) and the function
 * `${name}_at(row, c) -> vec4f`: columns 4c … 4c+3 of a row of `columns`, zero beyond the last. It is
 * `${name}_unpack(packed, row, c)` of `${name}_packed_at(row, c)`: who asks ahead keeps what is packed, of type `${name}_packed`, since
 * to unpack it is to wait for it.
 * Everything is unpacked with integer shifts and unpack2x16float, so shader-f16 is never needed.
 */
export function weightWgsl(name: string, dtype: WeightDtype, columns: number, binding: number): string {
  const at = `@group(0) @binding(${binding}) var<storage, read> ${name}`;
  const quads = columns / 4;
  switch (dtype) {
    case "f32":
      return columns % 4 === 0
        ? /* wgsl */ `
${at}: array<vec4f>;
alias ${name}_packed = vec4f;
fn ${name}_packed_at(row: u32, c: u32) -> vec4f { return ${name}[row * ${quads}u + c]; }
fn ${name}_unpack(packed: vec4f, row: u32, c: u32) -> vec4f { return packed; }
${atOnce(name)}`
        : /* wgsl */ `
${at}: array<f32>;
${scalars(name, columns, `${name}[i]`)}`;
    case "f16":
      return columns % 4 === 0
        ? /* wgsl */ `
${at}: array<vec2u>;
alias ${name}_packed = vec2u;
fn ${name}_packed_at(row: u32, c: u32) -> vec2u { return ${name}[row * ${quads}u + c]; }
fn ${name}_unpack(packed: vec2u, row: u32, c: u32) -> vec4f { return vec4f(unpack2x16float(packed.x), unpack2x16float(packed.y)); }
${atOnce(name)}`
        : /* wgsl */ `
${at}: array<u32>;
${scalars(name, columns, `unpack2x16float(${name}[i / 2u])[i % 2u]`)}`;
    case "q8":
    case "q4":
      if (columns % QUANTIZED_GROUP !== 0) {
        throw new RangeError(`${name}: ${columns} columns, expected a multiple of ${QUANTIZED_GROUP} for ${dtype}`);
      }
      return quantized(name, at, binding, quads, dtype === "q8" ? 8 : 4);
    default:
      return dtype satisfies never;
  }
}

/** Integers of so many bits, the first column in the lowest bits of a u32, times the scale of their group. */
function quantized(name: string, at: string, binding: number, quads: number, bits: 8 | 4): string {
  const perWord = 32 / (4 * bits); // vectors of four
  return /* wgsl */ `
${at}: array<u32>;
@group(0) @binding(${binding + 1}) var<storage, read> ${name}_scales: array<u32>;
// A word of integers, and one of two scales.
alias ${name}_packed = vec2u;
${scaleWgsl(name)}
fn ${name}_packed_at(row: u32, c: u32) -> vec2u {
  let i = row * ${quads}u + c;
  return vec2u(${name}[i${perWord > 1 ? ` / ${perWord}u` : ""}], ${name}_scales[i / ${QUANTIZED_GROUP / 2}u]);
}
fn ${name}_unpack(packed: vec2u, row: u32, c: u32) -> vec4f {
  let i = row * ${quads}u + c;
  // Each integer goes to the top of its lane and comes down with its sign.
  let word = packed.x${perWord > 1 ? ` >> (i % ${perWord}u * ${4 * bits}u)` : ""};
  let lifted = vec4i(bitcast<i32>(word)) << vec4u(${[1, 2, 3, 4].map((n) => 32 - n * bits).join(", ")});
  return vec4f(lifted >> vec4u(${32 - bits})) * ${name}_scale(packed.y >> (i / ${QUANTIZED_GROUP / 4}u % 2u * 16u));
}
${atOnce(name)}`;
}

/** `${name}_scale(half)`: a scale from the bits of its float16. Small weights have subnormal ones, which unpack2x16float may flush to zero. */
export const scaleWgsl = (name: string): string => /* wgsl */ `
fn ${name}_scale(half: u32) -> f32 {
  let size = half & 0x7fff;
  let scale = select(bitcast<f32>((size << 13) + 0x38000000), f32(size) * 0x1p-24, size < 0x400);
  return select(scale, -scale, (half & 0x8000) != 0);
}`;

/** Asked for and unpacked in one go. */
const atOnce = (name: string): string => /* wgsl */ `fn ${name}_at(row: u32, c: u32) -> vec4f { return ${name}_unpack(${name}_packed_at(row, c), row, c); }
`;

/** Storage bindings that a weight takes: a quantised one has its scales beside it. */
export function weightBindings(dtype: WeightDtype): number {
  return dtype === "q8" || dtype === "q4" ? 2 : 1;
}

/** Rows that do not start on a multiple of four elements are read one by one. */
function scalars(name: string, columns: number, element: string): string {
  return /* wgsl */ `
fn ${name}_one(row: u32, column: u32) -> f32 {
  if (column >= ${columns}u) { return 0.0; }
  let i = row * ${columns}u + column;
  return ${element};
}
alias ${name}_packed = vec4f;
fn ${name}_packed_at(row: u32, c: u32) -> vec4f {
  return vec4f(${name}_one(row, 4 * c), ${name}_one(row, 4 * c + 1), ${name}_one(row, 4 * c + 2), ${name}_one(row, 4 * c + 3));
}
fn ${name}_unpack(packed: vec4f, row: u32, c: u32) -> vec4f { return packed; }
${atOnce(name)}`;
}
