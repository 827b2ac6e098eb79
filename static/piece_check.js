// @ts-check
/** Whether a piece's bytes are the manifest's: hashed block by block, while the rest still arrives. */

/** @typedef {import("./api.js").PieceFile} PieceFile */

export class PieceCheck {
  /** Whether each block is right, of those hashed so far. @type {Promise<boolean>[]} */
  #blocks = [];

  /** @param {Uint8Array<ArrayBuffer>} bytes the file's place, filled from the start @param {PieceFile} file */
  constructor(bytes, file) {
    this.bytes = bytes;
    this.file = file;
  }

  /** Hashes the blocks that are whole. @param {number} loaded bytes that are here; fewer than before, if they came anew */
  advance(loaded) {
    const { bytes: size, sha256 } = this.file.blocks;
    const end = (/** @type {number} */ block) => Math.min((block + 1) * size, this.bytes.length);
    while (this.#blocks.length > 0 && end(this.#blocks.length - 1) > loaded) this.#blocks.pop();
    for (let block = this.#blocks.length; block < sha256.length && end(block) <= loaded; block++) {
      this.#blocks.push(hasDigest(this.bytes.subarray(block * size, end(block)), sha256[block]));
    }
  }

  /** Once all bytes are here. */
  async isIntact() {
    this.advance(this.bytes.length);
    const { sha256, bytes: size } = this.file.blocks;
    const isWhole = sha256.length === Math.ceil(this.file.bytes / size) && this.bytes.length === this.file.bytes;
    return isWhole && (await Promise.all(this.#blocks)).every(Boolean);
  }
}

/** @param {Uint8Array<ArrayBuffer>} bytes @param {string | undefined} expected */
async function hasDigest(bytes, expected) {
  const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", bytes));
  return Array.from(digest, (byte) => byte.toString(16).padStart(2, "0")).join("") === expected;
}
