/** Norms: over the last dimensions, and over groups of channels. */

import { isFloat } from "../base/dtype";
import { NotImplementedError, RuntimeError, showShape } from "../base/errors";
import { checkIntegers, sameShape, type Shape } from "../base/shape";
import { cast, element, make } from "../tensor/build";
import { type Args, keywords, named } from "../tensor/keywords";
import { reshape } from "../tensor/shapes";
import type { Tensor } from "../tensor/tensor";

/** The rows that a norm takes, and its width. */
function checkNorm(op: string, input: Tensor, normalized_shape: Shape, parameters: readonly (Tensor | null)[]): number {
  checkIntegers(op, normalized_shape);
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
  if (!isFloat(input.dtype)) throw new NotImplementedError(`${op}_norm: expected a floating point tensor, got ${input.dtype}`);
  if (input.numel() === 0) return input;
  const inputs = [input, weight, bias].flatMap((tensor) => (tensor ? [cast(tensor, "float32")] : []));
  const out = make({ kind: "norm", norm: op, width, eps, weight: weight !== null, bias: bias !== null }, inputs, input.shape, "float32");
  return cast(out, input.dtype);
}

export interface LayerNormOptions {
  weight?: Tensor | null;
  bias?: Tensor | null;
  eps?: number;
}

/** Rows with mean 0 and variance 1, then scaled and shifted. */
export const layer_norm = named(
  "layer_norm",
  ["input: Tensor", "normalized_shape", "..."],
  (input: Tensor, normalized_shape: Shape, ...args: Args<LayerNormOptions, ["weight", "bias", "eps"]>): Tensor => {
    const { weight = null, bias = null, eps = 1e-5 } = keywords<LayerNormOptions>("layer_norm", ["weight", "bias", "eps"], args);
    return normed("layer", input, normalized_shape, weight, bias, eps);
  },
);

export interface RmsNormOptions {
  weight?: Tensor | null;
  eps?: number | null;
}

/** The smallest step at 1 in float32, as PyTorch takes where no eps is given. */
const FLOAT32_EPS = 2 ** -23;

/** Rows with mean square 1, then scaled. */
export const rms_norm = named(
  "rms_norm",
  ["input: Tensor", "normalized_shape", "..."],
  (input: Tensor, normalized_shape: Shape, ...args: Args<RmsNormOptions, ["weight", "eps"]>): Tensor => {
    const { weight = null, eps = null } = keywords<RmsNormOptions>("rms_norm", ["weight", "eps"], args);
    return normed("rms", input, normalized_shape, weight, null, eps ?? FLOAT32_EPS);
  },
);

export interface GroupNormOptions {
  weight?: Tensor | null;
  bias?: Tensor | null;
  eps?: number;
}

/** Groups of channels of (N, C, …) with mean 0 and variance 1, then each channel scaled and shifted. */
export const group_norm = named(
  "group_norm",
  ["input: Tensor", "num_groups: int", "..."],
  (input: Tensor, num_groups: number, ...args: Args<GroupNormOptions, ["weight", "bias", "eps"]>): Tensor => {
    const { weight = null, bias = null, eps = 1e-5 } = keywords<GroupNormOptions>("group_norm", ["weight", "bias", "eps"], args);
    const [batch = 0, channels = 0] = input.shape;
    if (input.ndim < 2) throw new RuntimeError(`group_norm: Expected at least 2 dimensions for input tensor but received ${input.ndim}`);
    if (!Number.isInteger(num_groups) || num_groups < 1 || channels % num_groups !== 0)
      throw new RuntimeError(
        `group_norm: Expected number of channels in input to be divisible by num_groups, but got input of shape ${showShape(input.shape)} and num_groups=${num_groups}`,
      );
    if (!isFloat(input.dtype)) throw new NotImplementedError(`group_norm: expected a floating point tensor, got ${input.dtype}`);
    for (const parameter of [weight, bias]) {
      if (parameter && (parameter.ndim !== 1 || parameter.shape[0] !== channels))
        throw new RuntimeError(`group_norm: Expected weight and bias of shape [${channels}], but got ${showShape(parameter.shape)}`);
    }
    if (input.numel() === 0) return input;
    const groups = reshape(cast(input, "float32"), [batch * num_groups, -1]);
    const normed = reshape(layer_norm(groups, groups.shape.slice(1), null, null, eps), input.shape);
    const perChannel = (parameter: Tensor) => reshape(parameter, [channels, ...input.shape.slice(2).map(() => 1)]);
    const scaled = weight ? element("mul", normed, perChannel(weight)) : normed;
    return cast(bias ? element("add", scaled, perChannel(bias)) : scaled, input.dtype);
  },
);
