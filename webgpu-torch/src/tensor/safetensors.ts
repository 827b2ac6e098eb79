/** Reads tensors from the safetensors format: https://huggingface.co/docs/safetensors/index#format */

import type { DeviceName } from "../backend/backend";
import { type DType, itemSize } from "../base/dtype";
import { RuntimeError, showShape } from "../base/errors";
import { numel, type Shape } from "../base/shape";
import { frombuffer, tensor } from "./creation";
import { backendOf } from "./devices";
import { cat } from "./joins";
import { keywords } from "./keywords";
import { reshape } from "./shapes";
import type { Tensor } from "./tensor";

const LENGTH_BYTES = 8;

/** Formats whose bytes go to the device as they are. */
const PLAIN: Readonly<Record<string, DType>> = { F32: "float32", F16: "float16", I32: "int32", U32: "uint32", I8: "int8", BOOL: "bool" };

/** Formats that the library has no dtype for, and how one element is read. */
const CONVERTED: Readonly<Record<string, { bytes: number; dtype: DType; read: (data: DataView, at: number) => number }>> = {
  BF16: { bytes: 2, dtype: "float32", read: (data, at) => wideBits(data.getUint16(at, true)) },
  F64: { bytes: 8, dtype: "float32", read: (data, at) => data.getFloat64(at, true) },
  I64: { bytes: 8, dtype: "int32", read: (data, at) => Number(data.getBigInt64(at, true)) },
};

const word = new DataView(new ArrayBuffer(4));

/** A bfloat16, which is a float32 without its last 16 bits. */
function wideBits(bits: number): number {
  word.setUint32(0, bits << 16);
  return word.getFloat32(0);
}

export interface LoadOptions {
  device?: DeviceName;
}

/** The tensors of a safetensors file, by name. bfloat16 and float64 become float32, int64 becomes int32. */
export function load(data: ArrayBuffer | ArrayBufferView, options: LoadOptions = {}): Map<string, Tensor> {
  const { device } = keywords<LoadOptions>("load", [], [options], ["device"]);
  const bytes = ArrayBuffer.isView(data) ? new Uint8Array(data.buffer, data.byteOffset, data.byteLength) : new Uint8Array(data);
  const { header, start } = headerOf(bytes);
  const names = Object.keys(header).filter((name) => name !== "__metadata__");
  checkCoverage(
    names.map((name) => header[name]),
    bytes.length - start,
  );
  return new Map(names.map((name) => [name, read(name, header[name], bytes.subarray(start), device)]));
}

function headerOf(bytes: Uint8Array): { header: Record<string, unknown>; start: number } {
  const fail = (why: string) => new RuntimeError(`safetensors: ${why}`);
  if (bytes.length < LENGTH_BYTES) throw fail(`${bytes.length} bytes, expected at least ${LENGTH_BYTES}`);
  const length = new DataView(bytes.buffer, bytes.byteOffset).getBigUint64(0, true);
  if (length > bytes.length - LENGTH_BYTES) throw fail(`a header of ${length} bytes in a file of ${bytes.length}`);
  const start = LENGTH_BYTES + Number(length);
  let header: unknown;
  try {
    header = JSON.parse(new TextDecoder().decode(bytes.subarray(LENGTH_BYTES, start)));
  } catch (error) {
    throw fail(`the header is no JSON: ${String(error)}`);
  }
  if (typeof header !== "object" || header === null || Array.isArray(header)) throw fail("the header is no JSON object");
  return { header: header as Record<string, unknown>, start };
}

/** Every byte is of one tensor: the format knows no gaps, and two names for the same bytes would be two copies on the device. */
function checkCoverage(entries: readonly unknown[], length: number): void {
  const spans = entries.flatMap((entry) => {
    const { data_offsets: offsets } = (entry ?? {}) as { data_offsets?: unknown };
    return isSizes(offsets) ? [offsets] : [];
  });
  if (spans.length < entries.length) return; // which tensor it is will be told where it is read
  let end = 0;
  for (const [begin = 0, stop = 0] of spans.sort(([a = 0, b = 0], [c = 0, d = 0]) => a - c || b - d)) {
    if (begin !== end)
      throw new RuntimeError(
        `safetensors: bytes from ${Math.min(begin, end)} to ${Math.max(begin, end)} are of ${begin < end ? "two tensors" : "no tensor"}`,
      );
    end = stop;
  }
  if (end < length) throw new RuntimeError(`safetensors: bytes from ${end} to ${length} are of no tensor`);
}

const isSizes = (value: unknown): value is number[] =>
  Array.isArray(value) && value.every((size) => Number.isSafeInteger(size) && size >= 0);

function read(name: string, entry: unknown, bytes: Uint8Array, device: DeviceName | undefined): Tensor {
  const { dtype: format = "", shape, data_offsets: offsets } = (entry ?? {}) as { dtype?: string; shape?: unknown; data_offsets?: unknown };
  if (!isSizes(shape) || !isSizes(offsets)) throw new RuntimeError(`safetensors: ${name}: expected a shape and two data_offsets`);
  const [begin = 0, end = 0] = offsets;
  const count = shape.reduce((n, size) => n * size, 1);
  if (begin > end || end > bytes.length) throw new RuntimeError(`safetensors: ${name}: bytes ${begin} to ${end} of ${bytes.length}`);
  const own = bytes.subarray(begin, end);
  const place = { device: device as DeviceName };
  const plain = PLAIN[format];
  const wide = CONVERTED[format];
  if (!plain && !wide)
    throw new RuntimeError(
      `safetensors: ${name}: dtype ${format}, expected ${[...Object.keys(PLAIN), ...Object.keys(CONVERTED)].join(", ")}`,
    );
  const size = wide?.bytes ?? { F16: 2, I8: 1, BOOL: 1 }[format] ?? 4;
  if (own.length !== count * size)
    throw new RuntimeError(`safetensors: ${name}: ${own.length} bytes, expected ${count * size} for ${format} ${showShape(shape)}`);
  if (plain) return rowsOf(own, shape, { dtype: plain, ...(device && place) });
  const values = wide ? converted(name, own, count, wide) : new Float32Array();
  return reshape(tensor(values, device && place), shape);
}

/** A tensor, its rows in several where no buffer holds them together. */
function rowsOf(bytes: Uint8Array, shape: Shape, options: { dtype: DType; device?: DeviceName }): Tensor {
  const [rows = 1, ...row] = shape;
  const each = Math.floor(backendOf(options.device).maxBytes / (numel(row) * itemSize(options.dtype)));
  if (shape.length < 2 || each === 0 || each >= rows || rows === 0) return reshape(frombuffer(bytes, options), shape);
  const starts = Array.from({ length: Math.ceil(rows / each) }, (_, i) => i * each);
  const parts = starts.map((start) => {
    const count = Math.min(each, rows - start);
    return reshape(frombuffer(bytes.subarray((start * bytes.length) / rows, ((start + count) * bytes.length) / rows), options), [
      count,
      ...row,
    ]);
  });
  const whole = cat(parts);
  for (const part of parts) part.dispose();
  return whole;
}

type Conversion = (typeof CONVERTED)[string];

function converted(
  name: string,
  bytes: Uint8Array,
  count: number,
  { bytes: size, dtype, read: value }: Conversion,
): Float32Array | Int32Array {
  const data = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const values = dtype === "int32" ? new Int32Array(count) : new Float32Array(count);
  for (let i = 0; i < count; i++) {
    const element = value(data, i * size);
    values[i] = element;
    if (dtype === "int32" && values[i] !== element) throw new RuntimeError(`safetensors: ${name}: ${element} does not fit int32`);
  }
  return values;
}
