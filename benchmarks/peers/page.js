/** Runs the peers in turn, each in a frame of its own, and posts what it finds to /result. */

import { chosen, peers } from "./peers.js";

const query = new URLSearchParams(location.search);
const settings = {
  peers: chosen(query.get("peers")),
  configs: (query.get("configs") ?? "gpt2,gpt2-xl").split(","),
  tokens: (query.get("tokens") ?? "1,16,128,512").split(",").map(Number),
  runs: Number(query.get("runs") ?? 15),
  pool: query.get("pool") !== "0",
  /** A peer that takes longer for one step is given up. */
  seconds: Number(query.get("seconds") ?? 120),
};

async function main() {
  const rows = [];
  const versions = await (await fetch("vendor/versions.json")).json();
  const about = { agent: navigator.userAgent, isolated: crossOriginIsolated, adapter: await adapter(), versions, ...settings };
  for (const config of settings.configs) {
    const open = [];
    for (const name of settings.peers) open.push(await openPeer(name, config));
    for (const T of settings.tokens) rows.push(...(await measure(open, config, T)));
    for (const { frame } of open) frame.remove();
  }
  return { ...about, rows };
}

/** Every peer's rows for one length; runs take turns. */
async function measure(open, config, T) {
  const rows = open.map(({ name, about, failure }) => ({ peer: name, config, T, ...about, failure, times: [] }));
  const each = async (task) => {
    for (const [i, { bench }] of open.entries()) {
      const row = rows[i];
      if (row.failure) continue;
      await new Promise((resolve) => setTimeout(resolve, 5)); // for what the one before left behind
      await task(bench, row).catch((error) => (row.failure = String(error)));
      if (row.failure) open[i].failure = row.failure;
    }
  };
  await each(async (bench, row) => {
    Object.assign(row, await within(bench.first(T)));
    row.wrong = !(row.error <= peers.get(row.peer).tolerance);
  });
  await each(async (bench) => void (await within(bench.run(T))));
  for (let n = 0; n < settings.runs; n++) await each(async (bench, row) => void row.times.push(await within(bench.run(T))));
  await each(async (bench, row) => {
    if (!peers.get(row.peer).ours) return;
    row.counts = await within(bench.count(T));
    if (T > 1) row.unseen = await within(bench.unseen(T - 1));
  });
  for (const row of rows) {
    row.median_ms = row.times.length > 0 ? median(row.times) : null;
    log(`${row.peer}, ${config}, T=${T}: ` + (row.failure ?? `${row.median_ms?.toFixed(2)} ms, first ${row.first_ms.toFixed(1)}, error ${row.error.toExponential(1)}${row.wrong ? " WRONG" : ""}`));
  }
  return rows;
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
