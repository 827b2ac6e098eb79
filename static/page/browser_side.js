// @ts-check
/** Brings the layers that the cut leaves to the browser: asks first, then lets them stream. */

import { piecesFrom } from "../pieces.js";
import { pause } from "../waiting.js";
import { agreedBytes, forgetAgreements, rememberAgreement } from "./consent.js";
import { firstSplit, whyNoOffload } from "./state.js";

/**
 * @typedef {import("../splitcompute.js").TakeoverState} TakeoverState
 * @typedef {import("../takeover.js").Takeover} Takeover
 * @typedef {import("./store.js").Store} Store
 */

/** So long the cut must rest before layers are fetched for it: a drag passes many. */
const restMs = 250;

export class BrowserSide {
  #settling = new AbortController();
  /** @type {Takeover | null} */
  #takeover = null;

  /** @param {Store} store */
  constructor(store) {
    this.store = store;
  }

  /** By hand, where it stays then. @param {number} split */
  moveCut(split) {
    const { store } = this;
    if (split === store.state.split || whyNoOffload(store.state)) return;
    store.update({ split, policy: "hand" });
    void this.settle();
  }

  /** Sees to it that the browser takes over what the cut leaves to it, or that the visitor is asked. */
  async settle() {
    const signal = this.#restart();
    const { store } = this;
    const { model, choice, split } = store.state;
    if (!model || whyNoOffload(store.state) || split === model.n_layer) {
      return store.update({ browserSide: { kind: "idle" } });
    }
    const sizes = await this.#sizes(split);
    if (!sizes || signal.aborted) return;
    const { total, missing } = sizes;
    const agreed = missing === 0 ? total : agreedBytes(model.name, choice.dtype);
    const browserSide = agreed >= total
      ? { kind: /** @type {const} */ ("taking"), split, total }
      : { kind: /** @type {const} */ ("asking"), split, ...sizes, declined: false };
    store.update({ browserSide });
    if (store.state.lowest > split) await pause(restMs, signal).catch(() => {}); // moved on
    if (!signal.aborted) this.#takeOver(split, agreed, signal);
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

  /** Gives a GPU another chance whose numbers were wrong. */
  async trust() {
    const { store } = this;
    const { model, choice } = store.state;
    if (!model) return;
    store.session?.trust();
    store.update({ distrust: null, split: firstSplit(model, choice.dtype) });
    await this.settle();
  }

  pause() {
    this.#takeover?.pause();
  }

  resume() {
    this.#takeover?.resume();
  }

  /** Gives the disk and the GPU's memory back, and the visitor's agreement with them. */
  async forget() {
    const { store } = this;
    this.#restart();
    forgetAgreements();
    await store.session?.clear();
    store.update({ pieces: new Map(), lowest: store.session?.lowest });
    await this.settle();
  }

  /** @param {number} to @param {number} maxBytes @param {AbortSignal} signal */
  #takeOver(to, maxBytes, signal) {
    const onChange = (/** @type {TakeoverState} */ takeover) => signal.aborted || this.#follow(takeover);
    this.#takeover = this.store.session?.takeOver({ to, maxBytes, signal, onChange }) ?? null;
  }

  /** @param {TakeoverState} takeover */
  #follow(takeover) {
    const { store } = this;
    const { model, pieces, lowest } = store.state;
    if (!model) return;
    // Pieces that went with a lost GPU are not here any more.
    const held = piecesFrom(takeover.lowest, model.n_layer);
    const here = [...pieces].filter(([piece]) => takeover.lowest <= lowest || held.includes(piece));
    store.update({ takeover, lowest: takeover.lowest, pieces: new Map(here) });
    void this.#countKept();
  }

  async #countKept() {
    const all = await this.#sizes(0);
    if (all) this.store.update({ kept: all.total - all.missing });
  }

  /** Null where the connection ended meanwhile: whoever ended it sees to the rest. @param {number} split */
  async #sizes(split) {
    const { session } = this.store;
    const sizes = await session?.bytes(split).catch(() => null);
    return sizes && session === this.store.session ? sizes : null;
  }

  /** Ends the takeover under way. */
  #restart() {
    this.#settling.abort();
    this.#takeover = null;
    this.store.update({ takeover: null });
    return (this.#settling = new AbortController()).signal;
  }
}
