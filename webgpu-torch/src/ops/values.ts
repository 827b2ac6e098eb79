/** Elements as JavaScript numbers, for the references on the CPU. */

import { type DType, packedWeight } from "../base/dtype";
import { fromHalfBits, toHalfBits } from "../base/f16";

/** Numbers of one dtype. float16 is held as float32 that was rounded; bools as 0 and 1. */
export type Values = Float32Array | Int32Array | Uint32Array | Int8Array;

/** Room for elements of a dtype. */
export function makeValues(dtype: DType, count: number): Values {
  switch (dtype) {
    case "float32":
    case "float16":
      return new Float32Array(count);
    case "int32":
      return new Int32Array(count);
    case "uint32":
    case "bool":
      return new Uint32Array(count);
    case "int8":
      return new Int8Array(count);
    case "qint8":
    case "qint4":
      throw packedWeight("values");
    default:
      return dtype satisfies never;
  }
}

/** The elements in a buffer; a view of it except for float16. */
export function readValues(buffer: ArrayBuffer, dtype: DType, offset: number, count: number): Values {
  switch (dtype) {
    case "float32":
      return new Float32Array(buffer, offset, count);
    case "float16":
      return Float32Array.from(new Uint16Array(buffer, offset, count), fromHalfBits);
    case "int32":
      return new Int32Array(buffer, offset, count);
    case "uint32":
    case "bool":
      return new Uint32Array(buffer, offset, count);
    case "int8":
      return new Int8Array(buffer, offset, count);
    case "qint8":
    case "qint4":
      throw packedWeight("values");
    default:
      return dtype satisfies never;
  }
}

/** Writes elements to the start of a buffer. */
export function writeValues(buffer: ArrayBuffer, dtype: DType, values: Values): void {
  if (dtype === "float16") {
    new Uint16Array(buffer, 0, values.length).forEach((_, i, bits) => (bits[i] = toHalfBits(values[i] ?? 0)));
  } else {
    readValues(buffer, dtype, 0, values.length).set(values);
  }
}

/** The nearest value that a dtype holds, of those that typed arrays do not round by themselves. */
export const roundTo = (dtype: DType, value: number): number => (dtype === "float16" ? fromHalfBits(toHalfBits(value)) : value);
