/** Reads tensors from the safetensors format: https://huggingface.co/docs/safetensors/index#format */

import type { DeviceName } from "../backend/backend";
import { type DType, itemSize } from "../base/dtype";
import { RuntimeError, showShape } from "../base/errors";
import { numel, type Shape } from "../base/shape";
import { frombuffer } from "./creation";
import { backendOf } from "./devices";
import { cat } from "./joins";
import { keywords } from "./keywords";
import { reshape } from "./shapes";
import type { Tensor } from "./tensor";

const LENGTH_BYTES = 8;

/** How the elements of a file become those of a dtype: as they are, or read one by one where the library has no such dtype. */
interface Format {
  readonly dtype: DType;
  /** Of an element in the file. */
  readonly bytes: number;
  readonly read?: (data: DataView, at: number) => number;
}

const FORMATS: Readonly<Record<string, Format>> = {
  F32: { dtype: "float32", bytes: 4 },
  F16: { dtype: "float16", bytes: 2 },
  I32: { dtype: "int32", bytes: 4 },
  U32: { dtype: "uint32", bytes: 4 },
  I8: { dtype: "int8", bytes: 1 },
  BOOL: { dtype: "bool", bytes: 1 },
  BF16: { dtype: "float32", bytes: 2, read: (data, at) => wideBits(data.getUint16(at, true)) },
  F64: { dtype: "float32", bytes: 8, read: (data, at) => data.getFloat64(at, true) },
  I64: { dtype: "int32", bytes: 8, read: (data, at) => Number(data.getBigInt64(at, true)) },
};

/** A tensor of the file. */
interface Entry {
  readonly name: string;
  readonly format: Format;
  readonly shape: Shape;
  /** Its own, in the file. */
  readonly bytes: Uint8Array;
}

const word = new DataView(new ArrayBuffer(4));

/** A bfloat16, which is a float32 without its last 16 bits. */
function wideBits(bits: number): number {
  word.setUint32(0, bits << 16);
  return word.getFloat32(0);
}

export interface LoadOptions {
  device?: DeviceName;
}

/**
 * The tensors of a safetensors file, by name. bfloat16 and float64 become float32, int64 becomes int32. A file with a tensor that
 * cannot be had is refused before anything is allocated.
 */
export function load(data: ArrayBuffer | ArrayBufferView, options: LoadOptions = {}): Map<string, Tensor> {
  const { device } = keywords<LoadOptions>("load", [], [options], ["device"]);
  const bytes = ArrayBuffer.isView(data) ? new Uint8Array(data.buffer, data.byteOffset, data.byteLength) : new Uint8Array(data);
  const { header, start } = headerOf(bytes);
  const names = Object.keys(header).filter((name) => name !== "__metadata__");
  checkCoverage(
    names.map((name) => header[name]),
    bytes.length - start,
  );
  const { maxBytes } = backendOf(device);
  const entries = names.map((name) => entryOf(name, header[name], bytes.subarray(start)));
  for (const entry of entries) checkEntry(entry, maxBytes);
  return new Map(entries.map((entry) => [entry.name, upload(entry, maxBytes, device)]));
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

function entryOf(name: string, entry: unknown, bytes: Uint8Array): Entry {
  const { dtype = "", shape, data_offsets: offsets } = (entry ?? {}) as { dtype?: string; shape?: unknown; data_offsets?: unknown };
  if (!isSizes(shape) || !isSizes(offsets)) throw new RuntimeError(`safetensors: ${name}: expected a shape and two data_offsets`);
  const [begin = 0, end = 0] = offsets;
  if (begin > end || end > bytes.length) throw new RuntimeError(`safetensors: ${name}: bytes ${begin} to ${end} of ${bytes.length}`);
  const format = Object.hasOwn(FORMATS, dtype) ? FORMATS[dtype] : undefined;
  if (!format) throw new RuntimeError(`safetensors: ${name}: dtype ${dtype}, expected ${Object.keys(FORMATS).join(", ")}`);
  const size = shape.reduce((n, length) => n * length, format.bytes);
  if (end - begin !== size)
    throw new RuntimeError(`safetensors: ${name}: ${end - begin} bytes, expected ${size} for ${dtype} ${showShape(shape)}`);
  return { name, format, shape, bytes: bytes.subarray(begin, end) };
}

/** Refuses what no buffers of `maxBytes` can hold, not even row by row, and integers that are too large. */
function checkEntry({ name, format, shape, bytes }: Entry, maxBytes: number): void {
  const held = shape[0] === 0 ? 0 : numel(shape.length < 2 ? shape : shape.slice(1)) * itemSize(format.dtype);
  if (held > maxBytes)
    throw new RuntimeError(
      `safetensors: ${name}: ${shape.length < 2 ? "it" : "a row of it"} takes ${held} bytes, but this adapter's buffers hold at most ${maxBytes}`,
    );
  if (format.dtype !== "int32" || !format.read) return;
  const data = viewOf(bytes);
  for (let at = 0; at < bytes.length; at += format.bytes) {
    const element = format.read(data, at);
    if ((element | 0) !== element) throw new RuntimeError(`safetensors: ${name}: ${element} does not fit int32`);
  }
}

/** A tensor, its rows in several where no buffer holds them together. */
function upload({ format, shape, bytes }: Entry, maxBytes: number, device: DeviceName | undefined): Tensor {
  const options = { dtype: format.dtype, ...(device && { device }) };
  const [rows = 1, ...row] = shape;
  const made = (own: Uint8Array, size: Shape): Tensor =>
    reshape(frombuffer(format.read ? converted(own, format, format.read) : own, options), size);
  const each = Math.floor(maxBytes / (numel(row) * itemSize(format.dtype)));
  if (each >= rows) return made(bytes, shape);
  const rowBytes = bytes.length / rows;
  const parts = Array.from({ length: Math.ceil(rows / each) }, (_, i) => {
    const start = i * each;
    const count = Math.min(each, rows - start);
    return made(bytes.subarray(start * rowBytes, (start + count) * rowBytes), [count, ...row]);
  });
  const whole = cat(parts);
  for (const one of parts) one.dispose();
  return whole;
}

function converted(bytes: Uint8Array, format: Format, read: NonNullable<Format["read"]>): Float32Array | Int32Array {
  const data = viewOf(bytes);
  const count = bytes.length / format.bytes;
  const values = format.dtype === "int32" ? new Int32Array(count) : new Float32Array(count);
  for (let i = 0; i < count; i++) values[i] = read(data, i * format.bytes);
  return values;
}

const viewOf = ({ buffer, byteOffset, byteLength }: Uint8Array): DataView => new DataView(buffer, byteOffset, byteLength);
