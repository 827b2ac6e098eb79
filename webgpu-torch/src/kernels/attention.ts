/** Softmax attention over ragged sequences, no score matrix in memory: chooses the way that suits the adapter. */

import { attentionDirect } from "./attention_direct";
import type { AttentionSpec } from "./attention_parts";
import { type AttentionTile, attentionTiled } from "./attention_tiled";
import type { Caps } from "./caps";
import type { Kernel } from "./kernel";

export type { AttentionSpec, HeadView } from "./attention_parts";

/** Inputs: q, k, v (views of the same buffer, or not), cuQ, cuK (batch + 1) i32. Output: (rows of q, heads, headDim). */
export function attention(spec: AttentionSpec, caps: Caps): Kernel {
  if (caps.software) return attentionDirect(spec);
  return attentionTiled(spec, attentionTile(spec));
}

/** Times on an H200, 12 heads of 64, one sequence of 1, 128 and 512: see benchmarks/kernels. Wide heads leave room for fewer keys. */
export function attentionTile({ maxQ, headDim }: Pick<AttentionSpec, "maxQ" | "headDim">): AttentionTile {
  if (headDim > 64) return { across: 8, down: 8, rows: 1, keys: 2 };
  if (maxQ <= 64) return { across: 16, down: 8, rows: 1, keys: 2 };
  return { across: 16, down: 8, rows: 2, keys: 2 };
}
