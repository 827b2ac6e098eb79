/** Functions that make tensors: from values, from bytes, or out of nothing. */

import type { DeviceName } from "../backend/backend";
import { asElement, type DType, dtypeOfScalar, type HostArray, isFloat, isPacked, itemSize, notPacked, PACKED, type PackedDType } from "../base/dtype";
import { NotImplementedError, RuntimeError, ValueError } from "../base/errors";
import { checkShape, numel, type Shape } from "../base/shape";
import { dataNode } from "../graph/node";
import { QUANTIZED_GROUP } from "../ops/lookup";
import { cast, constant, element, make, range } from "./build";
import { backendOf } from "./devices";
import { encode, flatten, type Nested } from "./host";
import { type Args, keywords, named } from "./keywords";
import { narrow, type Sizes, sizesOf, unsqueeze } from "./shapes";
import { Tensor } from "./tensor";

export interface TensorOptions {
  dtype?: DType | null;
  device?: DeviceName | null;
}

function upload(bytes: Uint8Array, shape: Shape, dtype: DType, device: DeviceName | undefined): Tensor {
  if (isPacked(dtype)) throw notPacked("frombuffer", dtype);
  const backend = backendOf(device);
  return new Tensor(dataNode(backend.upload(bytes), shape, dtype, backend));
}

/** A tensor of numbers, or of arrays of them. Numbers that are all integers within int32 make int32, booleans bool, others float32. */
export const tensor = named("tensor", ["data", "..."], (data: Nested | HostArray, options: TensorOptions = {}): Tensor => {
  const { dtype, device } = keywords<TensorOptions>("tensor", [], [options], ["dtype", "device"]);
  const host = flatten(data, dtype);
  checkShape("tensor", host.shape);
  return upload(host.bytes, host.shape, host.dtype, device);
});

/** Where bytes lie. */
export type Bytes = ArrayBuffer | ArrayBufferView;

export interface FromBufferOptions extends TensorOptions {
  /** In elements; all of the rest if left out. */
  count?: number;
  /** In bytes. */
  offset?: number;
}

/**
 * A tensor of one dimension from bytes, which go to the device without another copy on the way. What the buffer does not have, and
 * what the device's buffers cannot hold, is refused before anything is allocated.
 */
export const frombuffer = named("frombuffer", ["buffer", "..."], (buffer: Bytes, options: FromBufferOptions = {}): Tensor => {
  const given = keywords<FromBufferOptions>("frombuffer", [], [options], ["dtype", "count", "offset", "device"]);
  const { dtype = "float32", count = -1, offset = 0, device } = given;
  const all = bytesOf(buffer);
  if (offset < 0 || offset > all.length)
    throw new ValueError(`frombuffer: offset must be non-negative and no greater than buffer length (${all.length}), but got ${offset}`);
  // A bool is a byte in memory, and a word on the device.
  const size = dtype === "bool" ? 1 : itemSize(dtype);
  const rest = all.length - offset;
  if (count < 0 && rest % size !== 0)
    throw new ValueError(
      `frombuffer: buffer length (${rest} bytes) after offset (${offset} bytes) must be a multiple of element size (${size})`,
    );
  const elements = count < 0 ? rest / size : count;
  if (elements * size > rest)
    throw new ValueError(
      `frombuffer: requested buffer length (${elements} * ${size} bytes) after offset (${offset} bytes) must not be greater than actual buffer length (${all.length} bytes)`,
    );
  const held = backendOf(device).maxBytes;
  if (elements * itemSize(dtype) > held)
    throw new RuntimeError(
      `frombuffer: ${elements} elements of ${dtype} take ${elements * itemSize(dtype)} bytes, but this adapter's buffers hold at most ${held}`,
    );
  const bytes = all.subarray(offset, offset + elements * size);
  return upload(dtype === "bool" ? encode(bytes, "bool") : bytes, [elements], dtype, device);
});

function bytesOf(buffer: Bytes): Uint8Array {
  if (ArrayBuffer.isView(buffer)) return new Uint8Array(buffer.buffer, buffer.byteOffset, buffer.byteLength);
  // By its name, as one from another frame is none of this one's ArrayBuffers.
  const name = Object.prototype.toString.call(buffer).slice("[object ".length, -1);
  if (name === "ArrayBuffer" || name === "SharedArrayBuffer") return new Uint8Array(buffer);
  throw new TypeError(`frombuffer: expected an ArrayBuffer or a view of one, got ${name}`);
}

