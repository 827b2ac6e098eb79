/** One peer in a frame of its own: loads it, checks it, runs it when the page says so. */

import { counting } from "./counters.js";

/** Runs that are counted, of which the middle one is told. */
const countedRuns = 5;

let peer, cfg, base, opts;
const files = new Map();

/** The adapter interface's `fetchBuf` and `safetensors`, with the time that they take. */
let fetchMs = 0;
async function fetchBuf(url) {
  const start = performance.now();
  const response = await fetch(url);
  if (!response.ok) throw new Error(`${url}: ${response.status}`);
  const bytes = await response.arrayBuffer();
  fetchMs += performance.now() - start;
  return bytes;
}

async function safetensors() {
  const bytes = await fetchBuf(`${base}model.safetensors`);
  const headerBytes = Number(new DataView(bytes).getBigUint64(0, true));
  const header = JSON.parse(new TextDecoder().decode(new Uint8Array(bytes, 8, headerBytes)));
  const tensors = {};
  for (const [name, { shape, data_offsets: [begin, end] }] of Object.entries(header)) {
    tensors[name] = { shape, data: new Float32Array(bytes, 8 + headerBytes + begin, (end - begin) / 4) };
  }
  return tensors;
}

const bench = {
  /** Imports the library and brings the weights to the GPU. */
  async open(adapter, folder, options) {
    [base, opts] = [folder, options];
    cfg = JSON.parse(new TextDecoder().decode(await fetchBuf(`${base}meta.json`)));
    const start = performance.now();
    peer = await (await import(adapter)).load({ cfg, base, opts });
    const loaded = performance.now();
    fetchMs = 0;
    await peer.init({ cfg, base, opts, fetchBuf, safetensors });
    const init_ms = performance.now() - loaded - fetchMs;
    return { version: peer.version, layers: cfg.layers, library_ms: loaded - start, init_ms, fetch_ms: fetchMs };
  },

  /** One whole step, in ms. */
  async run(T) {
    const x = await input(T);
    const start = performance.now();
    await step(x, T);
    return performance.now() - start;
  },

  /** The same, some time after the step before. */
  async runAfterPause(T) {
    return afterPause(await input(T), T);
  },

  /** The first run of a length, and max |y - ref| / max |ref|. */
  async first(T) {
    const x = await input(T);
    const start = performance.now();
    const y = await step(x, T);
    const first_ms = performance.now() - start;
    const whole = await numbers(`ref_${T}.f32`);
    const reference = opts.pool ? meanOfRows(whole) : whole;
    return { first_ms, error: relativeError(y, reference) };
  },

  /** What one step asks of WebGPU, and JavaScript's share of it: up to the last submit, and from the mapped result on. */
  async count(T) {
    const x = await input(T);
    const found = [];
    for (let n = 0; n < countedRuns; n++) {
      const start = performance.now();
      let end = 0;
      const { submitted, mapped, ...counts } = await counting(async () => {
        await step(x, T);
        end = performance.now();
      });
      found.push({ ...counts, js_ms: submitted - start + end - mapped });
    }
    return found.sort((a, b) => a.js_ms - b.js_ms)[countedRuns >> 1];
  },

  /** A length that was not run before, its first run beside its later ones; and what the first run of one shorter still asks of WebGPU. */
  async unseen(T) {
    const longer = await input(T + 1);
    const x = longer.subarray(0, T * cfg.d);
    const first_ms = await afterPause(x, T);
    // Counters would slow the run that is timed.
    const { pipelines, buffers } = await counting(() => step(longer.subarray(0, (T - 1) * cfg.d), T - 1));
    const later = [];
    for (let n = 0; n < countedRuns; n++) later.push(await afterPause(x, T));
    return { T, first_ms, steady_ms: later.sort((a, b) => a - b)[countedRuns >> 1], pipelines, buffers };
  },
};
globalThis.bench = bench;
parent.postMessage("ready", location.origin);

/** The time of a step that comes as a visitor's do, one by one. */
async function afterPause(x, T) {
  await new Promise((resolve) => setTimeout(resolve, 5));
  const start = performance.now();
  await step(x, T);
  return performance.now() - start;
}

async function step(x, T) {
  const y = await peer.run(x, T);
  // A peer that cannot pool on the GPU pools here, in its time.
  return opts.pool && y.length === x.length && T > 1 ? meanOfRows(y) : y;
}

async function numbers(file) {
  if (!files.has(file)) files.set(file, new Float32Array(await fetchBuf(base + file)));
  return files.get(file);
}

const input = (T) => numbers(`input_${T}.f32`);

function meanOfRows(values) {
  const mean = new Float32Array(cfg.d);
  const rows = values.length / cfg.d;
  for (let i = 0; i < values.length; i++) mean[i % cfg.d] += values[i] / rows;
  return mean;
}

function relativeError(values, reference) {
  if (values.length !== reference.length) throw new Error(`${values.length} numbers, expected ${reference.length}`);
  let largest = 0;
  let difference = 0;
  for (let i = 0; i < reference.length; i++) {
    largest = Math.max(largest, Math.abs(reference[i]));
    const distance = Math.abs(values[i] - reference[i]);
    if (!(distance <= difference)) difference = distance; // NaN counts
  }
  return difference / largest;
}
