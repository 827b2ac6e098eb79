/** y = x wᵀ, the linear layer: chooses the way that suits the number of rows and the adapter. */

import type { Caps } from "./caps";
import type { Kernel } from "./kernel";
import { matmulDirect } from "./matmul_direct";
import type { MatmulSpec } from "./matmul_parts";
import { matmulRows } from "./matmul_rows";
import { matmulTiled } from "./matmul_tiled";

export type { MatmulSpec } from "./matmul_parts";

/** Inputs: x (M, K) f32, w (N, K), its scales where it is q8, the epilogue's operands. Output: y (M, N). */
export function matmul(spec: MatmulSpec, caps: Caps): Kernel {
  return caps.software ? onSoftware(spec) : onGpu(spec);
}

function onSoftware(spec: MatmulSpec): Kernel {
  return matmulDirect(spec, { rows: spec.M < 4 ? 1 : 8, columns: 4, invocations: 16 });
}

/**
 * A few rows are bound by reading w, and want every lane to read on its own; many are bound by arithmetic, and want
 * the largest register tile that still leaves a workgroup for every core. All of it within 16 KiB and 128 invocations.
 */
function onGpu(spec: MatmulSpec): Kernel {
  const { M } = spec;
  if (M <= 8) return matmulRows(spec, { rows: M === 1 ? 1 : M <= 4 ? 4 : 8, columns: 2, lanes: 32, groups: 4 });
  if (M <= 16) return matmulTiled(spec, { rows: 4, columns: 4, across: 4, down: 4, along: 8, depth: 16 });
  if (M <= 64) return matmulTiled(spec, { rows: 4, columns: 4, across: 8, down: 8, along: 2, depth: 8 });
  return matmulTiled(spec, { rows: 8, columns: 4, across: 16, down: 8, along: 1, depth: 4 });
}