/**
 * A block-quantised weight (out, in), for `linear` and `embedding`: float16 scales (out, in / 32), beside int8 (out, in) or uint32
 * (out, in / 8), whose elements hold eight columns of four bits each, two's complement, the first in the lowest bits.
 */
export const quantized_weight = named(
  "quantized_weight",
  ["values: Tensor", "scales: Tensor"],
  (values: Tensor, scales: Tensor): Tensor => {
    const dtype = (["qint8", "qint4"] as const).find((name) => PACKED[name].held === values.dtype);
    const [rows = 0, elements = 0] = values.shape;
    const columns = dtype ? elements * PACKED[dtype].columns : 0;
    const fits = values.ndim === 2 && scales.ndim === 2 && scales.shape[0] === rows && scales.shape[1] === columns / QUANTIZED_GROUP;
    if (!dtype || !fits || scales.dtype !== "float16") {
      throw new RuntimeError(
        `quantized_weight: expected int8 (out, in) or uint32 (out, in / 8), and float16 (out, in / 32), got ${String(values)} and ${String(scales)}`,
      );
    }
    return pack(values, scales, dtype);
  },
);

function pack(values: Tensor, scales: Tensor, dtype: PackedDType): Tensor {
  const [rows = 0, elements = 0] = values.shape;
  const { node } = make({ kind: "quantized" }, [values, scales], [rows, elements * PACKED[dtype].columns], dtype);
  if (!values.rows) return new Tensor(node);
  let start = 0;
  const parts = values.rows.map((part) => {
    const [count = 0] = part.shape;
    start += count;
    return pack(part, narrow(scales, 0, start - count, count), dtype);
  });
  return new Tensor(node, parts);
}

/** One number everywhere. */
export const full = named(
  "full",
  ["size", "fill_value", "..."],
  (size: readonly number[], fill_value: number | boolean, options: TensorOptions = {}): Tensor => {
    if (typeof fill_value !== "number" && typeof fill_value !== "boolean")
      throw new TypeError(`full(): argument 'fill_value' (position 2) must be number, not ${fill_value === null ? "null" : typeof fill_value}`);
    const { dtype = dtypeOfScalar(fill_value), device } = keywords<TensorOptions>("full", [], [options], ["dtype", "device"]);
    return constant(Number(fill_value), checkShape("full", size), dtype, backendOf(device));
  },
);

/** Sizes, with keyword arguments behind them. */
export type SizesAndOptions<O extends object> = readonly [...Sizes] | readonly [...Sizes, O];

/** Takes the two apart. */
export function splitSizes<O extends object>(
  op: string,
  args: SizesAndOptions<O>,
  names: readonly (keyof O & string)[],
): { sizes: readonly number[]; options: O } {
  const last = args.at(-1);
  const given = typeof last === "object" && !Array.isArray(last);
  const options = keywords<O>(op, [], given ? [last] : [], names);
  return { sizes: sizesOf((given ? args.slice(0, -1) : args) as Sizes), options };
}

const filled = (op: string, value: number) =>
  named(op, ["size", "..."], (...args: SizesAndOptions<TensorOptions>): Tensor => {
    const { sizes, options } = splitSizes(op, args, ["dtype", "device"]);
    const { dtype = "float32", device } = options;
    return full(sizes, value, { dtype, ...(device && { device }) });
  });

export const zeros = filled("zeros", 0);
export const ones = filled("ones", 1);
/** Memory that is not cleared in PyTorch, and zeros here. */
export const empty = filled("empty", 0);

const like = (op: string, value: number) =>
  named(op, ["input: Tensor", "..."], (input: Tensor, options: TensorOptions = {}): Tensor => full_like(input, value, options));

/** One number everywhere, in another tensor's shape, dtype and device. */
export const full_like = named(
  "full_like",
  ["input: Tensor", "fill_value", "..."],
  (input: Tensor, fill_value: number | boolean, options: TensorOptions = {}): Tensor => {
    const { dtype = input.dtype, device } = keywords<TensorOptions>("full_like", [], [options], ["dtype", "device"]);
    return constant(Number(fill_value), input.shape, dtype, device ? backendOf(device) : input.backend);
  },
);

export const zeros_like = like("zeros_like", 0);
/** As `empty`. */
export const empty_like = like("empty_like", 0);
export const ones_like = like("ones_like", 1);

