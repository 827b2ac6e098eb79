// @ts-check
/** The page's side of the messages: starts the Worker, asks it, and hears of its death. */

import { SplitComputeError } from "./errors.js";

/**
 * @typedef {import("./browser_model.js").Settings} Settings
 * @typedef {import("./device.js").Device} Device
 * @typedef {import("./layer_cache.js").Progress} Progress
 * @typedef {import("./worker.js").Answer} Answer
 * @typedef {import("./worker.js").Answers} Answers
 * @typedef {import("./worker.js").ErrorFields} ErrorFields
 * @typedef {import("./worker.js").HeldReport} HeldReport
 * @typedef {import("./worker.js").ProgressReport} ProgressReport
 * @typedef {import("./worker.js").EventReport} EventReport
 * @typedef {import("./worker.js").Questions} Questions
 * @typedef {import("./worker.js").Refusal} Refusal
 *
 * @typedef {{resolve(value: unknown): void, reject(reason: unknown): void}} Waiting
 * @typedef {{signal?: AbortSignal, transfer?: Transferable[]}} AskOptions
 */

/**
 * Owns the Worker. A dead one is replaced at the next question, until close().
 * Its event "held" says that `held` is another now. Before it, "full" says that the GPU's memory
 * was full, a CustomEvent<Full>; "came" tells how fast a piece was fetched, a CustomEvent<Amount>;
 * "tuned" which kernels suit the GPU, a CustomEvent<Autotuned>.
 */
export class GpuWorker extends EventTarget {
  /** The pieces that are here. @type {HeldReport["held"]} */
  held = null;
  /** @type {Worker | null} */
  #worker = null;
  /** @type {Promise<Device> | null} */
  #device = null;
  /** @type {Map<number, Waiting>} */
  #waiting = new Map();
  #lastId = 0;
  #isClosed = false;

  /** @param {Settings} settings @param {(progress: Progress) => void} onProgress */
  constructor(settings, onProgress) {
    super();
    this.settings = settings;
    this.onProgress = onProgress;
  }

  /** Starts the Worker, which looks for a GPU. @returns {Promise<Device>} */
  async open() {
    this.#running();
    return /** @type {Promise<Device>} */ (this.#device);
  }

  /**
   * @template {keyof Questions} T
   * @param {T} type
   * @param {Questions[T]} question
   * @param {AskOptions} [options]
   * @returns {Promise<Answers[T]>}
   */
  async ask(type, question, options = {}) {
    options.signal?.throwIfAborted();
    return this.#post(this.#running(), type, question, options);
  }

  /** The server has another revision now: what is here of the one before is of no use. @param {string} revision */
  outdate(revision) {
    // Several hear of it, and some when the new one's layers have begun to come.
    if (this.held?.revision !== revision) this.#setHeld(null);
  }

  /** Ends the Worker and what it does; the next question starts another. @param {string} reason */
  restart(reason) {
    if (this.#worker) this.#died(this.#worker, reason);
  }

  /** Ends the Worker, and with it all that it has on the GPU. */
  close() {
    this.#isClosed = true;
    this.restart("the connection was closed");
  }

  get isClosed() {
    return this.#isClosed;
  }

  #running() {
    if (this.#isClosed) throw new SplitComputeError("The connection was closed");
    return (this.#worker ??= this.#start());
  }

  #start() {
    const worker = startWorker();
    worker.addEventListener("message", ({ data }) => {
      if (worker === this.#worker) this.#receive(data);
    });
    worker.addEventListener("error", ({ message }) =>
      this.#died(worker, message || "its script could not be loaded"),
    );
    const lock = `splitcompute-worker-${Math.random()}`;
    this.#device = this.#post(worker, "open", { settings: this.settings, lock }, {});
    // The Worker holds the lock as long as it lives, and has it before it answers.
    this.#device
      .then(() => navigator.locks?.request(lock, () => this.#died(worker, "it is gone")))
      .catch(() => {}); // whoever asked hears of it
    return worker;
  }

  /**
   * @template {keyof Questions} T
   * @param {Worker} worker
   * @param {T} type
   * @param {Questions[T]} question
   * @param {AskOptions} options
   * @returns {Promise<Answers[T]>}
   */
  async #post(worker, type, question, { signal, transfer = [] }) {
    const id = ++this.#lastId;
    const settled = new AbortController();
    /** @type {Promise<Answers[T]>} */
    const answer = new Promise((resolve, reject) => {
      this.#waiting.set(id, { resolve, reject });
      const abort = () => (worker.postMessage({ id, type: "abort" }), reject(signal?.reason));
      signal?.addEventListener("abort", abort, { signal: settled.signal });
    });
    worker.postMessage({ id, type, ...question }, transfer);
    try {
      return await answer;
    } finally {
      settled.abort();
      this.#waiting.delete(id);
    }
  }

  /** @param {Answer | Refusal | ProgressReport | HeldReport | EventReport} message */
  #receive(message) {
    if ("progress" in message) return this.onProgress(message.progress);
    if ("event" in message) return this.dispatchEvent(new CustomEvent(message.event, { detail: message.detail }));
    if ("held" in message) return this.#setHeld(message.held);
    const waiting = this.#waiting.get(message.id);
    if ("value" in message) waiting?.resolve(message.value);
    else waiting?.reject(toError(message.error));
  }

  /** @param {Worker} worker @param {string} reason */
  #died(worker, reason) {
    worker.terminate();
    if (worker !== this.#worker) return;
    this.#worker = null;
    const message = `The GPU's Worker stopped: ${reason}`;
    const error = new SplitComputeError(message, { error_type: "Worker" });
    for (const { reject } of this.#waiting.values()) reject(error);
    this.#setHeld(null);
  }

  /** @param {HeldReport["held"]} held */
  #setHeld(held) {
    this.held = held;
    this.dispatchEvent(new Event("held"));
  }
}

function startWorker() {
  if (!globalThis.Worker) throw new SplitComputeError("it has no Web Workers");
  const url = new URL("./worker.js", import.meta.url);
  if (url.origin === globalThis.location?.origin) return new Worker(url, { type: "module" });
  // A Worker's script must come from the page's own origin; what it imports need not.
  const script = new Blob([`import ${JSON.stringify(url.href)};`], { type: "text/javascript" });
  const blobUrl = URL.createObjectURL(script);
  const worker = new Worker(blobUrl, { type: "module" });
  // Once the script runs, or cannot.
  for (const type of ["message", "error"]) {
    worker.addEventListener(type, () => URL.revokeObjectURL(blobUrl), { once: true });
  }
  return worker;
}

/** @param {ErrorFields} fields */
function toError({ message, status, error_type }) {
  return new SplitComputeError(message, { status, error_type });
}
