/** torch.autotune: measures which tiles of the linear layer suit the GPU at hand. */

import type { Backend, Executable, Plan } from "../backend/backend";
import type { Storage } from "../backend/storage";
import { RuntimeError, ValueError } from "../base/errors";
import { at } from "../base/list";
import { WEIGHT_DTYPES, type WeightDtype } from "../kernels/kernel";
import { tilesKey, TUNED_ROWS } from "../kernels/tiles";
import { adapterText, type Autotuned } from "./devices";
import { keywords } from "./keywords";
import { Tensor } from "./tensor";

export interface AutotuneOptions {
  /** No further size is begun after so long. */
  readonly milliseconds?: number;
}

interface Weight {
  readonly N: number;
  readonly K: number;
  readonly weight: WeightDtype;
  readonly storages: readonly Storage[];
}

/** A tile must save a twentieth of the default's time to be taken: less is noise. */
const WORTHWHILE = 0.95;
/** Repeats within a submit, so that what a submit costs does not count. */
const MEASURED_MS = 3;
const FEWEST = 2;
const MOST = 64;
const ROUNDS = 3;
const DECIDING_ROUNDS = 6;

/**
 * Times the linear layer of weights (N, K) such as these with 128 and with 512 rows, tile by tile, and lets the device use the
 * fastest from then on. Functions recorded before keep theirs. Resolves with all tiles chosen so far; on a software adapter,
 * which has nothing to choose, with none. PyTorch's counterpart is `torch.backends.cudnn.benchmark`.
 */
export async function autotune(weights: readonly Tensor[], options: AutotuneOptions = {}): Promise<Autotuned> {
  const { milliseconds = 2000 } = keywords<AutotuneOptions>("autotune", [], [options], ["milliseconds"]);
  if (!Array.isArray(weights) || !weights.every((weight) => weight instanceof Tensor))
    throw new TypeError("autotune: argument 'weights' (position 1) must be a list of Tensors");
  if (!(milliseconds >= 0)) throw new ValueError(`autotune: expected milliseconds of 0 or more, but got ${milliseconds}`);
  const [first] = weights;
  if (!first) throw new RuntimeError("autotune: expected at least one weight");
  const { backend } = first;
  const begun = performance.now();
  const sizes = weights.map(weightOf).flatMap((weight) => TUNED_ROWS.map((M) => ({ ...weight, M })));
  for (const size of new Map(sizes.map((known) => [tilesKey(known), known])).values()) {
    if (performance.now() - begun > milliseconds) break;
    const tiles = backend.tileChoices(size);
    // What was kept may come from another version, and name a tile that is no more.
    if (tiles.length === 0 || tiles.includes(backend.tiles[tilesKey(size)] ?? "")) continue;
    backend.tiles = { ...backend.tiles, [tilesKey(size)]: await fastest(backend, size, tiles) };
  }
  return { adapter: adapterText(backend), tiles: backend.tiles };
}

function weightOf(tensor: Tensor): Weight {
  const { node } = tensor;
  const [N = 0, K = 0, ...others] = node.shape;
  const parts = node.op.kind === "quantized" ? node.inputs : [node];
  const storages = parts.flatMap(({ storage }) => storage ?? []);
  if (others.length > 0 || N === 0 || K === 0 || storages.length < parts.length)
    throw new RuntimeError(`autotune: expected weights (N, K) that are there, but got [${node.shape.join(", ")}]`);
  const weight = WEIGHT_DTYPES[node.dtype];
  if (!weight) throw new RuntimeError(`autotune: expected weights of ${Object.keys(WEIGHT_DTYPES).join(", ")}, but got ${node.dtype}`);
  return { N, K, weight, storages };
}

async function fastest(backend: Backend, size: Weight & { readonly M: number }, tiles: readonly string[]): Promise<string> {
  const { M, N, K } = size;
  const [usual = ""] = tiles;
  const x = backend.upload(new Uint8Array(Float32Array.from({ length: M * K }, () => Math.random() - 0.5).buffer));
  let y: Storage | null = null;
  const prepare = (tile: string, repeats: number): Executable => backend.prepare(planOf(size, repeats), { [tilesKey(size)]: tile });
  const time = async (executable: Executable, output: Storage): Promise<number> => {
    const start = performance.now();
    await executable.run([x, ...size.storages], [output], [{ storage: output, offset: 0, bytes: 4 }]);
    return performance.now() - start;
  };
  size.storages.forEach((storage) => storage.pin());
  try {
    const output = (y = backend.allocate(4 * M * N));
    const few = prepare(usual, FEWEST);
    await Promise.all([few, ...tiles.map((tile) => prepare(tile, FEWEST))].map(({ ready }) => ready));
    await time(few, output);
    const repeats = Math.min(MOST, Math.max(FEWEST, Math.ceil((FEWEST * MEASURED_MS) / (await time(few, output)))));
    const executables = tiles.map((tile) => prepare(tile, repeats));
    const measure = (executable: Executable) => time(executable, output);
    const times = await least(executables, ROUNDS, measure);
    const best = times.indexOf(Math.min(...times));
    // The best of many is in part the luckiest: it has to win again.
    const rivals = [at(executables, 0), at(executables, best)];
    const [ofUsual = 0, ofBest = 0] = best === 0 ? [] : await least(rivals, DECIDING_ROUNDS, measure);
    return ofBest < WORTHWHILE * ofUsual ? at(tiles, best) : usual;
  } finally {
    size.storages.forEach((storage) => storage.unpin());
    x.dispose();
    y?.dispose();
  }
}

/** The least time of each. Every other round goes backwards: a GPU that has just got to work raises its clocks meanwhile. */
async function least(executables: readonly Executable[], rounds: number, time: (executable: Executable) => Promise<number>): Promise<number[]> {
  const times = executables.map(() => Infinity);
  for (let round = 0; round < rounds; round++) {
    const order = [...executables.entries()];
    for (const [i, executable] of round % 2 === 0 ? order : order.reverse()) times[i] = Math.min(times[i] ?? Infinity, await time(executable));
  }
  return times;
}

/** The linear layer, so many times one after the other. */
function planOf({ M, N, K, weight, storages }: Weight & { readonly M: number }, repeats: number): Plan {
  const task = { kind: "linear", spec: { M, N, K, weight, norm: null }, behind: null } as const;
  const inputs = [0, ...storages.map((_, i) => i + 1)];
  const step = { task, inputs, output: inputs.length };
  return { leaves: inputs.length, outputs: [4 * M * N], workspace: [], steps: Array.from({ length: repeats }, () => step) };
}
