// @ts-check
/** What the visitor asks of the model: embed, check, measure. One at a time. */

import { isOfText } from "../errors.js";
import { runBenchmark } from "./benchmark.js";
import { compare } from "./compare.js";
import { explain, layerRange, needsKey, sentence } from "./format.js";
import { isReached, reachOf, toOptions } from "./cut.js";
import { browserIsReady, isBusy, keepsText, takeoverKind, textsOf, whyNoOffload } from "./state.js";

/**
 * @typedef {import("./state.js").State} State
 * @typedef {import("./store.js").Store} Store
 * @typedef {import("../splitcompute.js").SplitCompute} SplitCompute
 */

export class Tasks {
  #running = new AbortController();

  /** @param {Store} store */
  constructor(store) {
    this.store = store;
  }

  cancel() {
    this.#running.abort();
  }

  /** The texts have changed: what was wrong with them may be right now. */
  forgetFailure() {
    if (this.store.state.embedding.kind !== "failed") return;
    this.store.update({ embedding: { kind: "idle" } });
  }

  async embed() {
    const { store } = this;
    const texts = textsOf(store.state);
    if (texts.length === 0) {
      const message = "There is no text yet: write at least one line.";
      return store.update({ embedding: { kind: "failed", message, isOfText: true } });
    }
    const missing = whyNotKept(store.state);
    if (missing) return store.update({ embedding: { kind: "failed", message: missing } });
    await this.#run("embedding", async (session, signal) => {
      const { choice, policy, split: wanted } = store.state;
      const onWait = (/** @type {string} */ reason) => {
        const step = `Waiting for the server. ${sentence(reason)} It is asked again by itself.`;
        store.update({ embedding: { kind: "busy", step } });
      };
      const answer = await session.embed(texts, { ...cutOf(store.state, session), signal, onWait });
      const note = answer.note ?? (keepsText({ choice }) ? undefined : whyServer(store.state, answer.split));
      const reason = policy === "hand" || note !== undefined ? undefined : answer.reason;
      // The server may have another revision by now.
      const model = session.info;
      const result = { ...answer, note, reason, texts, model, choice, wanted, policy };
      const carried = addTo(store.state.carried, answer);
      store.update({ model, result, carried, comparison: null, checking: { kind: "idle" } });
    });
  }

  async check() {
    const { store } = this;
    const { result } = store.state;
    await this.#run("checking", async (session, signal) => {
      if (!result || session.info.name !== result.model.name) {
        throw new Error(`the result is from ${result?.model.name}: choose that model again to compare`);
      }
      const alone = await session.embed(result.texts, { split: session.info.n_layer, signal });
      if (alone.revision !== result.revision) {
        throw new Error("the server has another revision of the model now: embed the texts again to compare");
      }
      const dtypes = [result.choice.dtype, result.choice.wire];
      store.update({ comparison: compare(result.embeddings, alone.embeddings, dtypes) });
    });
  }

  /**
   * @param {() => Promise<boolean>} reconnect so that loading from the browser's cache is measured too
   * @returns {Promise<boolean>} whether it was done, or begun at least
   */
  async measure(reconnect) {
    const { store } = this;
    const { split, choice } = store.state;
    if (!browserIsReady(store.state)) return false;
    return this.#run("benchmarking", async (_, signal) => {
      await reconnect();
      if (!store.session) throw new Error("the server cannot be reached");
      const onStep = (/** @type {string} */ step) => store.update({ benchmarking: { kind: "busy", step } });
      const options = { dtype: choice.dtype, split: toOptions(split).split, onStep, signal };
      store.update({ benchmark: await runBenchmark(store.session, options) });
    });
  }

  /**
   * @param {"embedding" | "checking" | "benchmarking"} name where the state shows how the task stands
   * @param {(session: SplitCompute, signal: AbortSignal) => Promise<void>} task
   * @returns {Promise<boolean>} whether it was begun
   */
  async #run(name, task) {
    const { store } = this;
    if (!store.session || isBusy(store.state)) return false;
    const { signal } = (this.#running = new AbortController());
    store.update({ [name]: { kind: "busy", step: "" } });
    try {
      await task(store.session, signal);
      store.update({ [name]: { kind: "idle" } });
    } catch (error) {
      const failed = { kind: "failed", message: explain(error), isOfText: isOfText(error) };
      store.update({ [name]: signal.aborted ? { kind: "idle" } : failed });
      if (needsKey(error)) store.update({ connection: { kind: "key", message: explain(error) } });
    }
    return true;
  }
}

/** Why a text that is to stay here cannot be embedded yet. @param {State} state */
function whyNotKept(state) {
  if (!keepsText(state)) return "";
  const obstacle = whyNoOffload(state);
  if (obstacle) return `${obstacle} So a text that is to stay here cannot be embedded.`;
  const isPaused = takeoverKind(state) === "paused";
  if (state.reach > 0 || (state.browserSide.kind === "taking" && !isPaused)) return "";
  const how = isPaused ? "resume" : "agree to";
  return `Your text stays here, so your browser needs its first layers before: ${how} the download above.`;
}

/**
 * "auto" rather than the furthest cut by number, which would wait where the GPU has just been lost.
 * @param {State} state @param {SplitCompute} session
 * @returns {import("../splitcompute.js").EmbedOptions}
 */
function cutOf({ policy, split, choice: { direction } }, session) {
  if (policy !== "hand") return { split: "auto", policy };
  const isHere = isReached(direction, reachOf(direction, session), split);
  // Client-first a number is safe: what is not here is waited for. Server-first, at the furthest cut, it is not.
  const isSafe = isHere && (direction === "client-first" || split > session.lowest);
  return isSafe ? { split: toOptions(split).split } : { split: "auto", policy: "browser" };
}

/** @param {State["carried"]} carried @param {import("../splitcompute.js").EmbedResult} answer */
function addTo(carried, { layerTokens, bytes }) {
  return {
    requests: carried.requests + 1,
    server: carried.server + layerTokens.server,
    browser: carried.browser + layerTokens.browser,
    up: carried.up + bytes.up,
    down: carried.down + bytes.down,
  };
}

/** @param {State} state @param {number} split that came of it */
function whyServer(state, split) {
  const { model, policy, reach } = state;
  const obstacle = whyNoOffload(state);
  if (obstacle) return obstacle;
  // Where there was a choice and the server made it, it says why.
  const wasChosen = policy === "server" || (policy !== "hand" && split !== Math.max(reach, 0));
  const wanted = Math.max(state.split, 0);
  if (!model || wasChosen || split <= wanted) return undefined;
  const servers = split < model.n_layer ? `${layerRange(wanted, split)} too` : "everything";
  return `${whyMissing(state, split < model.n_layer)}, so the server ran ${servers}.`;
}

/** @param {State} state @param {boolean} hasOthers whether some layers are here */
function whyMissing(state, hasOthers) {
  const { takeover, browserSide } = state;
  const layers = hasOthers ? "Your browser’s other layers" : "Your browser’s layers";
  const kind = takeoverKind(state);
  if (kind === "streaming") return `${layers} are still on their way`;
  // It stops where the visitor's consent ends, too.
  const isFull = kind === "complete" && browserSide.kind === "taking";
  if (isFull && takeover?.reason) return takeover.reason.replace(/\.$/, "");
  return `${layers} are not here yet`;
}
