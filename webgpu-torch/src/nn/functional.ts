/** torch.nn.functional: activations, norms, lookups. */

import { isFloat } from "../base/dtype";
import { RuntimeError, showShape } from "../base/errors";
import { sameShape, type Shape } from "../base/shape";
import { cast, constant, element, make } from "../tensor/build";
import { type Args, keywords } from "../tensor/keywords";
import { type Dims, norm, sum } from "../tensor/reductions";
import type { Tensor } from "../tensor/tensor";

export { relu, sigmoid, tanh } from "../tensor/pointwise";
export { linear } from "../tensor/products";
export { pad } from "../tensor/joins";
export { scaled_dot_product_attention } from "./attention";
export { log_softmax, softmax } from "./softmax";

export const silu = (input: Tensor): Tensor => element("silu", input);
export const softplus = (input: Tensor): Tensor => element("softplus", input);

interface GeluOptions {
  approximate?: "none" | "tanh";
}

/** x times the normal distribution's share below x, exact or by tanh. */
export function gelu(input: Tensor, options: GeluOptions = {}): Tensor {
  const { approximate = "none" } = keywords<GeluOptions>("gelu", [], [options], ["approximate"]);
  if (approximate !== "none" && approximate !== "tanh")
    throw new RuntimeError(`gelu: approximate argument must be either none or tanh, got ${String(approximate)}`);
  return element(approximate === "tanh" ? "gelu_tanh" : "gelu", input);
}

/** The rows that a norm takes, and its width. */
function checkNorm(op: string, input: Tensor, normalized_shape: Shape, parameters: readonly (Tensor | null)[]): number {
  const tail = input.shape.slice(input.ndim - normalized_shape.length);
  if (normalized_shape.length === 0 || !sameShape(tail, normalized_shape)) {
    throw new RuntimeError(
      `${op}: Given normalized_shape=${showShape(normalized_shape)}, expected input with shape [*, ${normalized_shape.join(", ")}], but got input of size ${showShape(input.shape)}`,
    );
  }
  for (const parameter of parameters) {
    if (parameter && !sameShape(parameter.shape, normalized_shape)) {
      throw new RuntimeError(`${op}: Expected weight and bias of shape ${showShape(normalized_shape)}, got ${showShape(parameter.shape)}`);
    }
  }
  return normalized_shape.reduce((n, size) => n * size, 1);
}

function normed(
  op: "layer" | "rms",
  input: Tensor,
  normalized_shape: Shape,
  weight: Tensor | null,
  bias: Tensor | null,
  eps: number,
): Tensor {
  const width = checkNorm(`${op}_norm`, input, normalized_shape, [weight, bias]);
  if (!isFloat(input.dtype)) throw new RuntimeError(`${op}_norm: expected a floating point tensor, got ${input.dtype}`);
  if (input.numel() === 0) return input;
  const inputs = [input, weight, bias].flatMap((tensor) => (tensor ? [cast(tensor, "float32")] : []));
  const out = make({ kind: "norm", norm: op, width, eps, weight: weight !== null, bias: bias !== null }, inputs, input.shape, "float32");
  return cast(out, input.dtype);
}

interface LayerNormOptions {
  weight?: Tensor | null;
  bias?: Tensor | null;
  eps?: number;
}

/** Rows with mean 0 and variance 1, then scaled and shifted. */
export function layer_norm(input: Tensor, normalized_shape: Shape, ...args: Args<LayerNormOptions, ["weight", "bias", "eps"]>): Tensor {
  const { weight = null, bias = null, eps = 1e-5 } = keywords<LayerNormOptions>("layer_norm", ["weight", "bias", "eps"], args);
  return normed("layer", input, normalized_shape, weight, bias, eps);
}

interface RmsNormOptions {
  weight?: Tensor | null;
  eps?: number | null;
}

/** The smallest step at 1 in float32, as PyTorch takes where no eps is given. */
const FLOAT32_EPS = 2 ** -23;

/** Rows with mean square 1, then scaled. */
export function rms_norm(input: Tensor, normalized_shape: Shape, ...args: Args<RmsNormOptions, ["weight", "eps"]>): Tensor {
  const { weight = null, eps = null } = keywords<RmsNormOptions>("rms_norm", ["weight", "eps"], args);
  return normed("rms", input, normalized_shape, weight, null, eps ?? FLOAT32_EPS);
}

/** Rows of a weight by number. The weight may be float32, float16 or qint8; a number out of range gives NaN. */
export function embedding(input: Tensor, weight: Tensor): Tensor {
  if (input.dtype !== "int32")
    throw new RuntimeError(`embedding: Expected tensor for argument #1 'indices' to have dtype int32, got ${input.dtype}`);
  if (weight.ndim !== 2 || !isFloat(weight.dtype))
    throw new RuntimeError(`embedding: 'weight' must be a 2-D floating point tensor, got ${String(weight)}`);
  const shape = [...input.shape, weight.shape[1] ?? 0];
  const rows =
    input.numel() === 0 ? constant(0, shape, "float32", input.backend) : make({ kind: "embedding" }, [input, weight], shape, "float32");
  return weight.dtype === "float16" ? cast(rows, "float16") : rows;
}

interface NormalizeOptions {
  p?: number;
  dim?: Dims;
  eps?: number;
}

/** Divided by the p-norm along a dimension, or by eps where that is smaller. */
export function normalize(input: Tensor, ...args: Args<NormalizeOptions, ["p", "dim", "eps"]>): Tensor {
  const { p = 2, dim = 1, eps = 1e-12 } = keywords<NormalizeOptions>("normalize", ["p", "dim", "eps"], args);
  return element("div", input, element("maximum", norm(input, { p, dim, keepdim: true }), eps));
}

interface CosineOptions {
  dim?: number;
  eps?: number;
}

/** The cosine of the angle between vectors along a dimension. */
export function cosine_similarity(x1: Tensor, x2: Tensor, ...args: Args<CosineOptions, ["dim", "eps"]>): Tensor {
  const { dim = 1, eps = 1e-8 } = keywords<CosineOptions>("cosine_similarity", ["dim", "eps"], args);
  const unit = (x: Tensor) => element("div", x, element("maximum", norm(x, { dim, keepdim: true }), eps));
  return sum(element("mul", unit(x1), unit(x2)), { dim });
}
