// @ts-check
/** Holds the page's state and connection, and has every change drawn. */

import { initialState } from "./state.js";

/**
 * @typedef {import("./state.js").State} State
 * @typedef {import("../splitcompute.js").SplitCompute} SplitCompute
 */

export class Store {
  /** Read by all, changed by update() alone. @type {Readonly<State>} */
  state = initialState();
  /** @type {SplitCompute | null} */
  session = null;
  #isDrawing = false;

  /** @param {(state: State) => void} draw */
  constructor(draw) {
    this.draw = draw;
  }

  /** @param {Partial<State>} patch */
  update(patch) {
    this.state = { ...this.state, ...patch };
    if (this.#isDrawing) return;
    // Progress comes in bursts: one drawing a turn of the event loop is enough.
    this.#isDrawing = true;
    queueMicrotask(() => {
      this.#isDrawing = false;
      this.draw(this.state);
    });
  }
}
