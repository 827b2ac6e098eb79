// @ts-check
/** Who is compared, and with which options. */

const pieces = /** @type {const} */ (["f32", "f16", "q8", "q4"]);
const kinds = /** @type {const} */ (["fp32", "fp16", "q8", "q4"]);
const styles = /** @type {const} */ (["plain", "fused"]);

/**
 * @typedef {object} Peer
 * @property {string} adapter
 * @property {Record<string, unknown>} opts
 * @property {number} tolerance of the relative error; random weights lose more than trained ones when they are packed
 * @property {boolean} [ours]
 */

const tolerances = { f32: 1e-4, fp32: 1e-4, f16: 0.02, fp16: 0.02, q8: 0.05, q4: 0.5 };

/** @type {[string, Peer][]} */
const ours = pieces.map((dtype) => [`ours ${dtype}`, { adapter: "./adapter.mjs", opts: { dtype }, tolerance: tolerances[dtype], ours: true }]);

/** @type {[string, Peer][]} */
const onnxruntime = kinds.flatMap((kind) =>
  styles.map((style) => {
    const opts = { graph: `${kind}-${style}.onnx`, weights: `${kind === "fp32" ? "model" : kind}.safetensors` };
    return [`onnxruntime ${kind} ${style}`, { adapter: "./adapters/ort.js", opts, tolerance: tolerances[kind] }];
  }),
);

/** @type {Map<string, Peer>} */
export const peers = new Map([
  ...ours,
  ["ours f32, not tuned", { adapter: "./adapter.mjs", opts: { dtype: "f32", tune: false }, tolerance: tolerances.f32, ours: true }],
  ...onnxruntime,
  ["jax-js fp32", { adapter: "./adapters/jax.js", opts: {}, tolerance: tolerances.fp32 }],
  ["tfjs fp32", { adapter: "./adapters/tfjs.js", opts: {}, tolerance: tolerances.fp32 }],
]);

/** Those whose names hold one of the comma-separated parts, or all. @param {string | null} parts @returns {string[]} */
export function chosen(parts) {
  const names = [...peers.keys()];
  return parts ? names.filter((name) => parts.split(",").some((part) => name.includes(part))) : names;
}
