// @ts-check
/** Brings the layers that the cut leaves to the browser: asks first, then loads them. */

import { piecesFrom } from "../pieces.js";
import { agreedBytes, forgetAgreements, rememberAgreement } from "./consent.js";
import { explain } from "./format.js";
import { whyNoOffload } from "./state.js";

/** @typedef {import("./store.js").Store} Store */

/** So long the cut must rest before layers are fetched for it: a drag passes many. */
const restMs = 250;

export class BrowserSide {
  #loading = new AbortController();

  /** @param {Store} store */
  constructor(store) {
    this.store = store;
  }

  /** @param {number} split */
  moveCut(split) {
    const { store } = this;
    if (split === store.state.split || whyNoOffload(store.state)) return;
    store.update({ split });
    void this.settle();
  }

  /** Sees to it that the browser has what the cut leaves to it, or that the visitor is asked. */
  async settle() {
    const signal = this.#restart();
    const { store } = this;
    const { model, choice, split, pieces } = store.state;
    if (!model || whyNoOffload(store.state) || split === model.n_layer) {
      return store.update({ browserSide: { kind: "idle" } });
    }
    const sizes = await this.#sizes(split);
    if (!sizes || signal.aborted) return;
    const { total, missing } = sizes;
    if (piecesFrom(split, model.n_layer).every((piece) => pieces.get(piece)?.ready)) {
      store.update({ browserSide: { kind: "ready", split, total } });
    } else if (missing === 0 || agreedBytes(model.name, choice.dtype) >= total) {
      await new Promise((resolve) => setTimeout(resolve, restMs));
      if (!signal.aborted) await this.#load(split, total, signal);
    } else {
      store.update({ browserSide: { kind: "asking", split, total, missing, declined: false } });
    }
    const all = await this.#sizes(0);
    if (all && !signal.aborted) store.update({ kept: all.total - all.missing });
  }

  async agree() {
    const { browserSide, model, choice } = this.store.state;
    if (browserSide.kind !== "asking" || !model) return;
    rememberAgreement(model.name, choice.dtype, browserSide.total);
    await this.settle();
  }

  decline() {
    const { browserSide } = this.store.state;
    if (browserSide.kind !== "asking") return;
    this.store.update({ browserSide: { ...browserSide, declined: true } });
  }

  async cancel() {
    this.#restart();
    await this.#ask();
  }

  /** Gives the disk and the GPU's memory back, and the visitor's agreement with them. */
  async forget() {
    const { store } = this;
    this.#restart();
    forgetAgreements();
    await store.session?.clear();
    store.update({ pieces: new Map() });
    await this.settle();
  }

  /** @param {number} split @param {number} total @param {AbortSignal} signal */
  async #load(split, total, signal) {
    const { store } = this;
    store.update({ browserSide: { kind: "loading", split, loaded: 0, total, step: "Starting" } });
    try {
      await store.session?.load(split, { signal });
      if (!signal.aborted) store.update({ browserSide: { kind: "ready", split, total } });
    } catch (error) {
      if (!signal.aborted) await this.#ask(explain(error));
    }
  }

  /** Offers a load that ended early once more. @param {string} [message] */
  async #ask(message) {
    const { split } = this.store.state;
    const sizes = await this.#sizes(split);
    if (!sizes) return;
    this.store.update({ browserSide: { kind: "asking", split, ...sizes, declined: true, message } });
  }

  /** Null where the connection ended meanwhile: whoever ended it sees to the rest. @param {number} split */
  async #sizes(split) {
    const { session } = this.store;
    const sizes = await session?.bytes(split).catch(() => null);
    return sizes && session === this.store.session ? sizes : null;
  }

  /** Ends the load under way. */
  #restart() {
    this.#loading.abort();
    return (this.#loading = new AbortController()).signal;
  }
}
