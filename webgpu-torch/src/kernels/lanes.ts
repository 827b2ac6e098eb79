/** How elements of each dtype lie in storage, and WGSL to read and write them one or four at a time. */

import { type DType, isPacked, type Lane, laneOf, type PackedDType, packedWeight } from "../base/dtype";

/** Elements that an invocation computes at once. */
export type Width = 1 | 4;

const SCALARS: Readonly<Record<Lane, string>> = { F32: "f32", I32: "i32", U32: "u32", BOOL: "bool" };

/** Declares the lane types that expressions are written in. */
export function laneAliases(width: Width): string {
  return Object.entries(SCALARS)
    .map(([lane, scalar]) => `alias ${lane} = ${width === 1 ? scalar : `vec4<${scalar}>`};`)
    .join(" ");
}

/** The type of one element. */
export const scalarType = (dtype: DType): string => SCALARS[laneOf(dtype)];

/** Declares `input${i}` and `at${i}(a)`, its element at address a, or for width 4 `at${i}(a)`: elements a … a+3, a a multiple of 4. */
export function inputWgsl(i: number, binding: number, dtype: DType, width: Width): string {
  const declare = (type: string) => `@group(0) @binding(${binding}) var<storage, read> input${i}: array<${type}>;`;
  const read = width === 1 ? READ_ONE[element(dtype)] : READ_FOUR[element(dtype)];
  const type = width === 1 ? scalarType(dtype) : `vec4<${scalarType(dtype)}>`;
  return `${declare(read.type)}\nfn at${i}(a: u32) -> ${type} { ${read.body.replaceAll("$", `input${i}`)} }`;
}

/**
 * Functions between float32 and the bits of float16, where a kernel needs them. The builtins may flush subnormals, round
 * towards zero, and leave open what becomes of infinity.
 */
export function halfWgsl(dtypes: readonly DType[]): string {
  return dtypes.includes("float16")
    ? `${halfValue("half_value", "f32", "u32")}\n${halfValue("half_values", "vec4f", "vec4u")}\n${HALF_BITS}`
    : "";
}

const halfValue = (name: string, float: string, word: string): string => /* wgsl */ `
fn ${name}(h: ${word}) -> ${float} {
  let size = h & ${word}(0x7fffu);
  let exponent = select(${word}(0x38000000u), ${word}(0x70000000u), size >= ${word}(0x7c00u)); // infinity and NaN
  let normal = bitcast<${float}>((size << ${word}(13u)) + exponent);
  let value = select(normal, ${float}(size) * 0x1p-24, size < ${word}(0x400u)); // below 2^-14 all steps are 2^-24
  return bitcast<${float}>(bitcast<${word}>(value) | ((h & ${word}(0x8000u)) << ${word}(16u)));
}`;

const HALF_BITS = /* wgsl */ `
fn half_bits(v: vec4f) -> vec4u {
  let bits = bitcast<vec4u>(v);
  let size = bits & vec4u(0x7fffffffu);
  let near = (size - 0x38000000u + 0xfffu + ((size >> vec4u(13u)) & vec4u(1u))) >> vec4u(13u);
  let small = vec4u(round(min(abs(v), vec4f(1.0)) * 0x1p24)); // below 2^-14 all steps are 2^-24
  let finite = select(near, small, size < vec4u(0x38800000u));
  let whole = select(select(finite, vec4u(0x7c00u), size >= vec4u(0x477ff000u)), vec4u(0x7e00u), size > vec4u(0x7f800000u));
  return whole | ((bits >> vec4u(16u)) & vec4u(0x8000u));
}
fn half_words(h: vec4u) -> vec2u { return h.xz | (h.yw << vec2u(16u)); }`;

/** What elements are read and written as; packed weights have kernels of their own. */
type ElementDType = Exclude<DType, PackedDType>;

function element(dtype: DType): ElementDType {
  if (isPacked(dtype)) throw packedWeight("read");
  return dtype;
}

interface Access {
  readonly type: string;
  readonly body: string;
}

const plain = (type: string): Access => ({ type, body: "return $[a];" });
const plainFour = (type: string): Access => ({ type: `vec4<${type}>`, body: "return $[a / 4u];" });
const byte: Access = { type: "u32", body: "return bitcast<i32>($[a / 4u] << (24u - 8u * (a % 4u))) >> 24u;" };
const bytes: Access = { type: "u32", body: "return (vec4i(bitcast<i32>($[a / 4u])) << vec4u(24, 16, 8, 0)) >> vec4u(24);" };

const READ_ONE: Readonly<Record<ElementDType, Access>> = {
  float32: plain("f32"),
  int32: plain("i32"),
  uint32: plain("u32"),
  bool: { type: "u32", body: "return $[a] != 0u;" },
  float16: { type: "u32", body: "return half_value(($[a / 2u] >> (16u * (a % 2u))) & 0xffffu);" },
  int8: byte,
};

const READ_FOUR: Readonly<Record<ElementDType, Access>> = {
  float32: plainFour("f32"),
  int32: plainFour("i32"),
  uint32: plainFour("u32"),
  bool: { type: "vec4u", body: "return $[a / 4u] != vec4u(0);" },
  float16: { type: "vec2u", body: "return half_values(($[a / 4u].xxyy >> vec4u(0, 16, 0, 16)) & vec4u(0xffffu));" },
  int8: bytes,
};

/** Declares `output` and `store(a, v)`: writes four elements at a … a+3, a a multiple of 4. Buffers are whole multiples of 16 bytes. */
export function outputWgsl(binding: number, dtype: DType): string {
  const { type, value } = WRITE_FOUR[element(dtype)];
  return `@group(0) @binding(${binding}) var<storage, read_write> output: array<${type}>;
fn store(a: u32, v: vec4<${scalarType(dtype)}>) { output[a / 4u] = ${value}; }`;
}

const packBytes = { type: "u32", value: "dot((vec4u(v) & vec4u(0xffu)) << vec4u(0, 8, 16, 24), vec4u(1))" };

const WRITE_FOUR: Readonly<Record<ElementDType, { type: string; value: string }>> = {
  float32: { type: "vec4f", value: "v" },
  int32: { type: "vec4i", value: "v" },
  uint32: { type: "vec4u", value: "v" },
  bool: { type: "vec4u", value: "vec4u(v)" },
  float16: { type: "vec2u", value: "half_words(half_bits(v))" },
  int8: packBytes,
};

/** Declares `output` and `store(a, v)` for one element of a dtype that takes a whole word. */
export function wordOutputWgsl(binding: number, dtype: DType): string {
  const type = dtype === "bool" ? "u32" : scalarType(dtype);
  return `@group(0) @binding(${binding}) var<storage, read_write> output: array<${type}>;
fn store(a: u32, v: ${scalarType(dtype)}) { output[a] = ${dtype === "bool" ? "u32(v)" : "v"}; }`;
}
