// @ts-check
/** Fetches one file of known size, or a range of it, into one buffer, and goes on after a break where it stopped. */

import { messageOf, SplitComputeError } from "./errors.js";
import { refusal } from "./exchange.js";
import { pause } from "./waiting.js";

/**
 * @typedef {object} DownloadOptions
 * @property {PartialFile} partial emptyFile(), rangeOf(), or what an earlier call left when it rejected
 * @property {Record<string, string>} headers
 * @property {AbortSignal} [signal]
 * @property {(loaded: number) => void} [onProgress]
 * @property {number} [tries] broken answers taken before giving up
 * @property {number} [backoffMs] pause after the first break; doubles from break to break
 * @property {number} [stallMs] no bytes for so long is a break too
 *
 * @typedef {object} PartialFile the file as far as it is here
 * @property {Uint8Array<ArrayBuffer>} bytes the whole file's place
 * @property {number} begin of the range that is wanted
 * @property {number} end
 * @property {number} loaded where in the file the next byte goes; `end`, once all is here
 * @property {string | null} etag of the answer that the bytes came from
 * @property {boolean} isDoubted the last answer was not the one asked for
 */

const longestPauseMs = 8_000;
const chunkBytes = 4 * 2 ** 20;

/** @param {number} size bytes that the whole file has @returns {PartialFile} */
export function emptyFile(size) {
  return rangeOf(new Uint8Array(size), { begin: 0, end: size });
}

/**
 * A range to be fetched into a file whose rest is here.
 * @param {Uint8Array<ArrayBuffer>} bytes @param {{begin: number, end: number}} range
 * @returns {PartialFile}
 */
export function rangeOf(bytes, { begin, end }) {
  return { bytes, begin, end, loaded: begin, etag: null, isDoubted: false };
}

/** Resolves once the range is here. @param {string} url @param {DownloadOptions} options */
export async function download(url, options) {
  const { partial, signal, tries = 7, backoffMs = 250 } = options;
  for (let attempt = 1; partial.loaded < partial.end; attempt++) {
    try {
      await fetchRest(url, options);
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
    let at = await acceptAnswer(partial, response);
    onProgress?.(partial.loaded); // an answer may begin anew
    for await (const chunk of chunksOf(response)) {
      write(partial, chunk, at);
      at += chunk.length;
      onProgress?.(partial.loaded);
      clearTimeout(timer);
      timer = stallTimer(stall, stallMs);
      if (partial.loaded === partial.end) return;
    }
    throw broken(`the answer ended at byte ${at}`);
  } finally {
    clearTimeout(timer);
    stall.abort(); // whatever more would come is of no use
  }
}

/**
 * If-Range makes the server send the whole file where it is no longer the one that was begun.
 * @param {PartialFile} partial @returns {Record<string, string>}
 */
function rangeHeaders({ bytes, loaded, end, etag }) {
  const isToTheEnd = end === bytes.length;
  if (loaded === 0 && isToTheEnd) return {};
  const range = `bytes=${loaded}-${isToTheEnd ? "" : end - 1}`;
  return { Range: range, ...(etag ? { "If-Range": etag } : {}) };
}

/**
 * Where in the file this answer's body begins: at `loaded`, or before, where it repeats what is here.
 * @param {PartialFile} partial @param {Response} response
 */
async function acceptAnswer(partial, response) {
  if (!response.ok && response.status !== 416) throw await refusal(response);
  const { begin, loaded, end, etag: begunEtag, bytes: { length } } = partial;
  const etag = response.headers.get("ETag");
  const range = response.headers.get("Content-Range");
  const expected = `bytes ${loaded}-${end - 1}/${length}`;
  const isSameVersion = loaded === begin || etag === begunEtag;
  if (response.status === 206 && range === expected && isSameVersion) {
    partial.isDoubted = false;
    partial.etag = etag;
    return loaded;
  }
  // One odd answer is some proxy's slip, and costs nothing that is here; two begin anew, unless the
  // second is the same file from its first byte on.
  const isSlip = loaded > begin && !partial.isDoubted;
  partial.isDoubted = isSlip;
  if (!isSlip && !(response.status === 200 && isSameVersion)) partial.loaded = begin;
  if (!isSlip && response.status === 200) {
    partial.etag = etag;
    return 0;
  }
  throw broken(`${response.status} with Content-Range ${range} and ETag ${etag}, ` +
    `expected 206 with ${expected} and ${begunEtag}`);
}

/**
 * What is new of the chunk, and wanted.
 * @param {PartialFile} partial @param {Uint8Array} chunk @param {number} at where in the file it begins
 */
function write(partial, chunk, at) {
  const { bytes, loaded, end } = partial;
  if (at + chunk.length > bytes.length) {
    partial.loaded = partial.begin;
    throw broken(`more than the expected ${bytes.length} bytes`);
  }
  const fresh = chunk.subarray(loaded - at, end - at);
  bytes.set(fresh, loaded);
  partial.loaded += fresh.length;
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
function failed(url, { begin, loaded, end }, error) {
  const name = new URL(url).pathname.split("/").at(-1);
  return new SplitComputeError(
    `${name}: ${loaded - begin} of ${end - begin} bytes came: ${messageOf(error)}`,
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
