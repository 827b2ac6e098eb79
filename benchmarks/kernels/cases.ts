/** What is measured: the kernels of GPT-2 layers, with the library's own choice of tiles or with every tile in turn. */

import { attention } from "../../webgpu-torch/src/kernels/attention";
import { type AttentionTile, attentionTiled } from "../../webgpu-torch/src/kernels/attention_tiled";
import type { Caps } from "../../webgpu-torch/src/kernels/caps";
import { NO_EPILOGUE } from "../../webgpu-torch/src/kernels/epilogue";
import type { Kernel, WeightDtype } from "../../webgpu-torch/src/kernels/kernel";
import { norm } from "../../webgpu-torch/src/kernels/layer_norm";
import { matmul } from "../../webgpu-torch/src/kernels/matmul";
import { matmulDots } from "../../webgpu-torch/src/kernels/matmul_dots";
import { matmulDirect } from "../../webgpu-torch/src/kernels/matmul_direct";
import type { MatmulSpec } from "../../webgpu-torch/src/kernels/matmul_parts";
import { matmulRows } from "../../webgpu-torch/src/kernels/matmul_rows";
import { matmulTiled, type Tile } from "../../webgpu-torch/src/kernels/matmul_tiled";

export type Content = "f32" | "f16" | "q8" | "q4" | "lengths";

export interface Case {
  /** Work that the same row of the table compares. */
  readonly work: string;
  readonly variant: string;
  readonly kernel: Kernel;
  readonly inputs: readonly { readonly content: Content; readonly elements: number; readonly ints?: readonly number[] }[];
  /** The input that a real model has another one of in every layer, so that a cache does not hold it. */
  readonly weight: number | null;
  readonly output: number;
  readonly operations: number;
  readonly bytes: number;
}

/** Rows and columns of the four matrices of a layer. */
const MODELS = {
  gpt2: { heads: 12, width: 768 },
  "gpt2-xl": { heads: 25, width: 1600 },
} as const;

export interface Selection {
  readonly models: readonly (keyof typeof MODELS)[];
  readonly tokens: readonly number[];
  readonly dtypes: readonly WeightDtype[];
  /** Every tile in turn, instead of the one that the library picks. */
  readonly tiles: boolean;
}

export function* cases({ models, tokens, dtypes, tiles }: Selection, caps: Caps): Generator<Case> {
  // What a dispatch costs that waits for the one before and does next to nothing.
  yield normCase("nothing but a dispatch", 1, 4, caps);
  for (const model of models) {
    const { heads, width } = MODELS[model];
    const matrices = [[3 * width, width], [width, width], [4 * width, width], [width, 4 * width]] as const;
    for (const T of tokens) {
      for (const dtype of dtypes) {
        for (const [N, K] of matrices) yield* linearCases(`${model} linear ${K}→${N} ${dtype} T=${T}`, { M: T, N, K, weight: dtype, norm: null, epilogue: NO_EPILOGUE }, tiles, caps);
      }
      yield* attentionCases(`${model} attention T=${T}`, T, heads, tiles, caps);
      yield normCase(`${model} layer norm T=${T}`, T, width, caps);
    }
  }
}

function normCase(work: string, rows: number, width: number, caps: Caps): Case {
  return {
    work,
    variant: "",
    kernel: norm({ kind: "layer", rows, width, eps: 1e-5, weight: true, bias: true }, caps),
    inputs: [{ content: "f32", elements: rows * width }, { content: "f32", elements: width }, { content: "f32", elements: width }],
    weight: null,
    output: rows * width,
    operations: 8 * rows * width,
    bytes: 8 * rows * width,
  };
}

/** Tiles to try: [rows, columns, across, down, along, depth], each with one step and with two ahead. */
const TILES: readonly (readonly [number, number, number, number, number, number])[] = [
  [4, 4, 4, 4, 8, 16], [8, 4, 4, 4, 8, 16], [4, 4, 8, 8, 2, 8], [4, 8, 4, 8, 4, 8], [8, 4, 8, 4, 4, 8],
  [8, 4, 8, 8, 4, 8], [8, 8, 4, 4, 8, 8], [8, 8, 8, 4, 4, 8], [8, 8, 8, 8, 2, 4], [4, 8, 8, 16, 2, 4], [8, 4, 16, 8, 1, 4],
];
/** [rows, columns, lanes, groups]. */
const ROWS: readonly (readonly [number, number, number, number])[] = [
  [1, 1, 32, 4], [1, 2, 64, 2], [1, 4, 64, 2], [1, 1, 128, 1],
  [4, 4, 32, 4], [4, 4, 64, 2], [4, 4, 128, 1], [4, 8, 32, 4], [8, 2, 32, 4], [8, 2, 64, 2], [8, 4, 32, 4], [8, 4, 64, 2], [16, 2, 32, 4], [16, 2, 64, 2],
];

