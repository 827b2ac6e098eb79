// @ts-check
/** Fetches one file of known size into one buffer, and goes on after a break where it stopped. */

import { refusal } from "./api.js";
import { messageOf, SplitComputeError } from "./errors.js";
import { pause } from "./waiting.js";

/**
 * @typedef {object} DownloadOptions
 * @property {PartialFile} partial emptyFile(), or what an earlier call left when it rejected
 * @property {Record<string, string>} headers
 * @property {AbortSignal} [signal]
 * @property {(loaded: number) => void} [onProgress]
 * @property {number} [tries] broken answers taken before giving up
 * @property {number} [backoffMs] pause after the first break; doubles from break to break
 * @property {number} [stallMs] no bytes for so long is a break too
 *
 * @typedef {object} PartialFile the file as far as it is here
 * @property {Uint8Array<ArrayBuffer>} bytes
 * @property {number} loaded
 * @property {string | null} etag of the answer that the bytes came from
 * @property {boolean} isDoubted the last answer was not the one asked for
 */

const longestPauseMs = 8_000;
const chunkBytes = 4 * 2 ** 20;

/** @param {number} size bytes that the whole file has @returns {PartialFile} */
export function emptyFile(size) {
  return { bytes: new Uint8Array(size), loaded: 0, etag: null, isDoubted: false };
}

/** @param {string} url @param {DownloadOptions} options @returns {Promise<ArrayBuffer>} */
export async function download(url, options) {
  const { partial, signal, tries = 7, backoffMs = 250 } = options;
  for (let attempt = 1; ; attempt++) {
    try {
      await fetchRest(url, options);
      return partial.bytes.buffer;
    } catch (error) {
      signal?.throwIfAborted();
      if (attempt === tries || isFinal(error)) throw failed(url, partial, error);
      await pause(Math.min(backoffMs * 2 ** (attempt - 1), longestPauseMs), signal);
    }
  }
}

/** @param {string} url @param {DownloadOptions} options */
async function fetchRest(url, { partial, headers, signal, onProgress, stallMs = 20_000 }) {
  const stall = new AbortController();
  const signals = signal ? [signal, stall.signal] : [stall.signal];
  let timer = stallTimer(stall, stallMs);
  try {
    const response = await fetch(url, {
      headers: { ...headers, ...rangeHeaders(partial) },
      signal: AbortSignal.any(signals),
      // The pieces have a cache of their own; the browser's would keep them twice.
      cache: "no-store",
      // Requests go before pieces.
      priority: "low",
    });
    await acceptAnswer(partial, response);
    onProgress?.(partial.loaded); // an answer may begin anew
    for await (const chunk of chunksOf(response)) {
      append(partial, chunk);
      onProgress?.(partial.loaded);
      clearTimeout(timer);
      timer = stallTimer(stall, stallMs);
      if (partial.loaded === partial.bytes.length) return;
    }
    throw broken(`the answer ended after ${partial.loaded} bytes`);
  } finally {
    clearTimeout(timer);
    stall.abort(); // whatever more would come is of no use
  }
}

/**
 * If-Range makes the server send the whole file where it is no longer the one that was begun.
 * @param {PartialFile} partial @returns {Record<string, string>}
 */
function rangeHeaders({ loaded, etag }) {
  if (loaded === 0) return {};
  return { Range: `bytes=${loaded}-`, ...(etag ? { "If-Range": etag } : {}) };
}

/**
 * Sets partial.loaded to where this answer's body begins.
 * @param {PartialFile} partial @param {Response} response
 */
async function acceptAnswer(partial, response) {
  if (!response.ok && response.status !== 416) throw await refusal(response);
  const { loaded, etag: begunEtag, bytes: { length } } = partial;
  const etag = response.headers.get("ETag");
  const range = response.headers.get("Content-Range");
  const expected = `bytes ${loaded}-${length - 1}/${length}`;
  if (response.status === 206 && range === expected && etag === begunEtag) {
    partial.isDoubted = false;
    return;
  }
  // One odd answer is some proxy's slip, and costs nothing that is here; two begin the file anew.
  const isSlip = loaded > 0 && !partial.isDoubted;
  partial.isDoubted = isSlip;
  if (!isSlip) partial.loaded = 0;
  if (response.status === 200 && !isSlip) {
    partial.etag = etag;
    return;
  }
  throw broken(`${response.status} with Content-Range ${range} and ETag ${etag}, ` +
    `expected 206 with ${expected} and ${begunEtag}`);
}

/** @param {PartialFile} partial @param {Uint8Array} chunk */
function append(partial, chunk) {
  const { bytes, loaded } = partial;
  if (loaded + chunk.length > bytes.length) {
    partial.loaded = 0;
    throw broken(`more than the expected ${bytes.length} bytes`);
  }
  bytes.set(chunk, loaded);
  partial.loaded += chunk.length;
}

/** @param {AbortController} stall @param {number} stallMs */
function stallTimer(stall, stallMs) {
  return setTimeout(() => stall.abort(broken(`no bytes for ${stallMs / 1000} s`)), stallMs);
}

/**
 * A chunk is valid until the next one is asked for: where the browser can, it fills the same memory
 * again, which takes a fifth less time than memory that is new each time. The file's own memory
 * would not do, since a read that fails loses the memory it was given.
 * @param {Response} response @returns {AsyncGenerator<Uint8Array, void>}
 */
async function* chunksOf({ body }) {
  if (!body) throw broken("an answer without a body");
  const read = reader(body);
  for (let memory = new ArrayBuffer(chunkBytes); ; ) {
    const { done, value } = await read(memory);
    if (done) return;
    yield value;
    memory = value.buffer;
  }
}

/**
 * Fills the memory given, except where the browser's answers are no byte streams.
 * @param {ReadableStream<Uint8Array<ArrayBuffer>>} body
 * @returns {(memory: ArrayBuffer) => Promise<ReadableStreamReadResult<Uint8Array<ArrayBuffer>>>}
 */
function reader(body) {
  try {
    const bytes = body.getReader({ mode: "byob" });
    return (memory) => bytes.read(new Uint8Array(memory));
  } catch {
    const chunks = body.getReader();
    return () => chunks.read();
  }
}

/**
 * A refusal stays one however often it is asked for, unless the server is only busy.
 * @param {unknown} error
 */
function isFinal(error) {
  if (!(error instanceof SplitComputeError) || error.status === undefined) return false;
  return error.status < 500 && error.status !== 408 && error.status !== 429;
}

/** @param {string} url @param {PartialFile} partial @param {unknown} error */
function failed(url, { loaded, bytes }, error) {
  const name = new URL(url).pathname.split("/").at(-1);
  return new SplitComputeError(
    `${name}: ${loaded} of ${bytes.length} bytes came: ${messageOf(error)}`,
    {
      status: error instanceof SplitComputeError ? error.status : undefined,
      error_type: "Download",
      cause: error,
    },
  );
}

/** @param {string} message */
function broken(message) {
  return new SplitComputeError(message, { error_type: "Download" });
}
