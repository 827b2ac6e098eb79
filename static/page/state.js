// @ts-check
/** What the page knows: main.js changes it, the views draw it. */

import { lowestSplitWithin, runBytes, wholeRun } from "../pieces.js";
import { rememberedChoice } from "./choice.js";
import { agreedBytes } from "./consent.js";
import { examples } from "./examples.js";
import { isReached, leftmost, nearest } from "./cut.js";
import { sentence } from "./format.js";

/**
 * @typedef {import("../model_info.js").Dtype} Dtype
 * @typedef {import("../model_info.js").WeightDtype} WeightDtype
 * @typedef {import("../model_info.js").ModelInfo} ModelInfo
 * @typedef {import("../api.js").Policy} Policy
 * @typedef {import("../device.js").Device} Device
 * @typedef {import("../splitcompute.js").EmbedResult} EmbedResult
 * @typedef {import("../splitcompute.js").TakeoverState} TakeoverState
 *
 * @typedef {object} Choice what a connection is made for
 * @property {string} [model] the server's first where missing
 * @property {WeightDtype} dtype of the weights in the browser
 * @property {Dtype} wire of the hidden state on its way
 * @property {import("../pieces.js").Direction} direction client-first: the text stays in this browser
 *
 * @typedef {{kind: "connecting"} | {kind: "open"} | {kind: "key", message: string}
 *   | {kind: "failed", message: string}} Connection
 *
 * @typedef {{loaded: number, size: number, ready: boolean}} PieceProgress
 *
 * The browser's side of the cut that the visitor has set; "idle" where there is nothing for it to
 * run. Sizes in bytes. While it asks, the takeover brings what was agreed to before.
 * @typedef {{kind: "idle"}
 *   | {kind: "asking", split: number, total: number, missing: number, declined: boolean}
 *   | {kind: "taking", split: number, total: number, isPaused: boolean}} BrowserSide
 *
 * @typedef {{kind: "idle"} | {kind: "busy", step: string} | {kind: "failed", message: string, isOfText?: boolean}} Task
 *
 * @typedef {object} Asked what a result is the answer to
 * @property {string[]} texts
 * @property {ModelInfo} model
 * @property {Choice} choice
 * @property {number} wanted the split that the slider stood at
 * @property {"hand" | Policy} policy
 * @typedef {EmbedResult & Asked} Result
 *
 * @typedef {object} Carried since the page was opened; layer-tokens: a token through a layer is one
 * @property {number} requests
 * @property {number} server
 * @property {number} browser
 * @property {number} up bytes
 * @property {number} down bytes of answers, without layers
 *
 * @typedef {import("./compare.js").Comparison} Comparison
 * @typedef {import("./benchmark.js").BenchmarkRow} BenchmarkRow
 *
 * @typedef {object} State
 * @property {Connection} connection
 * @property {Choice} choice
 * @property {readonly ModelInfo[]} models
 * @property {ModelInfo | null} model the connected one
 * @property {Device | null} device
 * @property {string | null} distrust why the GPU is not used, though it is there
 * @property {"hand" | Policy} policy who chooses the cut of a request: the visitor, or the server's planner
 * @property {number} split the cut that the visitor has set, as cut.js has it; with a planner, how far it may go
 * @property {number} reach the furthest cut that what is here allows now
 * @property {BrowserSide} browserSide
 * @property {TakeoverState | null} takeover
 * @property {ReadonlyMap<string, PieceProgress>} pieces
 * @property {string} step what happens to the piece under way
 * @property {number} kept bytes of this model in the browser's cache
 * @property {string} text
 * @property {boolean} onePerLine
 * @property {Task} embedding
 * @property {Result | null} result
 * @property {Carried} carried
 * @property {Task} checking
 * @property {Comparison | null} comparison of the result with the server's own
 * @property {Task} benchmarking
 * @property {BenchmarkRow | null} benchmark
 *
 * @typedef {object} Actions what a visitor can do
 * @property {() => void} onReconnect
 * @property {(key: string) => void} onKey
 * @property {(choice: Partial<Choice>) => void} onChoose
 * @property {(policy: State["policy"]) => void} onPolicy
 * @property {(split: number) => void} onSplit
 * @property {() => void} onAgree
 * @property {() => void} onDecline
 * @property {() => void} onPause
 * @property {() => void} onResume
 * @property {() => void} onForget
 * @property {() => void} onTrust
 * @property {(patch: Partial<Pick<State, "text" | "onePerLine">>) => void} onText
 * @property {() => void} onEmbed
 * @property {() => void} onCancelEmbed
 * @property {() => void} onCheck
 * @property {() => void} onBenchmark
 * @property {() => void} onCancelBenchmark
 */

