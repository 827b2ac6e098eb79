// @ts-check
/**
 * Rows of the embedding piece, looked up where its bytes lie: a vocabulary's table can be larger than
 * what a GPU binds at once, and a text needs as many rows as it has tokens.
 */

import { SplitComputeError } from "./errors.js";
import { fromFloat16 } from "./narrow.js";
import { parseSafetensors } from "./safetensors.js";

/** @typedef {import("./safetensors.js").TensorView} TensorView */

/** Columns that share a scale, as quantize.py has it. */
const group = 32;

export class EmbedTable {
  #views;

  /** @param {ArrayBuffer} bytes of the piece */
  constructor(bytes) {
    this.#views = parseSafetensors(bytes).tensors;
  }

  /** @param {string} name of a vector, as of a norm @returns {Float32Array} */
  vector(name) {
    const { buffer, offset, count } = this.#need(name);
    return new Float32Array(buffer, offset, count);
  }

  /**
   * Adds a row of a table to a row of hidden states.
   * @param {Float32Array} to (n_embd,) @param {string} name @param {number} row
   */
  addRow(to, name, row) {
    const values = this.#row(name, row, to.length);
    for (let i = 0; i < to.length; i++) to[i] = (to[i] ?? 0) + (values[i] ?? 0);
  }

  /** @param {string} name @param {number} row @param {number} width @returns {Float32Array} */
  #row(name, row, width) {
    const { dtype, buffer, offset } = this.#need(name);
    switch (dtype) {
      case "F32":
        return new Float32Array(buffer, offset + 4 * row * width, width);
      case "F16":
        return fromFloat16(new Uint16Array(buffer, offset + 2 * row * width, width));
      case "I8":
        return this.#scaled(name, row, new Int8Array(buffer, offset + row * width, width));
      case "U32":
        return this.#scaled(name, row, nibbles(new Uint8Array(buffer, offset + (row * width) / 2, width / 2)));
      default:
        throw new SplitComputeError(`${name}: dtype ${dtype}, expected F32, F16, I8 or U32`);
    }
  }

  /** @param {string} name @param {number} row @param {Int8Array} steps */
  #scaled(name, row, steps) {
    const { buffer, offset } = this.#need(`${name}_scale`);
    const groups = steps.length / group;
    const scales = fromFloat16(new Uint16Array(buffer, offset + 2 * row * groups, groups));
    return Float32Array.from(steps, (step, i) => step * (scales[Math.floor(i / group)] ?? 0));
  }

  /** @param {string} name @returns {TensorView} */
  #need(name) {
    const view = this.#views.get(name);
    if (view) return view;
    throw new SplitComputeError(`${name}: missing; embed has ${[...this.#views.keys()].join(", ")}`);
  }
}

/** An even column is the low half of its byte, both in two's complement. @param {Uint8Array} bytes */
function nibbles(bytes) {
  const steps = new Int8Array(2 * bytes.length);
  for (const [i, byte] of bytes.entries()) {
    steps[2 * i] = (byte << 28) >> 28;
    steps[2 * i + 1] = (byte << 24) >> 28;
  }
  return steps;
}
