// @ts-check
/**
 * SplitCompute's own layers, as the page runs them: static/gpt2.js on weight trees, replayed by torch.compile.
 *
 * Options: `dtype` of the matrices ("f32", "f16", "q8", "q4"); `pool`: one row back, the mean over tokens, instead of the whole hidden
 * state; `tune`: false leaves out torch.autotune, which the page runs with a model's first layer.
 */

import * as torch from "../../static/torch.js";
import { finish, runLayers } from "../../static/gpt2.js";
import { affine, layerNorm, sequencesOf } from "../../static/layers.js";
import { toFloat16 } from "../../static/narrow.js";
import { nibbles, quantized, transposed } from "./packing.js";

/**
 * @typedef {import("../../static/torch.js").Tensor} Tensor
 * @typedef {"f32" | "f16" | "q8" | "q4"} Dtype
 * @typedef {{shape: number[], data: Float32Array}} HostTensor
 *
 * @typedef {object} Loading
 * @property {{d: number, heads: number, layers: number, eps: number}} cfg
 * @property {{dtype?: Dtype, pool?: boolean, tune?: boolean}} opts
 */

/** @param {Loading} loading */
export async function load({ cfg, opts: { dtype = "f32", pool = false, tune = true } }) {
  await torch.init();
  const config = /** @type {import("../../static/model_info.js").ModelConfig} */ ({
    n_embd: cfg.d,
    n_head: cfg.heads,
    n_layer: cfg.layers,
    layer_norm_epsilon: cfg.eps,
    activation: "gelu_new",
    causal: true,
  });
  /** @type {Map<string, Tensor>[]} */
  let pieces = [];
  /** @type {Map<string, Tensor>} */
  let last = new Map();
  /** @type {(x: Tensor, lengths: Tensor, bounds: Tensor, longest: number) => Tensor} */
  const step = torch.compile((x, lengths, bounds, longest) => {
    const sequences = { lengths, bounds, longest };
    const y = runLayers(pieces, x, sequences, config);
    return pool ? finish(last, y, sequences, config, "mean") : layerNorm(affine(last, "ln_f"), y, config);
  });

  return {
    version: `webgpu-torch ${dtype}`,

    /** @param {{safetensors: () => Promise<Record<string, HostTensor>>}} source */
    async init({ safetensors }) {
      const weights = await safetensors();
      const piece = (/** @type {string} */ prefix) => toPiece(weights, prefix, dtype);
      pieces = Array.from({ length: cfg.layers }, (_, i) => piece(`transformer.h.${i}.`));
      last = piece("transformer.");
      await torch.synchronize();
      const matrices = [...(pieces[0]?.values() ?? [])].filter(({ ndim }) => ndim === 2);
      if (tune) await torch.autotune(matrices);
    },

    /** @param {Float32Array} x (T, d) @param {number} T */
    async run(x, T) {
      const hidden = torch.frombuffer(x).reshape([T, cfg.d]);
      const { lengths, bounds, longest } = sequencesOf(Int32Array.of(T));
      const y = step(hidden, lengths, bounds, longest);
      try {
        return /** @type {Float32Array} */ (await y.numpy());
      } finally {
        for (const tensor of [hidden, lengths, bounds, y]) tensor.dispose();
      }
    },
  };
}

/**
 * The tensors whose names begin so, as a layer file holds them.
 * @param {Record<string, HostTensor>} weights @param {string} prefix @param {Dtype} dtype
 */
function toPiece(weights, prefix, dtype) {
  const named = Object.entries(weights).filter(([name]) => name.startsWith(prefix) && !(prefix === "transformer." && name.includes(".h.")));
  return new Map(named.map(([name, tensor]) => [name.slice(prefix.length), toTensor(tensor, dtype)]));
}

/** @param {HostTensor} tensor @param {Dtype} dtype */
function toTensor({ shape, data }, dtype) {
  if (shape.length === 1) return torch.frombuffer(data);
  const [rows, columns] = /** @type {[number, number]} */ (shape);
  return toMatrix(transposed(data, rows, columns), columns, rows, dtype);
}

/** @param {Float32Array} values (out, in) @param {number} out @param {number} width @param {Dtype} dtype */
function toMatrix(values, out, width, dtype) {
  switch (dtype) {
    case "f32":
      return torch.frombuffer(values).reshape([out, width]);
    case "f16":
      return torch.frombuffer(toFloat16(values), { dtype: "float16" }).reshape([out, width]);
    case "q8":
    case "q4": {
      const { steps, scales } = quantized(values, dtype);
      const packed = dtype === "q8" ? torch.frombuffer(steps, { dtype: "int8" }) : torch.frombuffer(nibbles(steps), { dtype: "uint32" });
      return torch.quantized_weight(packed.reshape([out, -1]), torch.frombuffer(scales, { dtype: "float16" }).reshape([out, -1]));
    }
    default:
      throw new TypeError(`unknown dtype ${/** @satisfies {never} */ (dtype)}`);
  }
}