function* linearCases(work: string, spec: MatmulSpec, tiles: boolean, caps: Caps): Generator<Case> {
  const { M, N, K, weight } = spec;
  const bytesOfWeight = { f32: 4 * N * K, f16: 2 * N * K, q8: (N * K * 34) / 32, q4: (N * K * 18) / 32 }[weight];
  const shared = {
    work,
    inputs: [
      { content: "f32", elements: M * K },
      { content: weight, elements: N * K },
      ...(weight === "q8" || weight === "q4" ? [{ content: "f16", elements: (N * K) / 32 } as const] : []),
    ],
    weight: 1,
    output: M * N,
    operations: 2 * M * N * K,
    bytes: bytesOfWeight + 4 * M * (N + K),
  } as const;
  if (!tiles) {
    yield { ...shared, variant: "", kernel: matmul(spec, caps) };
  } else if (caps.software) {
    for (const rows of [1, 2, 4, 8, 16]) {
      for (const columns of [4, 8]) {
        if (rows < 2 * M) yield { ...shared, variant: `direct ${rows}x${columns}`, kernel: matmulDirect(spec, { rows, columns, invocations: 16 }) };
      }
    }
  } else {
    for (const [rows, columns, lanes, groups] of ROWS) {
      if (M <= 64 && rows >= Math.min(M, 4) && rows < 2 * M + 3) yield { ...shared, variant: `rows ${[rows, columns, lanes, groups]}`, kernel: matmulRows(spec, { rows, columns, lanes, groups }) };
    }
    for (const [rows, columns, across, down, along, depth] of TILES) {
      // A tile much taller than the matrix, or many too low for it, is never the best.
      if (M < 17 || rows * down >= 2 * M || 32 * rows * down < M) continue;
      for (const ahead of [1, 2]) {
        const tile: Tile = { rows, columns, across, down, along, depth, ahead };
        yield { ...shared, variant: `tile ${Object.values(tile)}`, kernel: matmulTiled(spec, tile) };
      }
    }
    if (M >= 17 && weight === "q4") yield { ...shared, variant: "dots", kernel: matmulDots(spec) };
  }
}

/** [across, down, rows, keys]. */
const ATTENTION_TILES: readonly (readonly [number, number, number, number])[] = [
  [16, 8, 1, 2], [16, 16, 1, 2], [16, 8, 2, 2], [16, 4, 2, 2], [16, 4, 4, 2], [8, 8, 1, 4], [8, 8, 2, 4], [8, 16, 1, 4], [8, 4, 4, 4],
];

function* attentionCases(work: string, T: number, heads: number, tiles: boolean, caps: Caps): Generator<Case> {
  const headDim = 64;
  const width = heads * headDim;
  const view = (part: number) => ({ offset: part * width, row: 3 * width, head: headDim });
  const spec = { batch: 1, maxQ: T, heads, group: 1, headDim, q: view(0), k: view(1), v: view(2), causal: true, scale: headDim ** -0.5 };
  const packed = { content: "f32", elements: 3 * T * width } as const;
  const lengths = { content: "lengths", elements: 2, ints: [0, T] } as const;
  const shared = { work, inputs: [packed, packed, packed, lengths, lengths], weight: null, output: T * width, operations: 2 * T * (T + 1) * width, bytes: 16 * T * width };
  if (!tiles || caps.software) {
    yield { ...shared, variant: "", kernel: attention(spec, caps) };
    return;
  }
  for (const [across, down, rows, keys] of ATTENTION_TILES) {
    const tile: AttentionTile = { across, down, rows, keys };
    yield { ...shared, variant: `tile ${[across, down, rows, keys]}`, kernel: attentionTiled(spec, tile) };
  }
}
