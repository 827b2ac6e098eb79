/** torch.nn.functional: activations, norms, lookups. */

import { isFloat } from "../base/dtype";
import { NotImplementedError, RuntimeError } from "../base/errors";
import { broadcastShapes, type Shape } from "../base/shape";
import { cast, choose, constant, element, make, promoted } from "../tensor/build";
import { index_select } from "../tensor/indexing";
import { type Args, keywords, named } from "../tensor/keywords";
import { norm } from "../tensor/norm";
import type { Dims } from "../tensor/reduce";
import { sum } from "../tensor/reductions";
import { expand, reshape, unsqueeze } from "../tensor/shapes";
import type { Tensor } from "../tensor/tensor";
import { checkEmbedding, checkInplace, EMBEDDING_OPTIONS, type EmbeddingOptions, type InplaceOptions } from "./options";

export { sigmoid, tanh } from "../tensor/pointwise";
export { linear } from "../tensor/products";
export { pad } from "../tensor/pad";
export { scaled_dot_product_attention } from "./attention";
export { cross_entropy, nll_loss } from "./losses";
export { group_norm, layer_norm, rms_norm } from "./norms";
export { log_softmax, softmax } from "../tensor/softmax";

const activation = (name: "relu" | "silu") =>
  named(name, ["input: Tensor", "..."], (input: Tensor, ...args: Args<InplaceOptions, ["inplace"]>): Tensor => {
    checkInplace(name, args);
    return element(name, input);
  });

export const relu = activation("relu");
export const silu = activation("silu");

export interface SoftplusOptions {
  beta?: number;
  /** Where beta times the input is larger, the result is the input. */
  threshold?: number;
}

/** log(1 + exp(beta * input)) / beta, a smooth relu. */
export const softplus = named(
  "softplus",
  ["input: Tensor", "..."],
  (input: Tensor, ...args: Args<SoftplusOptions, ["beta", "threshold"]>): Tensor => {
    const { beta = 1, threshold = 20 } = keywords<SoftplusOptions>("softplus", ["beta", "threshold"], args);
    if (beta === 1 && threshold === 20) return element("softplus", input);
    if (!isFloat(input.dtype)) throw new NotImplementedError(`softplus: not implemented for '${input.dtype}', only for floats`);
    const scaled = element("mul", cast(input, "float32"), beta);
    const smooth = element("div", element("log1p", element("exp", scaled)), beta);
    return cast(choose(element("gt", scaled, threshold), cast(input, "float32"), smooth), input.dtype);
  },
);

export interface GeluOptions {
  approximate?: "none" | "tanh";
}

/** x times the normal distribution's share below x, exact or by tanh. */
export const gelu = named("gelu", ["input: Tensor", "..."], (input: Tensor, options: GeluOptions = {}): Tensor => {
  const { approximate = "none" } = keywords<GeluOptions>("gelu", [], [options], ["approximate"]);
  if (approximate !== "none" && approximate !== "tanh")
    throw new RuntimeError(`gelu: approximate argument must be either none or tanh, got ${String(approximate)}`);
  return element(approximate === "tanh" ? "gelu_tanh" : "gelu", input);
});

/** Rows of a weight by number. The weight may be quantized; a number out of range gives NaN, or 0 among integers. */
export const embedding = named(
  "embedding",
  ["input: Tensor", "weight: Tensor", "..."],
  (input: Tensor, weight: Tensor, ...args: Args<EmbeddingOptions, typeof EMBEDDING_OPTIONS>): Tensor => {
    checkEmbedding("embedding", keywords<EmbeddingOptions>("embedding", EMBEDDING_OPTIONS, args), weight.shape[0] ?? 0);
    if (input.dtype !== "int32")
      throw new RuntimeError(`embedding: Expected tensor for argument #1 'indices' to have dtype int32, got ${input.dtype}`);
    if (weight.ndim !== 2) throw new RuntimeError(`embedding: 'weight' must be 2-D, got ${String(weight)}`);
    const shape = [...input.shape, weight.shape[1] ?? 0];
    if (!isFloat(weight.dtype)) return reshape(index_select(weight, 0, reshape(input, [-1])), shape);
    const rows = input.numel() === 0 ? constant(0, shape, "float32", input.backend) : lookUp(input, weight, shape);
    return weight.dtype === "float16" ? cast(rows, "float16") : rows;
  },
);

function lookUp(ids: Tensor, weight: Tensor, shape: Shape): Tensor {
  const from = (table: Tensor, start: number) =>
    make({ kind: "embedding" }, [start === 0 ? ids : element("sub", ids, start), table], shape, "float32");
  const [first, ...others] = weight.rows ?? [weight];
  if (!first) return from(weight, 0);
  let start = first.shape[0] ?? 0;
  // A number beyond a part gives NaN there, and is found in a later one or nowhere.
  return others.reduce(
    (found, part) => {
      const inLater = unsqueeze(element("ge", ids, start), -1);
      const later = from(part, start);
      start += part.shape[0] ?? 0;
      return choose(inLater, later, found);
    },
    from(first, 0),
  );
}

export interface NormalizeOptions {
  p?: number;
  dim?: Dims;
  eps?: number;
}

/** Divided by the p-norm along a dimension, or by eps where that is smaller. */
export const normalize = named(
  "normalize",
  ["input: Tensor", "..."],
  (input: Tensor, ...args: Args<NormalizeOptions, ["p", "dim", "eps"]>): Tensor => {
    const { p = 2, dim = 1, eps = 1e-12 } = keywords<NormalizeOptions>("normalize", ["p", "dim", "eps"], args);
    return element("div", input, element("maximum", norm(input, { p, dim, keepdim: true }), eps));
  },
);

export interface CosineOptions {
  dim?: number;
  eps?: number;
}

/** The cosine of the angle between vectors along a dimension. */
export const cosine_similarity = named(
  "cosine_similarity",
  ["x1: Tensor", "x2: Tensor", "..."],
  (x1: Tensor, x2: Tensor, ...args: Args<CosineOptions, ["dim", "eps"]>): Tensor => {
    const { dim = 1, eps = 1e-8 } = keywords<CosineOptions>("cosine_similarity", ["dim", "eps"], args);
    const shape = broadcastShapes("cosine_similarity", x1.shape, x2.shape);
    const dtype = promoted("cosine_similarity", [x1, x2]);
    if (!isFloat(dtype)) throw new RuntimeError(`cosine_similarity: expected common dtype to be floating point, yet common dtype is ${dtype}`);
    const unit = (given: Tensor) => {
      const x = expand(isFloat(given.dtype) ? given : cast(given, dtype), shape);
      return element("div", x, element("maximum", norm(x, { dim, keepdim: true }), eps));
    };
    return sum(element("mul", unit(x1), unit(x2)), { dim });
  },
);
