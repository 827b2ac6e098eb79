// @ts-check
/**
 * The safetensors format: an 8-byte length, a JSON header, then the tensors' bytes.
 * https://huggingface.co/docs/safetensors/index#format
 */

import { messageOf, SplitComputeError } from "./errors.js";

/**
 * @typedef {"F32" | "F16" | "I32" | "U32" | "I8"} TensorDtype
 *
 * @typedef {object} TensorView where one tensor lies in the buffer of the whole file
 * @property {TensorDtype} dtype
 * @property {readonly number[]} shape
 * @property {number} offset bytes from the start of the buffer
 * @property {number} count elements
 * @property {ArrayBuffer} buffer
 *
 * @typedef {object} NamedArray a tensor to be written
 * @property {string} name
 * @property {TensorDtype} dtype
 * @property {readonly number[]} shape
 * @property {ArrayBufferView} data
 *
 * @typedef {object} SafetensorsFile
 * @property {Map<string, TensorView>} tensors
 * @property {Record<string, string>} metadata
 */

/** @type {Readonly<Record<TensorDtype, number>>} */
const itemSize = { F32: 4, F16: 2, I32: 4, U32: 4, I8: 1 };
const lengthBytes = 8;
/** The header grows with tensors and strings; more than this is a lie or a mistake. */
const maxHeaderBytes = 1 << 20;

/**
 * Reads the header and checks every claim in it against the buffer; copies nothing.
 * @param {ArrayBuffer} buffer
 * @returns {SafetensorsFile}
 */
export function parseSafetensors(buffer) {
  const { header, dataStart } = parseHeader(buffer);
  const { __metadata__: metadata = {}, ...entries } = header;
  const tensors = new Map();
  for (const [name, entry] of Object.entries(entries)) {
    tensors.set(name, placeTensor(name, entry, buffer, dataStart));
  }
  checkCoverage(tensors, dataStart, buffer.byteLength);
  return { tensors, metadata: checkMetadata(metadata) };
}

/**
 * Lays tensors end to end in the order given, but odd sizes last: the format allows no gaps, so
 * this is what keeps each tensor at a multiple of 4.
 * @param {readonly NamedArray[]} tensors
 * @param {Record<string, string>} metadata
 * @returns {ArrayBuffer}
 */
export function writeSafetensors(tensors, metadata) {
  const isOdd = (/** @type {ArrayBufferView} */ data) => Number(data.byteLength % 4 !== 0);
  const inOrder = [...tensors].sort((a, b) => isOdd(a.data) - isOdd(b.data));
  /** @type {Record<string, unknown>} */
  const entries = { __metadata__: metadata };
  let end = 0;
  for (const { name, dtype, shape, data } of inOrder) {
    entries[name] = { dtype, shape, data_offsets: [end, (end += data.byteLength)] };
  }
  const json = new TextEncoder().encode(JSON.stringify(entries));
  // Padded with spaces so that the data starts at a multiple of 8.
  const headerBytes = Math.ceil(json.length / 8) * 8;
  const bytes = new Uint8Array(lengthBytes + headerBytes + end);
  new DataView(bytes.buffer).setBigUint64(0, BigInt(headerBytes), true);
  bytes.fill(0x20, lengthBytes, lengthBytes + headerBytes);
  bytes.set(json, lengthBytes);
  let offset = lengthBytes + headerBytes;
  for (const { data } of inOrder) {
    bytes.set(new Uint8Array(data.buffer, data.byteOffset, data.byteLength), offset);
    offset += data.byteLength;
  }
  return bytes.buffer;
}

/**
 * A typed array over the tensor, without a copy where its alignment allows.
 * @param {TensorView} view
 */
export function float32View(view) {
  return new Float32Array(aligned(view), alignedOffset(view), view.count);
}

/** @param {TensorView} view */
export function int32View(view) {
  return new Int32Array(aligned(view), alignedOffset(view), view.count);
}

/** The bit patterns of an F16 tensor. @param {TensorView} view */
export function uint16View(view) {
  return new Uint16Array(aligned(view), alignedOffset(view), view.count);
}

/** @param {TensorView} view */
export function int8View(view) {
  return new Int8Array(view.buffer, view.offset, view.count);
}

/** @param {string} message */
export function wireError(message) {
  return new SplitComputeError(message, { error_type: "Wire" });
}

