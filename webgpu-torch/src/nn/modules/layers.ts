/** Modules of one function each: linear layers, lookups, norms, activations. */

import type { DeviceName } from "../../backend/backend";
import type { DType } from "../../base/dtype";
import { type Shape, wrapDim } from "../../base/shape";
import { cast, element, range } from "../../tensor/build";
import { ones, zeros } from "../../tensor/creation";
import { type Args, type Arguments, arranged, keywords } from "../../tensor/keywords";
import { rand, randn } from "../../tensor/random";
import { unsqueeze } from "../../tensor/shapes";
import type { Tensor } from "../../tensor/tensor";
import * as F from "../functional";
import { checkEmbedding, checkInplace, EMBEDDING_OPTIONS, type EmbeddingOptions as EmbeddingKeywords, type InplaceOptions } from "../options";
import { Module } from "./module";

export interface FactoryOptions {
  device?: DeviceName;
  dtype?: DType;
}

const factory = ({ device, dtype }: FactoryOptions): FactoryOptions => ({ ...(device && { device }), ...(dtype && { dtype }) });

const INPUT = ["input: Tensor"] as const;

/** What the forward of a module takes that has one tensor to compute with: that, by position or by name. */
export type InputArgs = Arguments<[input: Tensor], typeof INPUT>;

/** @internal The tensor. */
export const inputOf = (module: string, args: InputArgs): Tensor => arranged<[input: Tensor], typeof INPUT>(module, INPUT, args)[0];

/** Numbers between -bound and bound. */
export const uniform = (shape: Shape, bound: number, options: FactoryOptions): Tensor =>
  element("mul", element("sub", rand([...shape], options), 0.5), 2 * bound);

export interface LinearOptions extends FactoryOptions {
  bias?: boolean;
}

type LinearArgs = [in_features: number, out_features: number, ...Args<LinearOptions, ["bias", "device", "dtype"]>];
const LINEAR = ["in_features: int", "out_features: int", "..."] as const;

/** x wᵀ + b. */
export class Linear extends Module {
  weight: Tensor;
  bias: Tensor | null;

  constructor(...args: Arguments<LinearArgs, typeof LINEAR>) {
    super();
    const [in_features, out_features, ...others] = arranged<LinearArgs, typeof LINEAR>("Linear", LINEAR, args);
    const { bias = true, ...options } = keywords<LinearOptions>("Linear", ["bias", "device", "dtype"], others);
    const bound = in_features > 0 ? 1 / Math.sqrt(in_features) : 0;
    this.weight = uniform([out_features, in_features], bound, factory(options));
    this.bias = bias ? uniform([out_features], bound, factory(options)) : null;
  }

  override forward(...args: InputArgs): Tensor {
    return F.linear(inputOf("Linear", args), this.weight, this.bias);
  }
}

export interface EmbeddingOptions extends FactoryOptions, EmbeddingKeywords {}

type EmbeddingArgs = [num_embeddings: number, embedding_dim: number, ...Args<EmbeddingOptions, typeof EMBEDDING_OPTIONS>];
const EMBEDDING = ["num_embeddings: int", "embedding_dim: int", "..."] as const;

/** Rows by number. The row `padding_idx` is zeros to begin with; it matters to training only. */
export class Embedding extends Module {
  weight: Tensor;

  constructor(...args: Arguments<EmbeddingArgs, typeof EMBEDDING>) {
    super();
    const [num_embeddings, embedding_dim, ...others] = arranged<EmbeddingArgs, typeof EMBEDDING>("Embedding", EMBEDDING, args);
    const options = keywords<EmbeddingOptions>("Embedding", EMBEDDING_OPTIONS, others, ["device", "dtype"]);
    const { padding_idx = null } = options;
    checkEmbedding("Embedding", options, num_embeddings);
    const rows = randn(num_embeddings, embedding_dim, factory(options));
    this.weight = padding_idx === null ? rows : withoutRow(rows, wrapDim("Embedding", padding_idx, num_embeddings));
  }

  override forward(...args: InputArgs): Tensor {
    return F.embedding(inputOf("Embedding", args), this.weight);
  }
}

