/** Runs the peers in turn, each in a frame of its own and alone in the browser, and posts what it finds to /result. */

import { chosen, peers } from "./peers.js";

const WARM_UP_MS = 300;
/** A GPU whose clocks rise makes steps faster by more than this from one warm-up to the next. */
const FASTER = 0.95;

const query = new URLSearchParams(location.search);
const settings = {
  peers: chosen(query.get("peers")),
  configs: (query.get("configs") ?? "gpt2,gpt2-xl").split(","),
  tokens: (query.get("tokens") ?? "1,16,128,512").split(",").map(Number),
  /** Of each length, in each round. */
  runs: Number(query.get("runs") ?? 10),
  /** In each of them every peer is opened, measured and closed. */
  rounds: Number(query.get("rounds") ?? 3),
  pool: query.get("pool") !== "0",
  /** A peer that takes longer for one step is given up. */
  seconds: Number(query.get("seconds") ?? 120),
};

async function main() {
  const versions = await (await fetch("vendor/versions.json")).json();
  const about = { agent: navigator.userAgent, isolated: crossOriginIsolated, adapter: await adapter(), versions, ...settings };
  const rows = settings.configs.flatMap((config) => settings.peers.flatMap((peer) => settings.tokens.map((T) => ({ peer, config, T, times: [] }))));
  for (const config of settings.configs) {
    for (let round = 0; round < settings.rounds; round++) {
      for (const peer of settings.peers) {
        const own = rows.filter((row) => row.peer === peer && row.config === config);
        if (!own[0].failure) await visit(own, round === settings.rounds - 1);
      }
    }
  }
  for (const row of rows) row.median_ms = row.times.length > 0 ? median(row.times) : null;
  return { ...about, rows };
}

/** One peer's part of a round. Other peers' devices, even idle ones, would take time from it. */
async function visit(rows, isLast) {
  const [{ peer: name, config }] = rows;
  const { frame, bench, about, failure } = await openPeer(name, config);
  for (const row of rows) {
    Object.assign(row, about, failure && { failure });
    if (row.failure) break;
    try {
      await first(bench, row);
      if (row === rows[0]) await raiseClocks(bench);
      await measure(bench, row, isLast);
    } catch (error) {
      row.failure = String(error);
    }
    log(`${name}, ${config}, T=${row.T}: ` + (row.failure ?? `${median(row.times).toFixed(2)} ms, first ${row.first_ms.toFixed(1)}, error ${row.error.toExponential(1)}${row.wrong ? " WRONG" : ""}`));
  }
  const broken = rows.find((row) => row.failure);
  if (broken) for (const row of rows) row.failure ??= broken.failure;
  frame.remove();
}

/** The first run of a length. */
async function first(bench, row) {
  const { first_ms, error } = await within(bench.first(row.T));
  row.first_ms ??= first_ms;
  row.error = Math.max(row.error ?? 0, error);
  row.wrong = !(row.error <= peers.get(row.peer).tolerance);
}

/**
 * A GPU that had nothing to do while weights were packed has lowered its clocks, an H200 to a sixth, and takes one to three seconds of
 * work to raise them again: steps of the longest length, until they get no faster.
 */
async function raiseClocks(bench) {
  const longest = Math.max(...settings.tokens);
  let before;
  let now = Infinity;
  do {
    before = now;
    now = await warmUp(bench, longest);
  } while (now < FASTER * before);
}

/** The median of the steps that it takes. */
async function warmUp(bench, T) {
  const times = [];
  const end = performance.now() + WARM_UP_MS;
  do times.push(await within(bench.run(T)));
  while (performance.now() < end);
  return median(times);
}

/** Later runs of a length. */
async function measure(bench, row, isLast) {
  const { T } = row;
  await warmUp(bench, T);
  for (let n = 0; n < settings.runs; n++) row.times.push(await within(bench.runAfterPause(T)));
  if (!isLast || !peers.get(row.peer).ours) return;
  row.counts = await within(bench.count(T));
  if (T > 2) row.unseen = await within(bench.unseen(T - 1));
}

async function openPeer(name, config) {
  const { adapter, opts } = peers.get(name);
  const frame = document.createElement("iframe");
  frame.src = "frame.html";
  const ready = new Promise((resolve) => addEventListener("message", (event) => event.source === frame.contentWindow && resolve(null)));
  document.body.append(frame);
  await ready;
  const { bench } = /** @type {any} */ (frame.contentWindow);
  const folder = new URL(`../../models/${config}/`, location.href).href;
  try {
    const about = await within(bench.open(adapter, folder, { ...opts, pool: settings.pool }));
    log(`${name}, ${config}: ready after ${about.init_ms.toFixed(0)} ms`);
    return { name, frame, bench, about };
  } catch (error) {
    log(`${name}, ${config}: ${error}`);
    return { name, frame, bench, about: {}, failure: String(error) };
  }
}

/** @template T @param {Promise<T>} promise @returns {Promise<T>} */
function within(promise) {
  const { seconds } = settings;
  const late = new Promise((_, reject) => setTimeout(() => reject(new Error(`took more than ${seconds} s`)), 1000 * seconds));
  return /** @type {Promise<T>} */ (Promise.race([promise, late]));
}

async function adapter() {
  const found = await navigator.gpu?.requestAdapter({ powerPreference: "high-performance" });
  if (!found) throw new Error("no WebGPU adapter");
  const { vendor, architecture, device, description } = found.info;
  return { vendor, architecture, device, description, features: [...found.features].sort() };
}

/** @param {number[]} values */
function median(values) {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 ? sorted[middle] : ((sorted[middle - 1] ?? 0) + (sorted[middle] ?? 0)) / 2;
}

function log(line) {
  document.querySelector("pre")?.append(`${line}\n`);
  return fetch("/log", { method: "POST", body: line }).catch(() => {});
}

main()
  .catch((error) => ({ failure: `${error}\n${error.stack}` }))
  .then((result) => fetch("/result", { method: "POST", body: JSON.stringify(result) }));
