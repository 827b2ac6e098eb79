// @ts-check
/** Measures this device: the time of a layer in the browser, and of loading one. */

import { deviceName } from "./format.js";

/**
 * @typedef {import("../splitcompute.js").SplitCompute} SplitCompute
 *
 * @typedef {object} BenchmarkRow
 * @property {string} device
 * @property {string} browser
 * @property {string} model
 * @property {string} dtype
 * @property {{tokens: number, ms: number}[]} layer milliseconds a layer, at each token count
 * @property {number} loadMs milliseconds to read, verify and upload a layer from the browser's cache
 */

export const tokenCounts = [16, 64, 128];
const runs = 5;

/**
 * @param {SplitCompute} session newly connected, with the pieces of the cut in the browser's cache
 * @param {object} options
 * @param {string} options.dtype
 * @param {number} options.split
 * @param {(step: string) => void} options.onStep
 * @param {AbortSignal} options.signal
 * @returns {Promise<BenchmarkRow>}
 */
export async function runBenchmark(session, { dtype, split, onStep, signal }) {
  const { info, device } = session;
  if (!device.ok) throw new Error(device.reason);
  const layers = session.direction === "client-first" ? split : info.n_layer - split;
  onStep("loading layers");
  const begun = performance.now();
  await session.load(split, { signal });
  const loadMs = (performance.now() - begun) / layers;

  const layer = [];
  for (const count of tokenCounts.filter((count) => count <= info.max_tokens)) {
    onStep(`${count} tokens`);
    const text = textOf(count, info.architecture);
    // The first request compiles its kernels.
    const { tokens, note } = await session.embed(text, { split, signal });
    if (note) throw new Error(note);
    const times = [];
    for (let run = 0; run < runs; run++) {
      const { timings } = await session.embed(text, { split, signal });
      times.push(timings.browser / layers);
    }
    layer.push({ tokens: tokens[0] ?? count, ms: median(times) });
  }
  const name = deviceName(device);
  return { device: name, browser: device.browser, model: info.name, dtype, layer, loadMs };
}

/** @param {BenchmarkRow} row */
export function markdownHeader({ layer }) {
  const names = ["Device", "Browser", "Model", "dtype"];
  const measures = [...layer.map(({ tokens }) => `ms a layer, ${tokens} tokens`), "load, ms a layer"];
  const rule = [...names.map(() => "---"), ...measures.map(() => "---:")];
  return [[...names, ...measures], rule].map(markdownLine).join("\n");
}

/** @param {BenchmarkRow} row */
export function markdownRow({ device, browser, model, dtype, layer, loadMs }) {
  const measures = [...layer.map(({ ms }) => ms), loadMs].map((ms) => ms.toFixed(ms < 10 ? 2 : 1));
  return markdownLine([device, browser, model, dtype, ...measures]);
}

/**
 * A word that is one token in both vocabularies; BERT adds a token at each end.
 * @param {number} tokens @param {string} architecture
 */
function textOf(tokens, architecture) {
  const words = architecture === "bert" ? tokens - 2 : tokens;
  return Array.from({ length: words }, () => "the").join(" ");
}

/** @param {number[]} values an odd number of them */
function median(values) {
  return [...values].sort((a, b) => a - b)[values.length >> 1] ?? NaN;
}

/** @param {string[]} cells */
function markdownLine(cells) {
  return `| ${cells.map((cell) => cell.replaceAll("|", "\\|")).join(" | ")} |`;
}
