/** Softmax attention over ragged sequences, no score matrix in memory: chooses the way that suits the adapter. */

import { attentionDirect } from "./attention_direct";
import type { AttentionSpec } from "./attention_parts";
import { attentionTiled } from "./attention_tiled";
import type { Caps } from "./caps";
import type { Kernel } from "./kernel";

export type { AttentionSpec, HeadView } from "./attention_parts";

/** Inputs: q, k, v (views of the same buffer, or not), cuQ, cuK (batch + 1) i32. Output: (rows of q, heads, headDim). */
export function attention(spec: AttentionSpec, caps: Caps): Kernel {
  if (caps.software) return attentionDirect(spec);
  return attentionTiled(spec, { across: 8, down: 8, rows: 4, keys: spec.headDim > 64 ? 2 : 4 });
}
