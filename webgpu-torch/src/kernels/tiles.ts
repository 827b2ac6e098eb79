/** The tiles of the linear layer of many rows: which there are, and which a GPU gets. */

import type { MatmulSpec } from "./matmul_parts";
import type { Tile } from "./matmul_tiled";

export type MatmulSizes = Pick<MatmulSpec, "M" | "N" | "K" | "weight">;

/** For a `tilesKey` the tile that was fastest, as `tileText` writes it. */
export type Tiles = Readonly<Record<string, string>>;

const tile = (rows: number, columns: number, across: number, down: number, along: number, depth: number): Tile => ({
  rows,
  columns,
  across,
  down,
  along,
  depth,
});

const LARGE = tile(8, 4, 8, 4, 4, 8);
const SMALL = tile(4, 4, 4, 4, 8, 16);

/** The tiles to choose among: from many small workgroups, for a GPU of many cores, to few with large register tiles. */
export const TILES: readonly Tile[] = [LARGE, SMALL, tile(4, 4, 8, 8, 2, 8), tile(8, 8, 8, 4, 4, 8), tile(8, 8, 8, 8, 2, 4), tile(8, 4, 16, 8, 1, 4)];

/** Rows that are measured: the first stands for all up to `SHORT_ROWS`, the second for more. */
export const TUNED_ROWS = [128, 512] as const;
const SHORT_ROWS = 256;

export const tileText = ({ rows, columns, across, down, along, depth }: Tile): string => [rows, columns, across, down, along, depth].join();

export const tilesKey = ({ M, N, K, weight }: MatmulSizes): string => `${M <= SHORT_ROWS ? TUNED_ROWS[0] : TUNED_ROWS[1]} ${N}x${K} ${weight}`;

/** The tile that was found to be fastest; else, of two, the large one if that leaves a workgroup for every core of a large GPU. */
export function tileFor(sizes: MatmulSizes, tiles: Tiles): Tile {
  const found = tiles[tilesKey(sizes)];
  return TILES.find((known) => tileText(known) === found) ?? defaultTile(sizes);
}

export function defaultTile({ M, N }: MatmulSizes): Tile {
  return Math.ceil(M / 32) * Math.ceil(N / 32) >= 192 ? LARGE : SMALL;
}
