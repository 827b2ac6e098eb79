/** webgpu-torch: PyTorch's names on WebGPU. */

export { IndexError, RuntimeError } from "./base/errors";
export type { DType, HostArray } from "./base/dtype";
export type { Shape } from "./base/shape";
