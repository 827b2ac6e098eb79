// @ts-check
/** Which of a piece's bytes are not the manifest's: hashed block by block, while the rest still arrives. */

import { SplitComputeError } from "./errors.js";

/** @typedef {import("./model_info.js").PieceFile} PieceFile */

export class PieceCheck {
  /** Whether each block is right, of those hashed so far. @type {Promise<boolean>[]} */
  #blocks = [];

  /** @param {Uint8Array<ArrayBuffer>} bytes the file's place, filled from the start @param {PieceFile} file */
  constructor(bytes, file) {
    const { bytes: size, sha256 } = file.blocks;
    if (bytes.length !== file.bytes || sha256.length !== Math.ceil(file.bytes / size)) {
      const covered = `${sha256.length} blocks of ${size} bytes`;
      throw new SplitComputeError(`the manifest has hashes of ${covered} and ${file.bytes} bytes, for a file of ${bytes.length}`);
    }
    this.bytes = bytes;
    this.file = file;
  }

  /** Hashes the blocks that are whole. @param {number} loaded bytes that are here; fewer than before, if they came anew */
  advance(loaded) {
    const { sha256 } = this.file.blocks;
    while (this.#blocks.length > 0 && this.#range(this.#blocks.length - 1).end > loaded) this.#blocks.pop();
    for (let block = this.#blocks.length; block < sha256.length; block++) {
      const { begin, end } = this.#range(block);
      if (end > loaded) return;
      this.#blocks.push(hasDigest(this.bytes.subarray(begin, end), sha256[block]));
    }
  }

  /** The blocks that are wrong, once all bytes are here. @returns {Promise<{begin: number, end: number}[]>} */
  async damaged() {
    this.advance(this.bytes.length);
    const areRight = await Promise.all(this.#blocks);
    return areRight.flatMap((isRight, block) => (isRight ? [] : [this.#range(block)]));
  }

  /** @param {number} block */
  #range(block) {
    const begin = block * this.file.blocks.bytes;
    return { begin, end: Math.min(begin + this.file.blocks.bytes, this.bytes.length) };
  }
}

/** @param {Uint8Array<ArrayBuffer>} bytes @param {string | undefined} expected */
async function hasDigest(bytes, expected) {
  const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", bytes));
  return Array.from(digest, (byte) => byte.toString(16).padStart(2, "0")).join("") === expected;
}
