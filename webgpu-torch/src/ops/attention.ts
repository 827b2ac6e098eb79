/** Softmax attention over ragged sequences: its reference. */

import { softmaxCpu } from "./norm";

/** Where a (T, H, D) view lies, in elements; its last stride is 1. */
interface HeadLayout {
  readonly offset: number;
  readonly row: number;
  readonly head: number;
}

interface AttentionSizes {
  readonly batch: number;
  readonly heads: number;
  /** Heads of q that share one of k and v. */
  readonly group: number;
  readonly headDim: number;
  readonly q: HeadLayout;
  readonly k: HeadLayout;
  readonly v: HeadLayout;
  readonly causal: boolean;
  readonly scale: number;
}

type Numbers = ArrayLike<number>;

/** Sequence `s` has the rows cuQ[s] … cuQ[s + 1] of q and cuK[s] … of k and v. The last query sees the last key. */
export function attentionCpu(
  sizes: AttentionSizes,
  inputs: { q: Numbers; k: Numbers; v: Numbers; cuQ: Numbers; cuK: Numbers },
): Float32Array {
  const { batch, heads, headDim } = sizes;
  const { cuQ, cuK } = inputs;
  const out = new Float32Array((cuQ[batch] ?? 0) * heads * headDim);
  for (let s = 0; s < batch; s++) {
    const [q0 = 0, q1 = 0, k0 = 0, k1 = 0] = [cuQ[s], cuQ[s + 1], cuK[s], cuK[s + 1]];
    for (let i = q0; i < q1; i++) {
      const stop = sizes.causal ? Math.min(k1, i - q1 + k1 + 1) : k1;
      for (let h = 0; h < heads; h++) out.set(attendCpu(sizes, inputs, i, h, k0, stop), (i * heads + h) * headDim);
    }
  }
  return out;
}

/** What row `i` of q finds among keys k0 … stop, in head `h`. A row that sees no key gives zeros. */
function attendCpu(
  sizes: AttentionSizes,
  inputs: { q: Numbers; k: Numbers; v: Numbers },
  i: number,
  h: number,
  k0: number,
  stop: number,
): Float32Array {
  const { headDim, group, scale } = sizes;
  const shared = Math.floor(h / group);
  const at = (values: Numbers, { offset, row, head }: HeadLayout, own: number, t: number, d: number) => values[offset + t * row + own * head + d] ?? 0;
  const out = new Float32Array(headDim);
  const keys = Math.max(0, stop - k0);
  const scores = Float64Array.from({ length: keys }, (_, j) => {
    let dot = 0;
    for (let d = 0; d < headDim; d++) dot += at(inputs.q, sizes.q, h, i, d) * at(inputs.k, sizes.k, shared, k0 + j, d);
    return dot * scale;
  });
  softmaxCpu({ rows: 1, width: keys, log: false }, scores).forEach((weight, j) => {
    for (let d = 0; d < headDim; d++) out[d] = (out[d] ?? 0) + weight * at(inputs.v, sizes.v, shared, k0 + j, d);
  });
  return out;
}
