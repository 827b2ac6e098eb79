// @ts-check
/** One exchange with the server: its key, its time limit, its errors, and who spent the time. */

import { messageOf, SplitComputeError } from "./errors.js";

/**
 * @typedef {object} Server where the server is, as a plain object that can be posted to a Worker
 * @property {string} url without a slash at the end
 * @property {string} [apiKey]
 * @property {number} [timeoutMs] so long an answer may take
 *
 * @typedef {object} Exchange how long a request took, by who spent it (ms), and its size
 * @property {string} revision that answered
 * @property {string | null} check the name of the check that this request was drawn for
 * @property {number} tokenize
 * @property {number} server everything else that the server reports
 * @property {number} layers of that, the layers themselves
 * @property {number} network the rest of the time that passed here
 * @property {number} askingMs of that, until the answer began
 * @property {number} answerMs of that, while the answer came
 * @property {number} up bytes
 * @property {number} down bytes
 */

/** A full request of long texts can take a slow server minutes; one that is silent for longer is gone. */
export const defaultTimeoutMs = 300_000;

/**
 * Without a slash at the end.
 * @param {string} [url] as against the server that this module came from, which it is by default
 */
export function serverUrl(url = "") {
  const { href, protocol } = new URL(url, new URL("..", import.meta.url));
  if (/^https?:$/.test(protocol)) return href.replace(/\/+$/, "");
  if (url === "") throw new SplitComputeError("pass url: this module did not come from a server");
  throw new SplitComputeError(`pass url: expected the server's, http:// or https://, came ${url}`);
}

/**
 * @param {Server} server @param {string} path
 * @param {string | ArrayBuffer} body
 * @param {AbortSignal} [signal]
 */
export async function post(server, path, body, signal) {
  const isText = typeof body === "string";
  // Encoded here rather than by fetch, to know how many bytes go up.
  const payload = isText ? new TextEncoder().encode(body) : body;
  const headers = { "Content-Type": isText ? "application/json" : "application/octet-stream" };
  const begun = performance.now();
  const response = await request(server, path, { method: "POST", headers, body: payload, signal });
  const answered = performance.now() - begun;
  const bytes = await response.arrayBuffer().catch((error) => failed(server, path, error, signal));
  const elapsed = performance.now() - begun;
  const revision = response.headers.get("X-Revision");
  // A hotel's network answers everything, with its own page.
  if (revision === null) return failed(server, path, "another server answered", signal);
  const exchange = {
    revision,
    check: response.headers.get("X-Parity"),
    ...splitTime(response, answered, elapsed),
    up: payload.byteLength,
    down: bytes.byteLength,
  };
  return { response, bytes, exchange };
}

/** @param {Server} server @param {string} path @param {RequestInit} init */
export async function requestJson(server, path, init) {
  const response = await request(server, path, init);
  return response.json().catch((error) => failed(server, path, error, init.signal));
}

/** @param {Server} server @param {string} path @param {RequestInit} init */
export async function request(server, path, init) {
  const headers = { ...init.headers, ...authorization(server) };
  const timeout = AbortSignal.timeout(server.timeoutMs ?? defaultTimeoutMs);
  const signal = init.signal ? AbortSignal.any([init.signal, timeout]) : timeout;
  /** @type {Response} */
  let response;
  try {
    response = await fetch(server.url + path, { ...init, headers, signal });
  } catch (error) {
    return failed(server, path, error, init.signal);
  }
  if (!response.ok) throw await refusal(response);
  return response;
}

/** @param {Server} server @returns {Record<string, string>} */
export function authorization({ apiKey }) {
  return apiKey ? { Authorization: `Bearer ${apiKey}` } : {};
}

/** The error that an answer with a 4xx or 5xx code stands for. @param {Response} response */
export async function refusal(response) {
  const text = await response.text().catch(() => "");
  const { error, error_type } = parseError(text);
  const { pathname } = new URL(response.url);
  return new SplitComputeError(`${pathname} answered ${response.status}: ${error}`, {
    status: response.status,
    error_type,
    reason: error,
    retryAfterMs: 1_000 * (Number(response.headers.get("Retry-After")) || 0),
  });
}

/** @param {string} text @returns {{error: string, error_type: string}} */
function parseError(text) {
  try {
    const { error = text.slice(0, 200), error_type } = JSON.parse(text);
    return { error: String(error), error_type: String(error_type) };
  } catch {
    // A proxy between here and the server speaks HTML.
    return { error: text.slice(0, 200) || "no reason given", error_type: "Unreachable" };
  }
}

/**
 * Before the answer was here whole.
 * @param {Server} server @param {string} path @param {unknown} cause
 * @param {AbortSignal | null} [signal] the caller's
 * @returns {never}
 */
function failed(server, path, cause, signal) {
  signal?.throwIfAborted();
  if (isAbort(cause)) {
    const seconds = (server.timeoutMs ?? defaultTimeoutMs) / 1000;
    const message = `${server.url}${path} gave no answer within ${seconds} s`;
    throw new SplitComputeError(message, { error_type: "Timeout", cause });
  }
  const message = `${server.url}${path} cannot be reached: ${messageOf(cause)}`;
  throw new SplitComputeError(message, { error_type: "Unreachable", cause });
}

/** Of a fetch, or of reading its body, where browsers do not agree on the name. @param {unknown} error */
function isAbort(error) {
  return error instanceof DOMException && ["TimeoutError", "AbortError"].includes(error.name);
}

/**
 * Shares the time that passed here between server and network.
 * @param {Response} response @param {number} answered when the answer began @param {number} elapsed
 */
function splitTime(response, answered, elapsed) {
  const stages = parseServerTiming(response.headers.get("Server-Timing") ?? "");
  const tokenize = stages.get("tokenize") ?? 0;
  const all = [...stages.values()].reduce((sum, duration) => sum + duration, 0);
  const layers = stages.get("layers") ?? 0;
  const [askingMs, answerMs] = [Math.max(0, answered - all), elapsed - answered];
  const network = Math.max(0, elapsed - all);
  return { tokenize, server: all - tokenize, layers, network, askingMs, answerMs };
}

/**
 * "tokenize;dur=0.4, layers;dur=7.1" → {tokenize: 0.4, layers: 7.1}
 * https://www.w3.org/TR/server-timing/#the-server-timing-header-field
 * @param {string} header
 */
function parseServerTiming(header) {
  const stages = new Map();
  for (const [, name, duration] of header.matchAll(/([\w-]+)\s*;[^,]*?dur=([\d.]+)/g)) {
    stages.set(name, Number(duration));
  }
  return /** @type {Map<string, number>} */ (stages);
}