/** @returns {State} */
export function initialState() {
  return {
    connection: { kind: "connecting" },
    choice: rememberedChoice(),
    models: [],
    model: null,
    device: null,
    distrust: null,
    policy: "offload",
    split: 0,
    reach: 0,
    ...nothingTaken(),
    kept: 0,
    text: examples[0]?.text ?? "",
    onePerLine: true,
    embedding: { kind: "idle" },
    result: null,
    carried: { requests: 0, server: 0, browser: 0, up: 0, down: 0 },
    checking: { kind: "idle" },
    comparison: null,
    benchmarking: { kind: "idle" },
    benchmark: null,
  };
}

/** More than so many bytes nobody is asked for who has not moved the cut. */
const unaskedBytes = 50e6;

/**
 * How far the browser is to take over until the visitor moves the cut: as far as was agreed to, if
 * anything was, or one layer at least.
 * @param {ModelInfo} model @param {Choice} choice
 */
export function firstSplit({ name, n_layer, bytes }, { dtype, direction }) {
  const sizes = bytes[dtype];
  const agreed = agreedBytes(name, dtype);
  const most = agreed || unaskedBytes;
  if (direction === "server-first") {
    const isAll = agreed >= runBytes(wholeRun(n_layer), n_layer, sizes);
    return isAll ? leftmost(direction) : Math.min(lowestSplitWithin(n_layer, sizes, most), n_layer - 1);
  }
  const layers = n_layer - lowestSplitWithin(n_layer, sizes, most - sizes.embed - sizes.tokenizer);
  return Math.max(layers, 1);
}

/** What a new connection begins with. @returns {Pick<State, "browserSide" | "takeover" | "pieces" | "step">} */
export function nothingTaken() {
  return { browserSide: { kind: "idle" }, takeover: null, pieces: new Map(), step: "" };
}

/** Blank lines are no texts. @param {Pick<State, "text" | "onePerLine">} state */
export function textsOf({ text, onePerLine }) {
  const texts = onePerLine ? text.split(/\r?\n/) : [text];
  return texts.map((line) => line.trim()).filter((line) => line !== "");
}

/**
 * Why this browser can run no layer of the model, as a sentence; empty where it can.
 * @param {Pick<State, "device" | "model" | "distrust">} state
 */
export function whyNoOffload({ device, model, distrust }) {
  if (!device || !model) return "Not connected.";
  if (!device.ok) return sentence(device.reason);
  if (distrust !== null) return sentence(distrust);
  return model.weights ? "" : `This server keeps the layers of ${model.name} to itself.`;
}

/** Whether the server chooses each request's cut, and the visitor only how far it may go. @param {Pick<State, "policy">} state */
export function isPlanned({ policy }) {
  return policy === "offload" || policy === "latency";
}

/** Whether the browser holds what the cut leaves to it. @param {State} state */
export function browserIsReady({ browserSide, split, reach, choice }) {
  return browserSide.kind === "taking" && isReached(choice.direction, reach, split);
}

/**
 * How the takeover stands; null before it has begun. Paused by the visitor, it still brings what is kept here.
 * @param {Pick<State, "browserSide" | "takeover">} state @returns {TakeoverState["kind"] | null}
 */
export function takeoverKind({ browserSide, takeover }) {
  return browserSide.kind === "taking" && browserSide.isPaused ? "paused" : (takeover?.kind ?? null);
}

/** The cut of the next request: the visitor's, or as near to it as the layers so far allow. @param {State} state */
export function cutNow({ split, reach, choice }) {
  return nearest(choice.direction, reach, split);
}

/** Whether the text is to stay in this browser. @param {Pick<State, "choice">} state */
export function keepsText({ choice }) {
  return choice.direction === "client-first";
}

/** The model runs one thing at a time. @param {State} state */
export function isBusy({ embedding, checking, benchmarking }) {
  return [embedding, checking, benchmarking].some(({ kind }) => kind === "busy");
}
