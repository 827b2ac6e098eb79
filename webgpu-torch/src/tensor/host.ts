/** Values on their way in and out: nested arrays, typed arrays, and the bytes that a device keeps. */

import { asElement, type DType, dtypeOfScalar, type HostArray, isFloat, itemSize } from "../base/dtype";
import { ValueError } from "../base/errors";
import type { Shape } from "../base/shape";
import { makeValues, writeValues } from "../ops/values";

/** A value, or arrays of arrays of values. */
export type Nested = number | boolean | readonly Nested[];

/** Elements and their shape. */
export interface HostTensor {
  readonly shape: Shape;
  readonly dtype: DType;
  readonly bytes: Uint8Array;
}

/** Takes apart nested arrays, or a typed array, which is one dimension. */
export function flatten(data: Nested | HostArray, dtype: DType | undefined): HostTensor {
  if (ArrayBuffer.isView(data))
    return { shape: [data.length], dtype: dtype ?? dtypeOfArray(data), bytes: encode(data, dtype ?? dtypeOfArray(data)) };
  const shape: number[] = [];
  for (let at: Nested | undefined = data; Array.isArray(at); at = at[0] as Nested | undefined) shape.push(at.length);
  const values: (number | boolean)[] = [];
  collect(data, shape, 0, values);
  const type = dtype ?? dtypeOfValues(values);
  // Floats that are too large are infinite; integers that are would be others.
  const numbers = values.map((value) => (isFloat(type) ? Number(value) : asElement("tensor", Number(value), type)));
  return { shape, dtype: type, bytes: encode(numbers, type) };
}

function collect(data: Nested, shape: Shape, depth: number, into: (number | boolean)[]): void {
  if (typeof data === "number" || typeof data === "boolean") {
    if (depth !== shape.length) throw new ValueError(`tensor: expected sequence of length ${shape[depth]} at dim ${depth}, got a number`);
    into.push(data);
    return;
  }
  if (!Array.isArray(data)) throw new TypeError(`tensor: expected numbers, booleans or arrays of them, got ${typeof data}`);
  if (data.length !== shape[depth])
    throw new ValueError(`tensor: expected sequence of length ${shape[depth] ?? 0} at dim ${depth} (got ${data.length})`);
  for (const inner of data) collect(inner as Nested, shape, depth + 1, into);
}

function dtypeOfArray(data: HostArray): DType {
  if (data instanceof Float32Array) return "float32";
  if (data instanceof Int32Array) return "int32";
  if (data instanceof Uint32Array) return "uint32";
  if (data instanceof Int8Array) return "int8";
  throw new TypeError(`tensor: a ${data.constructor.name} has no dtype of its own here; name one`);
}

/** All bools are bool; a number that is no int32 makes float32. Nothing at all is float32, as in PyTorch. */
function dtypeOfValues(values: readonly (number | boolean)[]): DType {
  if (values.length === 0 || values.some((value) => dtypeOfScalar(value) === "float32")) return "float32";
  return values.every((value) => typeof value === "boolean") ? "bool" : "int32";
}

/** Elements as a device keeps them. */
export function encode(values: ArrayLike<number>, dtype: DType): Uint8Array {
  const held = makeValues(dtype, values.length);
  for (let i = 0; i < values.length; i++) held[i] = dtype === "bool" ? Number(values[i] !== 0) : (values[i] ?? 0);
  const buffer = new ArrayBuffer(Math.max(4, values.length * itemSize(dtype)));
  writeValues(buffer, dtype, held);
  return new Uint8Array(buffer, 0, values.length * itemSize(dtype));
}

/** Elements in nested arrays. */
export function nest(values: HostArray, shape: Shape, dtype: DType): Nested {
  const value = (i: number): number | boolean => (dtype === "bool" ? values[i] !== 0 : (values[i] ?? 0));
  const level = (depth: number, start: number, count: number): Nested => {
    const size = shape[depth];
    if (size === undefined) return value(start);
    return Array.from({ length: size }, (_, i) => level(depth + 1, start + (i * count) / size, count / size));
  };
  return level(0, 0, values.length);
}
