/** Sends one visitor after another, the builds in turn, and posts medians to /result. */

const query = new URLSearchParams(location.search);
const numbers = (name) => (query.get(name) ?? "").split(",").map(Number);
const settings = { builds: (query.get("builds") ?? "").split(","), layers: numbers("layers"), lengths: numbers("lengths"), visits: numbers("visits")[0] ?? 1 };
const STEADY = { steadyLength: 16, steadyRuns: 200 };

async function main() {
  const rows = settings.layers.flatMap((layers) => settings.builds.map((build) => ({ build, layers, visits: [] })));
  for (let n = 0; n < settings.visits; n++) {
    for (const { build, layers, visits } of rows) visits.push(await visit({ build, layers, lengths: settings.lengths, ...STEADY }));
  }
  return rows.map(({ build, layers, visits }) => ({
    build,
    layers,
    unseen: settings.lengths.map((_, i) => median(visits.map(({ unseen }) => unseen[i]))),
    steady: median(visits.map(({ steady }) => median(steady))),
  }));
}

/** A visitor starts with nothing: a Worker is a V8 of its own. */
function visit(settings) {
  const worker = new Worker("worker.js", { type: "module" });
  return new Promise((resolve, reject) => {
    worker.onerror = ({ message }) => reject(new Error(message));
    worker.onmessage = ({ data }) => {
      worker.terminate();
      if (data.failure) reject(new Error(data.failure));
      else resolve(data);
    };
    worker.postMessage(settings);
  });
}

/** @param {number[]} values */
const median = (values) => [...values].sort((a, b) => a - b)[values.length >> 1] ?? NaN;

main()
  .catch((error) => ({ failure: String(error) }))
  .then((result) => fetch("/result", { method: "POST", body: JSON.stringify(result) }));
