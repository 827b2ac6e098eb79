/** Which element types there are, how they lie in memory, and which one an operation on two of them gives. */

import { RuntimeError } from "./errors";

export type DType = "float32" | "float16" | "int32" | "uint32" | "bool" | "int8" | PackedDType;

/** A block-quantised weight: integers of 8 or 4 bits, with one float16 scale a row and group of 32 columns. */
export type PackedDType = "qint8" | "qint4";

/** The WGSL type that an element is computed in: float, signed, unsigned or boolean. */
export type Lane = "F32" | "I32" | "U32" | "BOOL";

/** A typed array as `numpy()` gives it and `tensor()` takes it. */
export type HostArray = Float32Array | Int32Array | Uint32Array | Int8Array | Uint8Array;

interface DTypeInfo {
  /** Bytes of an element in a buffer. A bool takes a word, so that every element can be written by itself. */
  readonly bytes: number;
  readonly lane: Lane;
  /** Where it stands in type promotion: bool, then integers, then floats. */
  readonly category: 0 | 1 | 2;
}

const DTYPES: Readonly<Record<DType, DTypeInfo>> = {
  float32: { bytes: 4, lane: "F32", category: 2 },
  float16: { bytes: 2, lane: "F32", category: 2 },
  int32: { bytes: 4, lane: "I32", category: 1 },
  uint32: { bytes: 4, lane: "U32", category: 1 },
  bool: { bytes: 4, lane: "BOOL", category: 0 },
  int8: { bytes: 1, lane: "I32", category: 1 },
  qint8: { bytes: 1, lane: "F32", category: 2 },
  qint4: { bytes: 1 / 2, lane: "F32", category: 2 },
};

export const DTYPE_NAMES: readonly string[] = Object.keys(DTYPES);

/** Bytes of an element in a buffer. */
export const itemSize = (dtype: DType): number => DTYPES[dtype].bytes;

/** The type that an element is computed in. */
export const laneOf = (dtype: DType): Lane => DTYPES[dtype].lane;

/** Whether arithmetic on the type is in floating point. */
export const isFloat = (dtype: DType): boolean => DTYPES[dtype].category === 2;

/** Whether a name is a dtype's. */
export const isDType = (name: unknown): name is DType => typeof name === "string" && Object.hasOwn(DTYPES, name);

/** How a packed weight's integers lie: the dtype that holds them, and how many columns an element of it has, the first in the lowest bits. */
export const PACKED: Readonly<Record<PackedDType, { readonly held: DType; readonly columns: number }>> = {
  qint8: { held: "int8", columns: 1 },
  qint4: { held: "uint32", columns: 8 },
};

export const isPacked = (dtype: DType): dtype is PackedDType => Object.hasOwn(PACKED, dtype);

/** One operand of type promotion. `rank` 0 tensors and plain numbers change the category of a result, not its width. */
export interface Promoted {
  readonly dtype: DType;
  readonly weight: "tensor" | "zero-dim" | "number";
}

const WEIGHTS = ["tensor", "zero-dim", "number"] as const;

/** PyTorch's `result_type`: tensors decide, unless a zero-dim tensor or a number is of a higher category. */
export function resultType(op: string, operands: readonly Promoted[]): DType {
  let result: DType | null = null;
  for (const weight of WEIGHTS) {
    let level: DType | null = null;
    for (const operand of operands) {
      if (operand.weight === weight) level = level === null ? operand.dtype : promote(op, level, operand.dtype);
    }
    if (level !== null && (result === null || DTYPES[level].category > DTYPES[result].category)) result = level;
  }
  if (result === null) throw new RuntimeError(`${op}: nothing to compute a result type from`);
  return result;
}

/** Whoever asks for a packed dtype in any other way is told how to get it. */
export const notPacked = (op: string, dtype: PackedDType): RuntimeError =>
  new RuntimeError(`${op}: a ${dtype} weight is made with quantized_weight()`);

/** What a packed weight is told where it cannot go. */
export const packedWeight = (op: string): RuntimeError =>
  new RuntimeError(`${op}: a quantized weight goes into linear() or embedding(); dequantize() it for anything else`);

const WIDTH: readonly DType[] = ["bool", "int8", "uint32", "int32", "float16", "float32"];

/** The type that holds the values of both. */
export function promote(op: string, a: DType, b: DType): DType {
  if (a === b) return a;
  if (isPacked(a) || isPacked(b)) throw packedWeight(op);
  const [low, high] = WIDTH.indexOf(a) < WIDTH.indexOf(b) ? [a, b] : [b, a];
  // PyTorch refuses this pair too: no type of 32 bits holds the values of both.
  if (low === "uint32" && high === "int32")
    throw new RuntimeError(`${op}: Promotion for uint32 is not supported, attempted to promote ${a} and ${b}`);
  return low === "int8" && high === "uint32" ? "int32" : high;
}

/**
 * The dtype that a JavaScript value has by itself. 2 and 2.0 are one value in JavaScript, and an integer where int32 can hold it, or
 * uint32 where one of the other operands is of that.
 */
export function dtypeOfScalar(value: number | boolean, unsigned = false): DType {
  if (typeof value === "boolean") return "bool";
  if ((value | 0) === value) return "int32";
  return unsigned && value >>> 0 === value ? "uint32" : "float32";
}

/** The largest numbers, of either sign, that PyTorch lets become an element: negative ones are of uint32 what their bits say. */
const LARGEST: Readonly<Record<Exclude<DType, "bool" | PackedDType>, number>> = {
  float32: (2 - 2 ** -23) * 2 ** 127,
  float16: 65504,
  int32: 2 ** 31 - 1,
  uint32: 2 ** 32 - 1,
  int8: 127,
};

/** A number as an element of a dtype: one that is too large for it is refused, and integers have no fraction. */
export function asElement(op: string, value: number, dtype: DType): number {
  if (dtype === "bool" || isPacked(dtype)) return value;
  const float = isFloat(dtype);
  if (float && !Number.isFinite(value)) return value;
  const largest = LARGEST[dtype];
  const smallest = dtype === "int32" || dtype === "int8" ? -largest - 1 : -largest;
  if (!(value >= smallest && value <= largest))
    throw new RuntimeError(`${op}: value ${value} cannot be converted to type ${dtype} without overflow`);
  return float ? value : Math.trunc(value);
}
