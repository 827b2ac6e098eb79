// @ts-check
/** Every URL of the server, what goes to each, and what comes back. */

import { messageOf, SplitComputeError } from "./errors.js";
import { tokenizerPiece } from "./pieces.js";

/**
 * @typedef {import("./pieces.js").Direction} Direction
 *
 * @typedef {"f32" | "f16" | "q8"} Dtype of a hidden state on the wire
 * @typedef {Dtype | "q4"} WeightDtype of layers
 * @typedef {"mean" | "cls" | "max" | "last"} Pooling
 *
 * @typedef {object} Server where the server is, as a plain object that can be posted to a Worker
 * @property {string} url without a slash at the end
 * @property {string} [apiKey]
 * @property {number} [timeoutMs] so long an answer may take
 *
 * @typedef {object} ModelInfo an entry of GET /models
 * @property {string} name
 * @property {string} revision a hash of the checkpoint
 * @property {"gpt2" | "bert"} architecture
 * @property {number} n_layer
 * @property {number} n_embd
 * @property {number} n_head
 * @property {number} max_tokens
 * @property {Pooling} pooling
 * @property {boolean} normalize
 * @property {boolean} weights whether the server gives out layer files
 * @property {WeightDtype[]} dtypes
 * @property {Record<WeightDtype, import("./pieces.js").Sizes>} bytes sizes of pieces
 * @property {number} parameters
 * @property {number} max_client_batch_size texts in a request
 * @property {number} max_batch_tokens in a hidden state
 * @property {number} payload_limit bytes in a JSON body
 * @property {number} parity_share of requests, those whose result is to be checked
 *
 * @typedef {object} ModelConfig
 * @property {number} n_layer
 * @property {number} n_embd
 * @property {number} n_head
 * @property {number} n_inner
 * @property {number} n_positions
 * @property {number} vocab_size
 * @property {number} layer_norm_epsilon
 * @property {"gelu_new" | "gelu" | "relu"} activation
 * @property {boolean} causal
 * @property {boolean} norm_first
 *
 * @typedef {object} PieceFile
 * @property {number} bytes
 * @property {string} sha256 in hexadecimal
 * @property {{bytes: number, sha256: string[]}} blocks the same of each part of so many bytes
 *
 * @typedef {object} Manifest
 * @property {string} model
 * @property {string} revision
 * @property {"gpt2" | "bert"} architecture
 * @property {ModelConfig} config
 * @property {Pooling} pooling
 * @property {boolean} normalize
 * @property {number} max_tokens
 * @property {PieceFile} tokenizer
 * @property {Record<string, Partial<Record<WeightDtype, PieceFile>>>} pieces
 *
 * @typedef {object} ModelWork of one model, since the server started
 * @property {string} name
 * @property {number} n_layer
 * @property {{server: number[], browser: number[]}} layer_tokens by layer
 * @property {number[]} requests_by_split
 * @property {number} requests_alone that browsers answered by themselves
 * @property {Record<string, number>} fallbacks by cause
 * @property {{same: number, different: number, unanswered: number}} parity_checks
 * @property {number | null} seconds_a_layer_token of the server
 * @property {number} seconds_avoided
 *
 * @typedef {object} Savings the answer to GET /savings
 * @property {number} uptime_s
 * @property {ModelWork[]} models
 * @property {Record<"received" | "sent" | "hidden_states" | "layer_files" | "replies_avoided" | "extra", number>} bytes
 * @property {{gpu_hour: number | null, egress_gb: number | null}} prices
 * @property {{work: number | null, traffic: number | null, total: number | null}} money
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
 *
 * @typedef {object} OpenSplit a split that the server shall choose
 * @property {"auto"} split
 * @property {number[]} held layers that are here
 * @property {import("./measurements.js").BrowserMeasured} browser
 * @property {Policy} policy
 * @property {number} [previous] the split of the last request
 * @property {true} finish so that embeddings come where nothing is left for the browser
 * @property {boolean} normalize of those
 *
 * @typedef {"offload" | "latency" | "server" | "browser"} Policy
 * @typedef {{model: string, inputs: string[], dtype: Dtype, check?: true} & ({split: number} | OpenSplit)} SplitBody
 *
 * @typedef {object} Cut `first` runs layers [0, split)
 * @property {number} split
 * @property {"server" | "browser"} first
 *
 * @typedef {object} PlanBody a request in sizes, for a browser that makes its own tokens
 * @property {string} model
 * @property {number} tokens
 * @property {number} texts
 * @property {number} text_bytes
 * @property {Dtype} dtype
 * @property {number[]} held layers that are here
 * @property {import("./measurements.js").BrowserMeasured} browser
 * @property {Direction} direction
 * @property {Policy} policy
 * @property {Cut} [previous]
 *
 * @typedef {{split: number, reason: string, exchange: Exchange}} Settled
 * @typedef {Settled & {kind: "half", body: ArrayBuffer}} Half
 * @typedef {Settled & {kind: "whole", embeddings: Float32Array[], tokens: number[]}} Whole
 */

/** A full request of long texts can take a slow server minutes; one that is silent for longer is gone. */
export const defaultTimeoutMs = 300_000;

/** @param {Server} server @param {AbortSignal} [signal] @returns {Promise<ModelInfo[]>} */
export async function fetchModels(server, signal) {
  const { models } = await requestJson(server, "/models", signal);
  return models;
}

/** @param {readonly ModelInfo[]} models @param {string | undefined} name */
export function findModel(models, name) {
  const info = models.find((model) => model.name === name);
  if (info) return info;
  const names = models.map((model) => model.name).join(", ");
  throw new SplitComputeError(`model ${name}: the server has ${names || "none"}`);
}

