/** Attention over tiles of keys in workgroup memory, each invocation with some rows and columns of scores and of the output. */

import { type AttentionSpec, attentionUniforms, attentionWgsl, checkAttention } from "./attention_parts";
import { grid, type Kernel, repeat, WORKGROUP_INDEX } from "./kernel";

export interface AttentionTile {
  /** Invocations across the keys (and the output's columns), a multiple of 4, and down the query rows. */
  readonly across: number;
  readonly down: number;
  /** Query rows and keys of one invocation. */
  readonly rows: number;
  readonly keys: number;
}

export function attentionTiled(spec: AttentionSpec, { across, down, rows, keys }: AttentionTile): Kernel {
  checkAttention(spec);
  const { batch, maxQ, heads, headDim } = spec;
  const tileQ = rows * down;
  const tileK = keys * across;
  const invocations = across * down;
  const quads = Math.ceil(headDim / 4);
  const columns = Math.ceil(quads / across);
  // A pitch that is odd in vectors of four spreads neighbouring keys over the memory banks.
  const pitch = quads | 1;
  const pitchP = tileK / 4 + 1;
  const eachRow = (line: (i: number) => string, indent: string) => repeat(rows, line, `\n${indent}`);
  const eachScore = (line: (i: number, j: number) => string, indent: string) =>
    repeat(rows, (i) => repeat(keys, (j) => line(i, j), " "), `\n${indent}`);
  const eachColumn = (line: (i: number, j: number) => string, indent: string) =>
    repeat(rows, (i) => repeat(columns, (j) => line(i, j), " "), `\n${indent}`);
  // Loops are counted, so that the compiler sees that no index leaves its array, and leaves out its own check of each.
  const share = (total: number, line: string) => `for (var s = 0u; s < ${Math.ceil(total / invocations)}u; s++) {
      let n = s * ${invocations}u + invocation;
      ${total % invocations === 0 ? line : `if (n < ${total}u) { ${line} }`}
    }`;
  const bringKeys = (read: "k_at" | "v_at") =>
    share(tileK * quads, `let key = min(key0 + n / ${quads}u, tile.length_k - 1);
      kv_tile[n / ${quads}u * ${pitch}u + n % ${quads}u] = ${read}(tile.k0 + key, tile.head, n % ${quads}u);`);
  return {
    name: `attention_${tileQ}x${tileK}_${headDim}`,
    get wgsl() {
      return /* wgsl */ `
${attentionWgsl(spec, tileQ)}
var<workgroup> q_tile: array<vec4f, ${tileQ * quads}>;
var<workgroup> kv_tile: array<vec4f, ${tileK * pitch}>;
// What a row gives to each key, four keys a vector.
var<workgroup> p_tile: array<vec4f, ${tileQ * pitchP}>;
var<workgroup> largest_tile: array<vec4f, ${(tileQ * across) / 4}>;
${WORKGROUP_INDEX}
@compute @workgroup_size(${invocations})
fn main(@builtin(local_invocation_index) invocation: u32, @builtin(workgroup_id) id: vec3u, @builtin(num_workgroups) count: vec3u) {
  let index = workgroup_index(id, count);
  if (index >= sizes.batch * sizes.tiles * ${heads}u) { return; }
  let tile = find(index);
  if (tile.first >= tile.length_q) { return; }
  let tx = invocation % ${across}u;
  let ty = invocation / ${across}u;
  ${eachRow((i) => `let local${i} = ty + ${i * down}u;`, "  ")}
  // Rows past the end repeat the last one, and are not stored.
  ${eachRow((i) => `let row${i} = min(tile.first + local${i}, tile.length_q - 1);`, "  ")}
  ${eachRow((i) => `let visible${i} = visible(tile, row${i});`, "  ")}
  let stop = visible(tile, min(tile.first + ${tileQ - 1}u, tile.length_q - 1));
  ${share(tileQ * quads, `let row = min(tile.first + n / ${quads}u, tile.length_q - 1);
      q_tile[n] = q_at(tile.q0 + row, tile.head, n % ${quads}u) * sizes.scale;`)}
  // The running softmax (Milakov and Gimelshein, 2018): the largest score so far, and the sum of 2^(score - largest).
  ${eachRow((i) => `var largest${i} = -3e38; var sum${i} = 0.0;`, "  ")}
  ${eachColumn((i, j) => `var acc${i}_${j} = vec4f();`, "  ")}

  for (var key0 = 0u; key0 < stop; key0 += ${tileK}u) {
    ${bringKeys("k_at")}
    workgroupBarrier();

    ${eachScore((i, j) => `var score${i}_${j} = 0.0;`, "    ")}
    for (var c = 0u; c < ${quads}u; c++) {
      ${repeat(keys, (j) => `let k${j} = kv_tile[(tx + ${j * across}u) * ${pitch}u + c];`, "\n      ")}
      ${eachRow((i) => `let q${i} = q_tile[local${i} * ${quads}u + c]; ` + repeat(keys, (j) => `score${i}_${j} += dot(q${i}, k${j});`, " "), "      ")}
    }
    ${eachScore((i, j) => `score${i}_${j} = select(-3e38, score${i}_${j}, key0 + tx + ${j * across}u < visible${i});`, "    ")}
    ${eachRow((i) => `largest_tile[local${i} * ${across / 4}u + tx / 4u][tx % 4u] = ${repeat(keys - 1, () => "max(", "")}score${i}_0${repeat(keys - 1, (j) => `, score${i}_${j + 1})`, "")};`, "    ")}
    workgroupBarrier();

    // Every key has been read: the values take their place.
    ${bringKeys("v_at")}
    ${eachRow((i) => `var most${i} = largest_tile[local${i} * ${across / 4}u]; ` +
      repeat(across / 4 - 1, (n) => `most${i} = max(most${i}, largest_tile[local${i} * ${across / 4}u + ${n + 1}u]);`, " ") + `
    let next${i} = max(largest${i}, max(max(most${i}.x, most${i}.y), max(most${i}.z, most${i}.w)));
    let keep${i} = exp2(largest${i} - next${i});
    largest${i} = next${i};
    sum${i} *= keep${i};`, "    ")}
    ${eachColumn((i, j) => `acc${i}_${j} *= keep${i};`, "    ")}
    ${eachScore((i, j) => `p_tile[local${i} * ${pitchP}u + tx / 4u + ${(j * across) / 4}u][tx % 4u] = select(0.0, exp2(score${i}_${j} - next${i}), key0 + tx + ${j * across}u < visible${i});`, "    ")}
    workgroupBarrier();

    for (var n = 0u; n < ${tileK / 4}u; n++) {
      ${eachRow((i) => `let p${i} = p_tile[local${i} * ${pitchP}u + n]; sum${i} += p${i}.x + p${i}.y + p${i}.z + p${i}.w;`, "      ")}
      ${repeat(4, (u) => repeat(columns, (j) => `let v${u}_${j} = kv_tile[(4 * n + ${u}u) * ${pitch}u + ${column(j)}];`, " "), "\n      ")}
      ${eachColumn((i, j) => `acc${i}_${j} += p${i}.x * v0_${j} + p${i}.y * v1_${j} + p${i}.z * v2_${j} + p${i}.w * v3_${j};`, "      ")}
    }
    workgroupBarrier();
  }

  // A row that sees no key is zero, as in PyTorch's varlen_attn.
  ${eachRow((i) => `if (tile.first + local${i} < tile.length_q) {
    let inverse = select(1 / sum${i}, 0.0, sum${i} == 0.0);
    ${repeat(columns, (j) => `if (tx + ${j * across}u < ${quads}u) { store(tile.q0 + row${i}, tile.head, tx + ${j * across}u, acc${i}_${j} * inverse); }`, "\n    ")}
  }`, "  ")}
}
`;
    },
    uniforms: attentionUniforms(spec, tileQ),
    workgroups: grid(batch * heads * Math.ceil(maxQ / tileQ)),
  };
  /** An invocation's j-th vector of the output's columns; past the edge any that is there, which is not stored. */
  function column(j: number): string {
    const last = across * (j + 1) - 1;
    return last < quads ? `tx + ${j * across}u` : `min(tx + ${j * across}u, ${quads - 1}u)`;
  }
}