const withoutRow = (rows: Tensor, row: number): Tensor => {
  const numbers = unsqueeze(range(rows.shape[0] ?? 0, rows.backend), 1);
  return element("mul", rows, cast(element("ne", numbers, row), rows.dtype));
};

const NORM = ["normalized_shape", "..."] as const;
const shapeOf = (normalized_shape: number | Shape): Shape => (typeof normalized_shape === "number" ? [normalized_shape] : [...normalized_shape]);

export interface LayerNormOptions extends FactoryOptions {
  eps?: number;
  elementwise_affine?: boolean;
  bias?: boolean;
}

type LayerNormArgs = [normalized_shape: number | Shape, ...Args<LayerNormOptions, ["eps", "elementwise_affine", "bias"]>];

/** Rows with mean 0 and variance 1, then scaled and shifted. */
export class LayerNorm extends Module {
  weight: Tensor | null;
  bias: Tensor | null;
  readonly #shape: Shape;
  readonly #eps: number;

  constructor(...args: Arguments<LayerNormArgs, typeof NORM>) {
    super();
    const [normalized_shape, ...others] = arranged<LayerNormArgs, typeof NORM>("LayerNorm", NORM, args);
    const names = ["eps", "elementwise_affine", "bias"] as const;
    const {
      eps = 1e-5,
      elementwise_affine = true,
      bias = true,
      ...options
    } = keywords<LayerNormOptions>("LayerNorm", names, others, ["device", "dtype"]);
    this.#shape = shapeOf(normalized_shape);
    this.#eps = eps;
    this.weight = elementwise_affine ? ones(this.#shape, factory(options)) : null;
    this.bias = elementwise_affine && bias ? zeros(this.#shape, factory(options)) : null;
  }

  override forward(...args: InputArgs): Tensor {
    return F.layer_norm(inputOf("LayerNorm", args), this.#shape, this.weight, this.bias, this.#eps);
  }
}

export interface RMSNormOptions extends FactoryOptions {
  eps?: number | null;
  elementwise_affine?: boolean;
}

type RMSNormArgs = [normalized_shape: number | Shape, ...Args<RMSNormOptions, ["eps", "elementwise_affine"]>];

/** Rows with mean square 1, then scaled. */
export class RMSNorm extends Module {
  weight: Tensor | null;
  readonly #shape: Shape;
  readonly #eps: number | null;

  constructor(...args: Arguments<RMSNormArgs, typeof NORM>) {
    super();
    const [normalized_shape, ...others] = arranged<RMSNormArgs, typeof NORM>("RMSNorm", NORM, args);
    const names = ["eps", "elementwise_affine"] as const;
    const { eps = null, elementwise_affine = true, ...options } = keywords<RMSNormOptions>("RMSNorm", names, others, ["device", "dtype"]);
    this.#shape = shapeOf(normalized_shape);
    this.#eps = eps;
    this.weight = elementwise_affine ? ones(this.#shape, factory(options)) : null;
  }

  override forward(...args: Arguments<[x: Tensor], ["x: Tensor"]>): Tensor {
    const [x] = arranged<[x: Tensor], ["x: Tensor"]>("RMSNorm", ["x: Tensor"], args);
    return F.rms_norm(x, this.#shape, this.weight, this.#eps);
  }
}

export class ReLU extends Module {
  constructor(...args: Args<InplaceOptions, ["inplace"]>) {
    super();
    checkInplace("ReLU", args);
  }

  override forward(...args: InputArgs): Tensor {
    return F.relu(inputOf("ReLU", args));
  }
}

export class SiLU extends Module {
  constructor(...args: Args<InplaceOptions, ["inplace"]>) {
    super();
    checkInplace("SiLU", args);
  }

  override forward(...args: InputArgs): Tensor {
    return F.silu(inputOf("SiLU", args));
  }
}

export class GELU extends Module {
  readonly #options: F.GeluOptions;

  constructor(...args: Args<F.GeluOptions, ["approximate"]>) {
    super();
    this.#options = keywords<F.GeluOptions>("GELU", ["approximate"], args);
  }

  override forward(...args: InputArgs): Tensor {
    return F.gelu(inputOf("GELU", args), this.#options);
  }
}