export interface ArangeOptions extends TensorOptions {
  start?: number;
  end?: number;
  step?: number;
}

/** arange(end), arange(start, end), arange(start, end, step): start, start + step, … up to end, which is left out. */
export const arange = named("arange", ["..."], (...args: [...number[]] | [...number[], ArangeOptions]): Tensor => {
  const numbers = args.filter((value) => typeof value === "number");
  const names = numbers.length === 1 && !hasEnd(args.at(-1)) ? (["end"] as const) : (["start", "end", "step"] as const);
  const given = keywords<ArangeOptions>("arange", names, args, ["start", "end", "step", "dtype", "device"]);
  const { start = 0, end, step = 1, dtype, device } = given;
  if (end === undefined) throw new TypeError('arange() missing 1 required positional argument: "end"');
  if (step === 0) throw new RuntimeError("arange: step must be nonzero");
  if ((end - start) / step < 0) throw new RuntimeError("arange: upper bound and lower bound inconsistent with step sign");
  const count = Math.ceil((end - start) / step);
  const all = [start, end, step].every(Number.isInteger) ? [start, step, start + (count - 1) * step] : [];
  const type = dtype ?? (all.length > 0 && all.every((value) => dtypeOfScalar(value) === "int32") ? "int32" : "float32");
  if (type === "bool") throw new NotImplementedError("arange: not implemented for 'bool'");
  // Among integers start and step lose their fractions, but how many there are is counted before.
  const [first, each] = isFloat(type) ? [start, step] : [Math.trunc(start), Math.trunc(step)];
  return progression(first, each, checkShape("arange", [count]), type, device);
});

const hasEnd = (value: unknown): boolean => typeof value === "object" && value !== null && "end" in value;

/** `steps` numbers from start to end, both among them. */
export const linspace = named(
  "linspace",
  ["start", "end", "steps: int", "..."],
  (start: number, end: number, steps: number, options: TensorOptions = {}): Tensor => {
    const { dtype = "float32", device } = keywords<TensorOptions>("linspace", [], [options], ["dtype", "device"]);
    for (const bound of [start, end]) asElement("linspace", bound, dtype);
    return progression(start, steps > 1 ? (end - start) / (steps - 1) : 0, checkShape("linspace", [steps]), dtype, device);
  },
);

function progression(start: number, step: number, shape: Shape, dtype: DType, device: DeviceName | undefined): Tensor {
  const numbers = range(numel(shape), backendOf(device));
  const type = isFloat(dtype) ? "float32" : [start, step].every(Number.isInteger) ? "int32" : "float32";
  // Integers beyond int32 are what is left of them in 32 bits, and so are their sums.
  const [first, each] = type === "int32" ? [start | 0, step | 0] : [start, step];
  const scaled = each === 1 ? cast(numbers, type) : element("mul", cast(numbers, type), each);
  return cast(first === 0 ? scaled : element("add", scaled, first), dtype);
}

/** Ones on the diagonal. */
export const eye = named("eye", ["n: int", "..."], (n: number, ...args: Args<TensorOptions & { m?: number }, ["m"]>): Tensor => {
  const { m = n, dtype = "float32", device } = keywords<TensorOptions & { m?: number }>("eye", ["m"], args, ["dtype", "device"]);
  checkShape("eye", [n, m]);
  const backend = backendOf(device);
  return cast(element("eq", unsqueeze(range(n, backend), 1), range(m, backend)), dtype);
});

export interface TriangleOptions {
  diagonal?: number;
}

const triangle = (op: string, keep: "le" | "ge") =>
  named(op, ["input: Tensor", "..."], (input: Tensor, ...args: Args<TriangleOptions, ["diagonal"]>): Tensor => {
    const { diagonal = 0 } = keywords<TriangleOptions>(op, ["diagonal"], args);
    const [rows, columns] = input.shape.slice(-2);
    if (rows === undefined || columns === undefined) throw new RuntimeError(`${op}: input tensor must have at least 2 dimensions`);
    const row = element("add", unsqueeze(range(rows, input.backend), 1), diagonal);
    return make(
      { kind: "element", name: "where" },
      [element(keep, range(columns, input.backend), row), input, constant(0, [], input.dtype, input.backend)],
      input.shape,
      input.dtype,
    );
  });

/** The part of the matrices below a diagonal, and zeros. */
export const tril = triangle("tril", "le");
/** The part of the matrices above a diagonal, and zeros. */
export const triu = triangle("triu", "ge");
