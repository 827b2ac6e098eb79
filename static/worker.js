// @ts-check
/** The Worker's side of the messages: the GPU's work runs here, off the page's thread. */

import { BrowserModel } from "./browser_model.js";
import { describeGpu } from "./device.js";
import { messageOf, SplitComputeError } from "./errors.js";

/**
 * @typedef {import("./browser_model.js").Settings} Settings
 * @typedef {import("./model_info.js").Dtype} Dtype
 * @typedef {import("./browser_model.js").Held} Held
 * @typedef {import("./pieces.js").Run} Run
 * @typedef {import("./share.js").ShareResult} ShareResult
 * @typedef {import("./share.js").StartResult} StartResult
 * @typedef {import("./device.js").Device} Device
 * @typedef {import("./layer_cache.js").Progress} Progress
 *
 * @typedef {object} Questions what a message of each type carries
 * @property {{settings: Settings, lock: string}} open the first message, and only the first
 * @property {{revision: string, pieces: readonly string[]}} load
 * @property {{revision: string, run: Run, body: ArrayBuffer}} run
 * @property {{revision: string, run: Run, texts: readonly string[], wire: Dtype}} start
 * @property {{revision: string, texts: readonly string[]}} count
 * @property {{revision: string, pieces: readonly string[]}} kept
 * @property {{}} clear
 *
 * @typedef {object} Answers what each type of question gets back
 * @property {Device} open
 * @property {null} load
 * @property {ShareResult} run
 * @property {ShareResult | StartResult} start
 * @property {number[]} count tokens of each text
 * @property {string[]} kept
 * @property {null} clear
 *
 * @typedef {keyof Questions} Type
 * @typedef {{[T in Type]: {id: number, type: T} & Questions[T]}[Type]} Question
 * @typedef {{id: number, type: "abort"}} Abort
 *
 * @typedef {{message: string, status?: number, error_type?: string}} ErrorFields
 * @typedef {{id: number, value: Answers[Type]}} Answer
 * @typedef {{id: number, error: ErrorFields}} Refusal
 * @typedef {{progress: Progress}} ProgressReport
 * @typedef {{held: Held | null}} HeldReport
 * @typedef {{event: "full", detail: import("./room.js").Full}
 *   | {event: "came", detail: import("./line_meter.js").Amount}
 *   | {event: "tuned", detail: import("./torch.js").Autotuned}} EventReport
 */

listen();

function listen() {
  /** @type {BrowserModel} */
  let model;
  /** @type {Map<number, AbortController>} */
  const underWay = new Map();

  addEventListener("message", async (/** @type {MessageEvent<Question | Abort>} */ { data }) => {
    if (data.type === "abort") return underWay.get(data.id)?.abort();
    if (data.type === "open") {
      model = new BrowserModel(data.settings, {
        onProgress: (progress) => send({ progress }),
        onHeld: (held) => send({ held }),
        onFull: (detail) => send({ event: "full", detail }),
        onCame: (detail) => send({ event: "came", detail }),
        onTuned: (detail) => send({ event: "tuned", detail }),
      });
    }
    const abort = new AbortController();
    underWay.set(data.id, abort);
    try {
      send({ id: data.id, value: await reply(model, data, abort.signal) });
    } catch (error) {
      send({ id: data.id, error: toFields(error) });
    } finally {
      underWay.delete(data.id);
    }
  });
}

/**
 * @param {BrowserModel} model
 * @param {Question} question
 * @param {AbortSignal} signal
 * @returns {Promise<Answers[Type]>}
 */
async function reply(model, question, signal) {
  switch (question.type) {
    case "open":
      await holdLock(question.lock);
      return findGpu(model);
    case "load":
      await model.load(question, signal);
      return null;
    case "run":
      return model.run(question, signal);
    case "start":
      return model.start(question, signal);
    case "count":
      return model.count(question);
    case "kept":
      return model.kept(question.revision, question.pieces);
    case "clear":
      await model.clear();
      return null;
    default:
      throw new TypeError(`unknown question ${/** @satisfies {never} */ (question)}`);
  }
}

/** @param {BrowserModel} model @returns {Promise<Device>} */
async function findGpu(model) {
  try {
    return describeGpu(await model.open());
  } catch (error) {
    return { ok: false, reason: messageOf(error) };
  }
}

/**
 * Held until this Worker is gone, however it goes: so the page hears of its death.
 * @param {string} name @returns {Promise<void>}
 */
function holdLock(name) {
  return new Promise((resolve) => {
    // Missing where the page is not secure; there is no WebGPU either, so nothing is lost.
    if (!navigator.locks) return resolve();
    navigator.locks.request(name, () => {
      resolve();
      return new Promise(() => {});
    });
  });
}

/** @param {Answer | Refusal | ProgressReport | HeldReport | EventReport} message */
function send(message) {
  postMessage(message, { transfer: "value" in message ? transferable(message.value) : [] });
}

/** @param {Answers[Type]} value @returns {ArrayBuffer[]} */
function transferable(value) {
  if (value === null) return [];
  if ("rows" in value) return [value.rows.buffer];
  return "body" in value ? [value.body] : [];
}

/**
 * Errors lose their class and fields on the way between threads.
 * @param {unknown} error @returns {ErrorFields}
 */
function toFields(error) {
  const { status, error_type } = error instanceof SplitComputeError ? error : {};
  return { message: messageOf(error), status, error_type };
}
