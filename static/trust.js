// @ts-check
/** Whether this browser's GPU is trusted: until the server finds a result of it wrong. */

import { postParity } from "./api.js";
import { persist } from "./persist.js";
import { forgetModel } from "./piece_store.js";
import { encodeHidden } from "./wire.js";

/**
 * @typedef {import("./model_info.js").WeightDtype} WeightDtype
 * @typedef {import("./model_info.js").ModelInfo} ModelInfo
 * @typedef {import("./exchange.js").Server} Server
 * @typedef {import("./gpu_worker.js").GpuWorker} GpuWorker
 * @typedef {import("./report.js").Outcome} Outcome
 */

/** Its event "lost" says that there is a reason now. */
export class Trust extends EventTarget {
  /** Why the server runs every layer; null as long as the GPU is trusted. @type {string | null} */
  reason = null;
  #server;
  #dtype;
  #worker;

  /** @param {Server} server @param {WeightDtype} dtype of the browser's layers @param {GpuWorker} worker */
  constructor(server, dtype, worker) {
    super();
    this.#server = server;
    this.#dtype = dtype;
    this.#worker = worker;
  }

  /**
   * Sends the results that the server wants to see. Whoever asked for them has them already.
   * @param {readonly Outcome[]} outcomes of one request @param {ModelInfo} info
   */
  async check(outcomes, info) {
    // Encoded before anything is awaited: the vectors are their receiver's to change.
    const asked = outcomes.flatMap((outcome) => toQuestion(outcome, info) ?? []);
    for (const { check, body } of asked) {
      const question = { check, body, dtype: this.#dtype };
      const answer = await persist(() => postParity(this.#server, question), {}).catch(() => null);
      if (answer?.verdict === "different") return this.lose(whyLost(answer), info);
    }
  }

  /**
   * Gives up the GPU, and what may have been damaged on its way there. Requests under way go on by
   * the server.
   * @param {string} reason @param {ModelInfo} info
   */
  async lose(reason, { name }) {
    this.reason = reason;
    this.#worker.restart("its numbers were wrong");
    this.dispatchEvent(new Event("lost"));
    await forgetModel(this.#server, name);
  }

  restore() {
    this.reason = null;
  }
}

/** @param {Outcome} outcome @param {ModelInfo} info */
function toQuestion({ check, embeddings, revision }, { name, n_embd, n_layer }) {
  if (!check) return undefined;
  const values = new Float32Array(embeddings.length * n_embd);
  for (const [row, embedding] of embeddings.entries()) values.set(embedding, row * n_embd);
  const rows = { values, lengths: new Int32Array(embeddings.length).fill(1) };
  return { check, body: encodeHidden(rows, "f32", { model: name, revision, start: n_layer }) };
}

/** @param {{error: number, tolerance: number}} answer */
function whyLost({ error, tolerance }) {
  return `The server found this browser's numbers wrong: off by ${error.toPrecision(2)} of a ` +
    `vector's length, where ${tolerance} is allowed.`;
}
