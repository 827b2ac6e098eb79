// @ts-check
/** How many bytes of layers the GPU has had room for, as long as the tab is open. */

/**
 * @typedef {object} Full the GPU's memory, and what had it full
 * @property {number} layers that were on it
 * @property {"load" | "run"} during load: a further layer had no room. run: a request had none beside them
 *
 * @typedef {{layer: number, finish: number}} Sizes in bytes, as in /models
 */

/** What else was in the GPU's memory may be gone by then. */
const goodForMs = 10 * 60 * 1000;
/** Of the layers, what makes room for a request. Where that is not enough, as much again. */
const shareForRequest = 1 / 8;

export class Room {
  #key;
  /** @type {{bytes: number, at: number} | null} */
  #known = null;

  /** @param {string} device whose room it is */
  constructor(device) {
    this.#key = `splitcompute.room:${device}`;
    this.#restore();
  }

  /** Of layers and finish that are known to fit, at most; endless where nothing is known. */
  get bytes() {
    if (!this.#known || Date.now() - this.#known.at > goodForMs) return Infinity;
    return this.#known.bytes;
  }

  /** @param {Full} full @param {Sizes} sizes */
  learn({ layers, during }, { layer, finish }) {
    const fewer = during === "run" ? Math.ceil(layers * shareForRequest) : 0;
    this.#known = { bytes: finish + (layers - fewer) * layer, at: Date.now() };
    try {
      sessionStorage.setItem(this.#key, JSON.stringify(this.#known));
    } catch {
      // No storage: it holds until the page is left.
    }
  }

  #restore() {
    try {
      const { bytes, at } = JSON.parse(sessionStorage.getItem(this.#key) ?? "null");
      if (Number.isFinite(bytes) && Number.isFinite(at)) this.#known = { bytes, at };
    } catch {
      // No storage, or nothing in it.
    }
  }
}
