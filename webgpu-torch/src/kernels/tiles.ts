/** The ways to the linear layer of many rows: which there are, and which a GPU takes. */

import type { Caps } from "./caps";
import type { MatmulSpec } from "./matmul_parts";
import type { Tile } from "./matmul_tiled";

export type MatmulSizes = Pick<MatmulSpec, "M" | "N" | "K" | "weight">;

/** For a `tilesKey` the name of the way that was fastest: a tile's numbers, or `DOTS`. */
export type Tiles = Readonly<Record<string, string>>;

/** `matmulDots`, in place of tiles. */
export const DOTS = "dots";

const tile = (rows: number, columns: number, across: number, down: number, along: number, depth: number, ahead: number): Tile => ({
  rows,
  columns,
  across,
  down,
  along,
  depth,
  ahead,
});

const LARGE = tile(8, 4, 8, 4, 4, 8, 2);
const SMALL = tile(4, 4, 4, 4, 8, 16, 1);

/** From many small workgroups, for a GPU of many cores, to few with large register tiles. */
const TILES: readonly Tile[] = [
  LARGE,
  SMALL,
  tile(8, 4, 4, 4, 8, 16, 2),
  tile(4, 4, 8, 8, 2, 8, 1),
  tile(8, 4, 8, 8, 4, 8, 2),
  tile(8, 8, 8, 8, 2, 4, 1),
  tile(8, 4, 16, 8, 1, 4, 1),
];

/** Rows that are measured: the first stands for all up to `SHORT_ROWS`, the second for more. */
export const TUNED_ROWS = [128, 512] as const;
const SHORT_ROWS = 256;

const nameOf = ({ rows, columns, across, down, along, depth, ahead }: Tile): string => [rows, columns, across, down, along, depth, ahead].join();

export const tilesKey = ({ M, N, K, weight }: MatmulSizes): string => `${M <= SHORT_ROWS ? TUNED_ROWS[0] : TUNED_ROWS[1]} ${N}x${K} ${weight}`;

/** The names of the ways to choose among, the usual one first. */
export function choices(sizes: MatmulSizes, { dots }: Caps): string[] {
  const names = TILES.map(nameOf);
  const usual = nameOf(usualTile(sizes));
  return [usual, ...names.filter((name) => name !== usual), ...(dots && takesDots(sizes) ? [DOTS] : [])];
}

/** The way that was found to be fastest, or else the usual tile. */
export function chosen(sizes: MatmulSizes, { tiles = {}, dots }: Caps): Tile | typeof DOTS {
  const found = tiles[tilesKey(sizes)];
  if (found === DOTS && dots && takesDots(sizes)) return DOTS;
  const tile = found === undefined ? undefined : TILES.find((known) => nameOf(known) === found);
  return tile ?? usualTile(sizes);
}

/**
 * Where weights have 4 bits, what is lost by rounding activations to 8 does not show. Where they have 8, vectors would turn by two thirds
 * more than they do already: see benchmarks/quality.py.
 */
const takesDots = ({ weight }: MatmulSizes): boolean => weight === "q4";

/** The large one if that leaves a workgroup for every core of a large GPU. */
function usualTile({ M, N }: MatmulSizes): Tile {
  return Math.ceil(M / 32) * Math.ceil(N / 32) >= 192 ? LARGE : SMALL;
}
