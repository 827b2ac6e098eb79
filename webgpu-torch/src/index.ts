/** webgpu-torch: PyTorch's names on WebGPU. */

import "./tensor/methods";
import * as functional from "./nn/functional";
import { varlen_attn } from "./nn/attention";
import { ModuleList, Sequential } from "./nn/modules/containers";
import { Embedding, GELU, LayerNorm, Linear, ReLU, RMSNorm, SiLU } from "./nn/modules/layers";
import { Module } from "./nn/modules/module";
import { MultiheadAttention } from "./nn/modules/multihead";
import { load } from "./tensor/safetensors";

export type { Clock, DeviceInfo, DeviceName } from "./backend/backend";
export type { DType, HostArray } from "./base/dtype";
export { IndexError, KeyError, NotImplementedError, OutOfMemoryError, RuntimeError, ValueError } from "./base/errors";
export type { Shape } from "./base/shape";
export type { Operand } from "./tensor/build";
export { autotune, type AutotuneOptions } from "./tensor/autotune";
export { compile, type Tree } from "./tensor/compile";
export { clone, dequantize } from "./tensor/conversion";
export {
  arange,
  empty,
  empty_like,
  eye,
  frombuffer,
  full,
  full_like,
  linspace,
  ones,
  ones_like,
  quantized_weight,
  tensor,
  type TensorOptions,
  tril,
  triu,
  zeros,
  zeros_like,
} from "./tensor/creation";
export {
  type Autotuned,
  close,
  device_info,
  init,
  type InitOptions,
  memory_allocated,
  memory_reserved,
  set_default_device,
  synchronize,
} from "./tensor/devices";
export type { Nested } from "./tensor/host";
export { profile, type Profile, type ProfileRow } from "./tensor/profile";
export { einsum } from "./tensor/einsum";
export { gather, index_select, take_along_dim } from "./tensor/indexing";
export { argwhere, masked_select, nonzero } from "./tensor/nonzero";
export * from "./tensor/arithmetic";
export * from "./tensor/pointwise";
export * from "./tensor/special";
export { Generator, initial_seed, manual_seed, multinomial, rand, rand_like, randint, randn, randn_like, seed } from "./tensor/random";
export { cumprod, cumsum } from "./tensor/scans";
export { log_softmax, softmax } from "./tensor/softmax";
export { scatter, scatter_add } from "./tensor/scatter";
export { argsort, sort, topk } from "./tensor/sorting";
export { cat, concat, concatenate, stack } from "./tensor/joins";
export { addmm, baddbmm, bmm, dot, matmul, mm, mv, outer } from "./tensor/products";
export { all, any, count_nonzero, logsumexp, mean, nanmean, nansum, prod, sum } from "./tensor/reductions";
export { amax, amin, aminmax, argmax, argmin, max, min } from "./tensor/extremes";
export { std, std_mean, var_mean, variance as var } from "./tensor/variance";
export { norm } from "./tensor/norm";
export {
  broadcast_to,
  chunk,
  flatten,
  flip,
  narrow,
  permute,
  reshape,
  select,
  split,
  squeeze,
  t,
  transpose,
  unbind,
  unflatten,
  unsqueeze,
} from "./tensor/shapes";
export {
  diagonal,
  moveaxis,
  movedim,
  repeat_interleave,
  roll,
  swapaxes,
  swapdims,
  tile,
} from "./tensor/rearrange";
export { type Index, Slice } from "./tensor/slices";
export { Tensor } from "./tensor/tensor";
export { cosine_similarity, group_norm, layer_norm, rms_norm, scaled_dot_product_attention } from "./nn/functional";
export { segment_reduce } from "./nn/segments";

/** torch.nn */
export const nn = {
  functional,
  attention: { varlen: { varlen_attn } },
  Module,
  ModuleList,
  Sequential,
  Linear,
  Embedding,
  LayerNorm,
  RMSNorm,
  MultiheadAttention,
  ReLU,
  GELU,
  SiLU,
} as const;

/** The safetensors format. */
export const safetensors = { load } as const;

export const float32 = "float32";
export const float16 = "float16";
export const int32 = "int32";
export const uint32 = "uint32";
export const int8 = "int8";
export const bool = "bool";
export const qint8 = "qint8";
export const qint4 = "qint4";
