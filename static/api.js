// @ts-check
/** Every URL of the server, what goes to each, and what comes back. */

import { post, request, requestJson } from "./exchange.js";
import { tokenizerPiece } from "./pieces.js";

/**
 * @typedef {import("./exchange.js").Exchange} Exchange
 * @typedef {import("./exchange.js").Server} Server
 * @typedef {import("./model_info.js").Dtype} Dtype
 * @typedef {import("./model_info.js").WeightDtype} WeightDtype
 * @typedef {import("./model_info.js").Manifest} Manifest
 * @typedef {import("./model_info.js").ModelInfo} ModelInfo
 * @typedef {import("./pieces.js").Direction} Direction
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
 *
 * @typedef {object} ModelWork of one model, since the server started
 * @property {string} name
 * @property {number} n_layer
 * @property {{server: number[], browser: number[]}} layer_tokens by layer
 * @property {number[]} requests_by_split when they came
 * @property {number} requests_alone that browsers answered by themselves
 * @property {Record<string, number>} fallbacks by cause
 * @property {{same: number, different: number, unanswered: number}} parity_checks
 * @property {number | null} seconds_a_layer_token of the server
 * @property {number | null} seconds_avoided
 *
 * @typedef {object} Savings the answer to GET /savings
 * @property {number} uptime_s
 * @property {ModelWork[]} models
 * @property {Record<"received" | "sent" | "hidden_states" | "layer_files" | "replies_avoided" | "extra", number>} bytes
 * @property {{gpu_hour: number | null, egress_gb: number | null}} prices
 * @property {{work: number | null, traffic: number | null, total: number | null}} money
 */

/** @param {Server} server @param {AbortSignal} [signal] @returns {Promise<ModelInfo[]>} */
export async function fetchModels(server, signal) {
  const { models } = await requestJson(server, "/models", { signal });
  return models;
}

/**
 * Restricted to one dtype, because the server cuts the files of each dtype at first use.
 * @param {Server} server @param {string} model @param {WeightDtype} dtype @param {AbortSignal} [signal]
 * @returns {Promise<Manifest>}
 */
export async function fetchManifest(server, model, dtype, signal) {
  const path = `${modelPath(model)}/manifest.json?dtype=${dtype}`;
  return requestJson(server, path, { signal });
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
 * @returns {Promise<Cut & {reason: string, revision: string}>}
 */
export async function postPlan(server, body, signal) {
  const headers = { "Content-Type": "application/json" };
  return requestJson(server, "/plan", { method: "POST", headers, body: JSON.stringify(body), signal });
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
  return requestJson(server, `/parity?${query}`, { method: "POST", headers, body, priority: "low" });
}

/**
 * What this browser ran, for the server to count. Goes out even while the page ends.
 * @param {Server} server
 * @param {{model: string, layer_tokens: number[], fallbacks: Record<string, number>,
 *   alone: number, finished: number}} report
 */
export async function postReport(server, report) {
  const headers = { "Content-Type": "application/json" };
  const body = JSON.stringify(report);
  await request(server, "/report", { method: "POST", headers, body, keepalive: true, priority: "low" });
}

/** @param {Server} server @param {AbortSignal} [signal] @returns {Promise<Savings>} */
export function fetchSavings(server, signal) {
  return requestJson(server, "/savings", { signal });
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