/**
 * Restricted to one dtype, because the server cuts the files of each dtype at first use.
 * @param {Server} server @param {string} model @param {WeightDtype} dtype @param {AbortSignal} [signal]
 * @returns {Promise<Manifest>}
 */
export async function fetchManifest(server, model, dtype, signal) {
  const path = `${modelPath(model)}/manifest.json?dtype=${dtype}`;
  return requestJson(server, path, signal);
}

/**
 * @param {Server} server
 * @param {{model: string, revision: string, dtype: WeightDtype}} source
 * @param {string} piece
 */
export function pieceUrl(server, { model, revision, dtype }, piece) {
  const file = piece === tokenizerPiece ? "tokenizer.json" : `${dtype}/${piece}.safetensors`;
  return `${modelUrl(server, model)}${revision}/${file}`;
}

/**
 * What every URL of the model's pieces begins with.
 * @param {Server} server @param {string} model
 */
export function modelUrl(server, model) {
  return `${server.url}${modelPath(model)}/`;
}

/**
 * Texts in, hidden state after layers [0, split) out. Where the split is left open and the server
 * chooses all layers, the embeddings come at once.
 * @param {Server} server
 * @param {SplitBody} body
 * @param {AbortSignal} [signal]
 * @returns {Promise<Half | Whole>}
 */
export async function postSplit(server, body, signal) {
  const answer = await post(server, "/split", JSON.stringify(body), signal);
  const { headers } = answer.response;
  const split = Number(headers.get("X-Split"));
  const reason = headers.get("X-Split-Reason") ?? "";
  if (headers.get("Content-Type")?.startsWith("application/json")) {
    return { kind: "whole", split, reason, ...parseRows(answer) };
  }
  return { kind: "half", split, reason, body: answer.bytes, exchange: answer.exchange };
}

/**
 * Where to cut, without the text.
 * @param {Server} server @param {PlanBody} body @param {AbortSignal} [signal]
 * @returns {Promise<Cut & {reason: string}>}
 */
export async function postPlan(server, body, signal) {
  const headers = { "Content-Type": "application/json" };
  const init = { method: "POST", headers, body: JSON.stringify(body), signal };
  return (await request(server, "/plan", init)).json();
}

/**
 * Hidden state in, embeddings out.
 * @param {Server} server
 * @param {{body: ArrayBuffer, model: string, normalize: boolean, first: Cut["first"]}} hidden first:
 *   who made it, from the text
 * @param {AbortSignal} [signal]
 */
export async function postResume(server, { body, model, normalize, first }, signal) {
  const query = new URLSearchParams({ model, normalize: String(normalize) });
  if (first === "browser") query.set("first", first);
  return parseRows(await post(server, `/resume?${query}`, body, signal));
}

/**
 * Texts in, embeddings out: the server runs everything.
 * @param {Server} server
 * @param {{model: string, inputs: string[], normalize: boolean}} body
 * @param {AbortSignal} [signal]
 */
export async function postEmbed(server, body, signal) {
  return parseRows(await post(server, "/embed", JSON.stringify(body), signal));
}

/**
 * Embeddings that the browser finished, as a hidden state of one token a text.
 * @param {Server} server
 * @param {{check: string, dtype: WeightDtype, body: ArrayBuffer}} question dtype: of the browser's layers
 * @returns {Promise<{verdict: "same" | "different", error: number, tolerance: number}>}
 */
export async function postParity(server, { check, dtype, body }) {
  const query = new URLSearchParams({ check, dtype });
  const headers = { "Content-Type": "application/octet-stream" };
  const init = /** @type {const} */ ({ method: "POST", headers, body, priority: "low" });
  return (await request(server, `/parity?${query}`, init)).json();
}

/**
 * What this browser ran, for the server to count. Goes out even while the page ends.
 * @param {Server} server
 * @param {{model: string, layer_tokens: number[], fallbacks: Record<string, number>,
 *   alone: {requests: number, texts: number}}} report
 */
export async function postReport(server, report) {
  const headers = { "Content-Type": "application/json" };
  const body = JSON.stringify(report);
  await request(server, "/report", { method: "POST", headers, body, keepalive: true, priority: "low" });
}

/** @param {Server} server @param {AbortSignal} [signal] @returns {Promise<Savings>} */
export function fetchSavings(server, signal) {
  return requestJson(server, "/savings", signal);
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
    const { error, error_type } = JSON.parse(text);
    return { error: String(error), error_type: String(error_type) };
  } catch {
    // A proxy between here and the server speaks HTML.
    return { error: text.slice(0, 200) || "no reason given", error_type: "Unreachable" };
  }
}

/**
 * @param {Server} server @param {string} path
 * @param {string | ArrayBuffer} body
 * @param {AbortSignal} [signal]
 */
async function post(server, path, body, signal) {
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
async function request(server, path, init) {
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

/** @param {Server} server @param {string} path @param {AbortSignal} [signal] */
async function requestJson(server, path, signal) {
  const response = await request(server, path, { signal });
  return response.json().catch((error) => failed(server, path, error, signal));
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

/** @param {Awaited<ReturnType<typeof post>>} answer */
function parseRows({ response, bytes, exchange }) {
  /** @type {number[][]} */
  const rows = JSON.parse(new TextDecoder().decode(bytes));
  const tokens = (response.headers.get("X-Tokens") ?? "").split(",").map(Number);
  return { embeddings: rows.map((row) => Float32Array.from(row)), tokens, exchange };
}

/** @param {string} model */
function modelPath(model) {
  return `/models/${encodeURIComponent(model)}`;
}
