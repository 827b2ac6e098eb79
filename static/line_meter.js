// @ts-check
/** How fast a file came: of its last answer, since pauses lie between one and the next. */

/** @typedef {{bytes: number, ms: number}} Amount that came, and in what time */

export class LineMeter {
  #begin = { loaded: 0, at: 0 };
  #end = { loaded: 0, at: 0 };

  /** At the beginning of an answer, and with each of its chunks. @param {number} loaded bytes of the file */
  advance(loaded) {
    const now = { loaded, at: performance.now() };
    if (loaded <= this.#end.loaded) this.#begin = now;
    this.#end = now;
  }

  /** @returns {Amount} */
  get came() {
    return { bytes: this.#end.loaded - this.#begin.loaded, ms: this.#end.at - this.#begin.at };
  }
}
