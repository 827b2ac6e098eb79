/** Attention without workgroup memory: each invocation runs a few query rows of one head over all of their keys. */

import { type AttentionSpec, attentionUniforms, attentionWgsl, checkAttention } from "./attention_parts";
import { grid, type Kernel, repeat, WORKGROUP_INDEX } from "./kernel";

/** Query rows of an invocation share each key and value that it loads. */
const QUERIES = 2;
const INVOCATIONS = 16;

export function attentionDirect(spec: AttentionSpec): Kernel {
  checkAttention(spec);
  const { batch, maxQ, heads, headDim } = spec;
  const quads = Math.ceil(headDim / 4);
  const rows = (line: (i: number) => string, indent: string) => repeat(QUERIES, line, `\n${indent}`);
  const each = (line: (i: number, c: number) => string, indent: string) =>
    repeat(quads, (c) => repeat(QUERIES, (i) => line(i, c), " "), `\n${indent}`);
  return {
    name: `attention_direct_${headDim}`,
    get wgsl() {
      return /* wgsl */ `
${attentionWgsl(spec, QUERIES)}
${WORKGROUP_INDEX}
@compute @workgroup_size(${INVOCATIONS})
fn main(@builtin(local_invocation_index) invocation: u32, @builtin(workgroup_id) id: vec3u, @builtin(num_workgroups) count: vec3u) {
  let index = workgroup_index(id, count) * ${INVOCATIONS}u + invocation;
  if (index >= sizes.batch * sizes.tiles * ${heads}u) { return; }
  let tile = find(index);
  if (tile.first >= tile.length_q) { return; }
  ${rows((i) => `let row${i} = min(tile.first + ${i}u, tile.length_q - 1);`, "  ")}
  ${rows((i) => `let visible${i} = visible(tile, row${i});`, "  ")}
  ${each((i, c) => `let q${i}_${c} = q_at(tile.q0 + row${i}, tile.head, ${c}) * sizes.scale;`, "  ")}
  ${each((i, c) => `var acc${i}_${c} = vec4f();`, "  ")}
  // The running softmax (Milakov and Gimelshein, 2018): the largest score so far, and the sum of 2^(score - largest).
  ${rows((i) => `var largest${i} = -3e38; var sum${i} = 0.0;`, "  ")}
  for (var key = 0u; key < visible${QUERIES - 1}; key++) {
    ${rows((i) => `var score${i} = 0.0;`, "    ")}
    ${repeat(quads, (c) => `let k${c} = k_at(tile.k0 + key, tile.head, ${c}); ` + repeat(QUERIES, (i) => `score${i} += dot(q${i}_${c}, k${c});`, " "), "\n    ")}
    ${rows((i) => `if (key >= visible${i}) { score${i} = -3e38; }
    let next${i} = max(largest${i}, score${i});
    let keep${i} = exp2(largest${i} - next${i});
    let p${i} = select(0.0, exp2(score${i} - next${i}), key < visible${i});
    largest${i} = next${i};
    sum${i} = sum${i} * keep${i} + p${i};`, "    ")}
    ${repeat(quads, (c) => `let v${c} = v_at(tile.k0 + key, tile.head, ${c}); ` + repeat(QUERIES, (i) => `acc${i}_${c} = acc${i}_${c} * keep${i} + p${i} * v${c};`, " "), "\n    ")}
  }
  // A row that sees no key is zero, as in PyTorch's varlen_attn.
  ${rows((i) => `if (tile.first + ${i}u < tile.length_q) {
    let inverse = select(1 / sum${i}, 0.0, sum${i} == 0.0);
    ${repeat(quads, (c) => `store(tile.q0 + row${i}, tile.head, ${c}, acc${i}_${c} * inverse);`, "\n    ")}
  }`, "  ")}
}
`;
    },
    uniforms: attentionUniforms(spec, QUERIES),
    workgroups: grid(Math.ceil((batch * heads * Math.ceil(maxQ / QUERIES)) / INVOCATIONS)),
  };
}
