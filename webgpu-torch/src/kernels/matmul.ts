/** y = x wᵀ, the linear layer: chooses the way that suits the rows, the weight and the adapter. */

import type { Caps } from "./caps";
import type { Kernel } from "./kernel";
import { matmulDirect } from "./matmul_direct";
import type { MatmulSpec } from "./matmul_parts";
import { matmulRows } from "./matmul_rows";
import { matmulTiled } from "./matmul_tiled";

export type { MatmulSpec } from "./matmul_parts";

/** Inputs: x (M, K) f32, w (N, K), its scales where it is q8, the epilogue's operands. Output: y (M, N). */
export function matmul(spec: MatmulSpec, caps: Caps): Kernel {
  if (caps.software) return matmulDirect(spec, { rows: 4, columns: 4, invocations: 16 });
  if (spec.M <= 4) return matmulRows(spec, { rows: spec.M === 1 ? 1 : 4, columns: 2, lanes: 32, groups: 4 });
  if (spec.M <= 16) return matmulTiled(spec, { rows: 4, columns: 4, across: 4, down: 4, along: 8, depth: 16 });
  return matmulTiled(spec, { rows: 4, columns: 4, across: 16, down: 16, along: 1, depth: 8 });
}
