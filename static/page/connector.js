// @ts-check
/** Opens the connection for what the visitor chose, and replaces the one before. */

import { connect } from "../splitcompute.js";
import { readApiKey } from "./api_key.js";
import { explain, needsKey } from "./format.js";
import { reachOf } from "./cut.js";
import { rememberDistrust, rememberedDistrust } from "./distrust.js";
import { firstSplit, keepsText, nothingTaken, whyNoOffload } from "./state.js";

/**
 * @typedef {import("../layer_cache.js").Progress} Progress
 * @typedef {import("../splitcompute.js").SplitCompute} SplitCompute
 * @typedef {import("./state.js").Choice} Choice
 * @typedef {import("./state.js").Connection} Connection
 * @typedef {import("./store.js").Store} Store
 */

export class Connector {
  #opening = new AbortController();

  /** @param {Store} store */
  constructor(store) {
    this.store = store;
  }

  /**
   * @param {Partial<Choice>} change what differs from the connection before
   * @returns {Promise<boolean>} whether there is a connection now, and no later call has replaced it
   */
  async open(change) {
    this.#opening.abort();
    const { signal } = (this.#opening = new AbortController());
    const { store } = this;
    store.session?.close();
    store.session = null;
    const choice = { ...store.state.choice, ...change };
    store.update({ choice, connection: { kind: "connecting" }, kept: 0, ...nothingTaken() });
    try {
      const onProgress = (/** @type {Progress} */ progress) => signal.aborted || this.#onProgress(progress);
      const onDistrust = (/** @type {string} */ reason) => signal.aborted || this.#onDistrust(reason);
      const options = { ...choice, apiKey: readApiKey(), onProgress, onDistrust, signal };
      const session = await connect(options);
      if (signal.aborted) return session.close(), false;
      this.#onOpen(session, change);
      // Another tab has the same GPU, and may find out about it.
      addEventListener("storage", () => heedDistrust(session), { signal });
      return true;
    } catch (error) {
      if (!signal.aborted) store.update({ connection: refusedBy(error) });
      return false;
    }
  }

  /** @param {SplitCompute} session @param {Partial<Choice>} change */
  #onOpen(session, change) {
    const { store } = this;
    const { models, info: model, device } = session;
    const { choice, model: last, split } = store.state;
    heedDistrust(session);
    const { distrusted: distrust } = session;
    const isTurned = change.direction !== undefined;
    const wanted = last?.name === model.name && !isTurned ? split : firstSplit(model, choice);
    const none = keepsText({ choice }) ? 1 : model.n_layer;
    store.session = session;
    store.update({
      connection: { kind: "open" },
      choice: { ...choice, model: model.name },
      models,
      model,
      device,
      distrust,
      split: whyNoOffload({ device, model, distrust }) ? none : wanted,
      reach: reachOf(choice.direction, session),
    });
  }

  /** Until the visitor asks for the GPU again. @param {string} distrust */
  #onDistrust(distrust) {
    const { store } = this;
    const { device, model, result } = store.state;
    if (device) rememberDistrust(device, distrust);
    const note = `${distrust} These vectors may be wrong too: embed the texts again.`;
    const isDoubtful = result && result.layerTokens.browser > 0;
    store.update({
      distrust,
      split: keepsText(store.state) ? 1 : (model?.n_layer ?? 0),
      pieces: new Map(),
      browserSide: { kind: "idle" },
      ...(isDoubtful ? { result: { ...result, note } } : {}),
    });
  }

  /** @param {Progress} progress */
  #onProgress({ phase, piece, loaded, size }) {
    const ready = phase === "ready";
    const name = piece.replace(".", " ");
    this.store.update({
      pieces: new Map(this.store.state.pieces).set(piece, { loaded, size, ready }),
      step: phase === "download" ? `Downloading ${name}` : `Moving ${name} to the GPU`,
    });
  }
}

/** Of a GPU that was found wrong on an earlier visit, or by another tab. @param {SplitCompute} session */
function heedDistrust(session) {
  const reason = rememberedDistrust(session.device);
  if (reason !== null && session.distrusted === null) session.distrust(reason);
}

/** @param {unknown} error @returns {Connection} */
function refusedBy(error) {
  if (!needsKey(error)) return { kind: "failed", message: explain(error) };
  const message = readApiKey() === undefined
    ? "This server asks for an API key."
    : "The server did not accept this API key.";
  return { kind: "key", message };
}
