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

/**
 * SwiftShader on two cores, 16 rows of 768 by 768: 0.5 GFLOP/s an output an invocation, 1.6 with tiles of 4×4, 2.1 with 8×4. Larger ones
 * gain little and take twice as long to compile. Small workgroups spread few rows over the cores.
 */
function onSoftware(spec: MatmulSpec): Kernel {
  return matmulDirect(spec, { rows: spec.M === 1 ? 1 : spec.M <= 4 ? 4 : 8, columns: 4, invocations: 16 });
}

/**
 * A few rows are bound by reading w, and want every lane to read on its own; many are bound by arithmetic, and want
 * the largest register tile that still leaves a workgroup for every core. Plain tiles of 64×64 ran at 23 TFLOP/s on an
 * H200 at 512 rows, 32×64 at 11 at 128 rows; the steps here follow from that and are not measured themselves yet
 * (benchmarks/kernels does it).
 */
function onGpu(spec: MatmulSpec): Kernel {
  const { M } = spec;
  if (M <= 8) return matmulRows(spec, { rows: M === 1 ? 1 : M <= 4 ? 4 : 8, columns: 2, lanes: 32, groups: 4 });
  if (M <= 16) return matmulTiled(spec, { rows: 4, columns: 4, across: 4, down: 4, along: 8, depth: 16 });
  if (M <= 64) return matmulTiled(spec, { rows: 4, columns: 4, across: 8, down: 8, along: 2, depth: 8 });
  return matmulTiled(spec, { rows: 8, columns: 4, across: 16, down: 8, along: 1, depth: 4 });
}
