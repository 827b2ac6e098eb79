// @ts-check
/** Brings the layers that the cut leaves to the browser: asks first, then lets them stream. */

import { piecesOf } from "../pieces.js";
import { pause } from "../waiting.js";
import { agreedBytes, forgetAgreements, hasPaused, rememberAgreement, rememberPause } from "./consent.js";
import { isReached, leftmost, reachOf, runOf, toOptions, withoutLayers } from "./cut.js";
import { forgetDistrust } from "./distrust.js";
import { firstSplit, keepsText, whyNoOffload } from "./state.js";

/**
 * @typedef {import("../splitcompute.js").TakeoverState} TakeoverState
 * @typedef {import("./store.js").Store} Store
 */

/** So long the cut must rest before layers are fetched for it: a drag passes many. */
const restMs = 250;

export class BrowserSide {
  #settling = new AbortController();

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
    const isIdle = split === model?.n_layer && !keepsText(store.state);
    if (!model || whyNoOffload(store.state) || isIdle) {
      return store.update({ browserSide: { kind: "idle" } });
    }
    const sizes = await this.#sizes(split);
    if (!sizes || signal.aborted) return;
    const { total, missing } = sizes;
    const agreed = missing === 0 ? total : agreedBytes(model.name, choice.dtype);
    // What is all here needs no download.
    const isPaused = missing > 0 && hasPaused();
    const browserSide = agreed >= total
      ? { kind: /** @type {const} */ ("taking"), split, total, isPaused }
      : { kind: /** @type {const} */ ("asking"), split, ...sizes, declined: false };
    store.update({ browserSide });
    if (!isReached(choice.direction, store.state.reach, split)) await pause(restMs, signal).catch(() => {}); // moved on
    if (signal.aborted) return;
    const maxBytes = isPaused ? await this.#bytesHere(split) : agreed;
    if (!signal.aborted) this.#takeOver(split, { maxBytes, isPaused }, signal);
  }

  async agree() {
    const { browserSide, model, choice } = this.store.state;
    if (browserSide.kind !== "asking" || !model) return;
    rememberAgreement(model.name, choice.dtype, browserSide.total);
    rememberPause(false);
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
    const { device, model, choice } = store.state;
    if (!device || !model) return;
    forgetDistrust(device);
    store.session?.trust();
    store.update({ distrust: null, split: firstSplit(model, choice) });
    await this.settle();
  }

  /** No layer is downloaded until the visitor resumes or agrees to more. What is here stays. */
  async pause() {
    await this.#setPaused(true);
  }

  /** Or tries again at once what has failed. */
  async resume() {
    await this.#setPaused(false);
  }

  /** Gives the disk and the GPU's memory back, and the visitor's agreement with them. */
  async forget() {
    const { store } = this;
    this.#restart();
    forgetAgreements();
    await store.session?.clear().catch(() => {}); // the Worker died, and settle() sees what is left
    store.update({ pieces: new Map(), reach: store.session ? reachOf(store.state.choice.direction, store.session) : 0 });
    await this.settle();
  }

  /** @param {number} cut @param {{maxBytes: number, isPaused: boolean}} limits @param {AbortSignal} signal */
  #takeOver(cut, { maxBytes, isPaused }, signal) {
    const { split: to, embed } = toOptions(cut);
    const onChange = (/** @type {TakeoverState} */ state) => {
      if (signal.aborted) return;
      this.#follow(state);
      // Another revision of as many bytes would be a download.
      if (isPaused && state.kind === "complete") takeover?.pause();
    };
    const takeover = this.store.session?.takeOver({ to, embed, maxBytes, signal, onChange });
  }

  /** @param {boolean} isPaused */
  async #setPaused(isPaused) {
    const { browserSide } = this.store.state;
    rememberPause(isPaused);
    if (browserSide.kind === "taking") this.store.update({ browserSide: { ...browserSide, isPaused } });
    await this.settle();
  }

  /** @param {TakeoverState} takeover */
  #follow(takeover) {
    const { store } = this;
    const { pieces, reach: before, choice } = store.state;
    const model = store.session?.info;
    if (!model) return;
    const { direction } = choice;
    const reach = reachOf(direction, takeover);
    // Pieces that went with a lost GPU are not here any more.
    const isEmpty = reach === withoutLayers(direction, model.n_layer);
    const held = isEmpty ? [] : piecesOf(runOf(direction, reach, model.n_layer), model.n_layer, direction);
    const here = [...pieces].filter(([piece]) => isReached(direction, reach, before) || held.includes(piece));
    store.update({ model, takeover, reach, pieces: new Map(here) });
    void this.#countKept();
  }

  async #countKept() {
    const { direction } = this.store.state.choice;
    const all = await this.#sizes(direction === "client-first" ? Infinity : leftmost(direction));
    if (all) this.store.update({ kept: all.total - all.missing });
  }

  /** Of what the cut leaves to the browser, up to the first piece that would have to be downloaded. @param {number} cut */
  async #bytesHere(cut) {
    const n_layer = this.store.session?.info.n_layer ?? 0;
    const none = withoutLayers(this.store.state.choice.direction, n_layer);
    const next = Math.sign(cut - none);
    let total = 0;
    for (let nearer = none + next; nearer !== cut; nearer += next) {
      const sizes = await this.#sizes(nearer);
      if (!sizes || sizes.missing > 0) break;
      total = sizes.total;
    }
    return total;
  }

  /** Null where the connection ended meanwhile: whoever ended it sees to the rest. @param {number} cut */
  async #sizes(cut) {
    const { session } = this.store;
    const { split, embed } = toOptions(Math.min(cut, session?.info.n_layer ?? 0));
    const sizes = await session?.bytes(split, { embed }).catch(() => null);
    return sizes && session === this.store.session ? sizes : null;
  }

  /** Ends the takeover under way. */
  #restart() {
    this.#settling.abort();
    this.store.update({ takeover: null });
    return (this.#settling = new AbortController()).signal;
  }
}
