// @ts-check
/** Hidden states ↔ bytes: the mirror of wire.py. */

import { fromFloat16, fromInt8, toFloat16, toInt8 } from "./narrow.js";
import {
  float32View,
  int32View,
  int8View,
  parseSafetensors,
  uint16View,
  wireError,
  writeSafetensors,
} from "./safetensors.js";

/**
 * @typedef {import("./model_info.js").Dtype} Dtype
 * @typedef {import("./safetensors.js").TensorView} TensorView
 *
 * @typedef {object} Hidden sequences laid end to end, without padding
 * @property {Float32Array<ArrayBuffer>} values (total_tokens, n_embd), row after row
 * @property {Int32Array} lengths (batch,) tokens of each sequence
 *
 * @typedef {object} HiddenMetadata
 * @property {string} model
 * @property {string} revision
 * @property {number} start the layer that comes next
 */

/**
 * @param {ArrayBuffer} body
 * @param {number} n_embd
 * @returns {Hidden & {metadata: HiddenMetadata}}
 */
export function decodeHidden(body, n_embd) {
  const { tensors, metadata } = parseSafetensors(body);
  const lengths = decodeLengths(need(tensors, "lengths"));
  const total = lengths.reduce((sum, length) => sum + length, 0);
  const hidden = need(tensors, "hidden");
  checkShape("hidden", hidden, [total, n_embd]);
  return { values: decodeValues(hidden, tensors), lengths, metadata: decodeMetadata(metadata) };
}

/**
 * @param {Hidden} hidden
 * @param {Dtype} dtype
 * @param {HiddenMetadata} metadata
 * @returns {ArrayBuffer}
 */
export function encodeHidden({ values, lengths }, dtype, { model, revision, start }) {
  const total = lengths.reduce((sum, length) => sum + length, 0);
  const shape = [total, values.length / total];
  return writeSafetensors(
    [
      ...encodeValues(values, shape, dtype),
      { name: "lengths", dtype: "I32", shape: [lengths.length], data: lengths },
    ],
    { model, revision, start: String(start) },
  );
}

/** @param {TensorView} view */
function decodeLengths(view) {
  checkDtype("lengths", view, ["I32"]);
  checkShape("lengths", view, [view.count]);
  const lengths = int32View(view);
  const wrong = lengths.find((length) => length < 1);
  if (wrong !== undefined) throw wireError(`lengths: ${wrong}, expected at least 1`);
  return lengths;
}

/**
 * @param {TensorView} hidden
 * @param {Map<string, TensorView>} tensors
 * @returns {Float32Array<ArrayBuffer>}
 */
function decodeValues(hidden, tensors) {
  checkDtype("hidden", hidden, ["F32", "F16", "I8"]);
  if (hidden.dtype === "F32") return float32View(hidden);
  if (hidden.dtype === "F16") return fromFloat16(uint16View(hidden));
  const scale = need(tensors, "hidden_scale");
  const [rows, columns] = /** @type {[number, number]} */ (hidden.shape);
  checkDtype("hidden_scale", scale, ["F32"]);
  checkShape("hidden_scale", scale, [rows]);
  return fromInt8(int8View(hidden), float32View(scale), columns);
}

/**
 * @param {Float32Array} values @param {number[]} shape @param {Dtype} dtype
 * @returns {import("./safetensors.js").NamedArray[]}
 */
function encodeValues(values, shape, dtype) {
  switch (dtype) {
    case "f32":
      return [{ name: "hidden", dtype: "F32", shape, data: values }];
    case "f16":
      return [{ name: "hidden", dtype: "F16", shape, data: toFloat16(values) }];
    case "q8": {
      const [rows, columns] = /** @type {[number, number]} */ (shape);
      const { integers, scales } = toInt8(values, rows, columns);
      return [
        { name: "hidden_scale", dtype: "F32", shape: [rows], data: scales },
        { name: "hidden", dtype: "I8", shape, data: integers },
      ];
    }
    default:
      throw new TypeError(`dtype ${/** @satisfies {never} */ (dtype)}, expected f32, f16 or q8`);
  }
}

/** @param {Record<string, string>} metadata @returns {HiddenMetadata} */
function decodeMetadata({ model, revision, start }) {
  if (model === undefined || revision === undefined || !/^\d{1,9}$/.test(start ?? "")) {
    throw wireError("hidden state: metadata without model, revision or start");
  }
  return { model, revision, start: Number(start) };
}

/** @param {Map<string, TensorView>} tensors @param {string} name */
function need(tensors, name) {
  const view = tensors.get(name);
  if (!view) throw wireError(`${name}: missing; the file has ${[...tensors.keys()].join(", ")}`);
  return view;
}

/** @param {string} name @param {TensorView} view @param {readonly string[]} expected */
function checkDtype(name, { dtype }, expected) {
  if (!expected.includes(dtype)) {
    throw wireError(`${name}: dtype ${dtype}, expected ${expected.join(", ")}`);
  }
}

/**
 * @param {string} name @param {TensorView} view @param {readonly (number | undefined)[]} expected
 */
function checkShape(name, { shape }, expected) {
  if (shape.length !== expected.length || shape.some((size, i) => size !== expected[i])) {
    throw wireError(`${name}: shape (${shape.join(", ")}), expected (${expected.join(", ")})`);
  }
}