/** @param {ArrayBuffer} buffer */
function parseHeader(buffer) {
  if (buffer.byteLength < lengthBytes) {
    throw wireError(`safetensors: ${buffer.byteLength} bytes, expected at least ${lengthBytes}`);
  }
  const headerBytes = new DataView(buffer).getBigUint64(0, true);
  const available = Math.min(buffer.byteLength - lengthBytes, maxHeaderBytes);
  if (headerBytes > available) {
    throw wireError(`safetensors: header of ${headerBytes} bytes, expected at most ${available}`);
  }
  const dataStart = lengthBytes + Number(headerBytes);
  const text = new TextDecoder().decode(new Uint8Array(buffer, lengthBytes, Number(headerBytes)));
  return { header: parseJsonObject(text), dataStart };
}

/** @param {string} text @returns {Record<string, unknown>} */
function parseJsonObject(text) {
  let value;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw wireError(`safetensors: the header is no JSON: ${messageOf(error)}`);
  }
  if (!isObject(value)) throw wireError("safetensors: the header is no JSON object");
  return value;
}

/**
 * @param {string} name @param {unknown} entry
 * @param {ArrayBuffer} buffer @param {number} dataStart
 * @returns {TensorView}
 */
function placeTensor(name, entry, buffer, dataStart) {
  if (!isObject(entry)) throw wireError(`${name}: no object in the safetensors header`);
  const { dtype, shape, data_offsets: offsets } = entry;
  if (!isDtype(dtype)) {
    throw wireError(`${name}: dtype ${show(dtype)}, expected ${Object.keys(itemSize).join(", ")}`);
  }
  if (!isSizes(shape)) throw wireError(`${name}: shape ${show(shape)}, expected sizes`);
  if (!isSizes(offsets) || offsets.length !== 2) {
    throw wireError(`${name}: data_offsets ${show(offsets)}, expected [begin, end]`);
  }
  const [begin, end] = /** @type {[number, number]} */ (offsets);
  // A product beyond 2^53 is no longer exact, but far from any file's size: it fails here.
  const count = shape.reduce((product, size) => product * size, 1);
  if (end - begin !== count * itemSize[dtype] || dataStart + end > buffer.byteLength) {
    throw wireError(
      `${name}: data_offsets [${begin}, ${end}], expected ${count * itemSize[dtype]} bytes ` +
        `of ${dtype} within ${buffer.byteLength - dataStart}`,
    );
  }
  return { dtype, shape, offset: dataStart + begin, count, buffer };
}

/**
 * The format allows neither holes nor overlaps.
 * @param {Map<string, TensorView>} tensors @param {number} dataStart @param {number} size
 */
function checkCoverage(tensors, dataStart, size) {
  const inOrder = [...tensors].sort(([, a], [, b]) => a.offset - b.offset || a.count - b.count);
  let end = dataStart;
  for (const [name, view] of inOrder) {
    if (view.offset !== end) {
      throw wireError(`${name}: begins at byte ${view.offset}, expected ${end}`);
    }
    end += view.count * itemSize[view.dtype];
  }
  if (end !== size) throw wireError(`safetensors: ${size} bytes, the header accounts for ${end}`);
}

/** @param {unknown} metadata @returns {Record<string, string>} */
function checkMetadata(metadata) {
  if (!isObject(metadata) || !Object.values(metadata).every((value) => typeof value === "string")) {
    throw wireError("safetensors: __metadata__ is no map of strings");
  }
  return /** @type {Record<string, string>} */ (metadata);
}

/** What came, short enough for a message. @param {unknown} value */
function show(value) {
  return String(JSON.stringify(value)).slice(0, 80);
}

/** @param {unknown} value @returns {value is Record<string, unknown>} */
function isObject(value) {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** @param {unknown} value @returns {value is TensorDtype} */
function isDtype(value) {
  return typeof value === "string" && Object.hasOwn(itemSize, value);
}

/** @param {unknown} value @returns {value is number[]} */
function isSizes(value) {
  return Array.isArray(value) && value.every((item) => Number.isSafeInteger(item) && item >= 0);
}

/**
 * Typed arrays must begin at a multiple of their item's size: other files are copied.
 * @param {TensorView} view
 */
function aligned(view) {
  if (isAligned(view)) return view.buffer;
  return view.buffer.slice(view.offset, view.offset + view.count * itemSize[view.dtype]);
}

/** @param {TensorView} view */
function alignedOffset(view) {
  return isAligned(view) ? view.offset : 0;
}

/** @param {TensorView} view */
function isAligned(view) {
  return view.offset % itemSize[view.dtype] === 0;
}
