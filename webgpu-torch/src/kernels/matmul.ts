/** y = x wᵀ, the linear layer: chooses the way that suits the number of rows and the adapter. */

import type { Caps } from "./caps";
import type { Kernel } from "./kernel";
import { type DirectTile, matmulDirect } from "./matmul_direct";
import { matmulDots } from "./matmul_dots";
import type { MatmulSpec } from "./matmul_parts";
import { matmulRows, type RowsTile } from "./matmul_rows";
import { matmulTiled, type Tile } from "./matmul_tiled";
import { chosen, DOTS, type MatmulSizes } from "./tiles";

export type { MatmulSpec } from "./matmul_parts";

/** A kernel and its tile. */
export type MatmulWay =
  | { readonly kind: "direct"; readonly tile: DirectTile }
  | { readonly kind: "rows"; readonly tile: RowsTile }
  | { readonly kind: "tiled"; readonly tile: Tile }
  | { readonly kind: "dots" };

/**
 * Inputs: x (M, K) f32, or for the way "dots" as `roundRows` leaves it, w (N, K), its scales where it is quantised, the norm's weight
 * and bias (K) where the spec has them, the epilogue's operands. Output: y (M, N).
 */
export function matmul(spec: MatmulSpec, caps: Caps): Kernel {
  const way = matmulWay(spec, caps);
  switch (way.kind) {
    case "direct":
      return matmulDirect(spec, way.tile);
    case "rows":
      return matmulRows(spec, way.tile);
    case "tiled":
      return matmulTiled(spec, way.tile);
    case "dots":
      return matmulDots(spec);
    default:
      return way satisfies never;
  }
}

/** What the adapter takes for these sizes. */
export function matmulWay(sizes: MatmulSizes, caps: Caps): MatmulWay {
  return caps.software ? onSoftware(sizes) : onGpu(sizes, caps);
}

/** Rows up to which a workgroup reads every element of its rows of x, and so can norm them on the way. */
const MAX_FEW_ROWS = 64;

/**
 * Whether the layer can norm its input itself. Each workgroup then computes the norm anew, about 1 µs on an H200, in place of a
 * kernel of its own, of 3 µs there and the time that a browser takes to encode it.
 */
export function fusesNorm({ M, K }: { readonly M: number; readonly K: number }, caps: Caps): boolean {
  return !caps.software && M <= MAX_FEW_ROWS && K % 4 === 0;
}

/**
 * SwiftShader on two cores, 16 rows of 768 by 768: 0.5 GFLOP/s an output an invocation, 1.6 with tiles of 4×4, 2.1 with 8×4. Larger ones
 * gain little and take twice as long to compile. Small workgroups spread few rows over the cores.
 */
function onSoftware({ M }: MatmulSizes): MatmulWay {
  return { kind: "direct", tile: { rows: M === 1 ? 1 : M <= 4 ? 4 : 8, columns: 4, invocations: 16 } };
}

/** A few rows are bound by reading w, and want every lane to read on its own; many are bound by arithmetic, and want tiles. */
function onGpu(sizes: MatmulSizes, caps: Caps): MatmulWay {
  const { M, N, K } = sizes;
  if (M === 1) return { kind: "rows", tile: K > 2 * N ? { rows: 1, columns: 1, lanes: 128, groups: 1 } : { rows: 1, columns: 2, lanes: 64, groups: 2 } };
  if (M <= MAX_FEW_ROWS) {
    const count = Math.ceil(M / 4) * Math.ceil(N / 16);
    const groups = count >= 512 ? 4 : count >= 256 || K <= 2 * N ? 2 : 1;
    return { kind: "rows", tile: { rows: 4, columns: 4, lanes: 128 / groups, groups } };
  }
  const tile = chosen(sizes, caps);
  return tile === DOTS ? { kind: "dots" } : { kind: "tiled", tile };
}
