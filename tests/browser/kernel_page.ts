/** Runs single kernels, as a software adapter or as a GPU: `runKernels([{kernel, spec, caps, inputs, length}])` on the page. */

import { Gpu, type HostArray } from "../../benchmarks/kernels/gpu";
import { attention } from "../../webgpu-torch/src/kernels/attention";
import { batchMatmul } from "../../webgpu-torch/src/kernels/batch_matmul";
import type { Caps } from "../../webgpu-torch/src/kernels/caps";
import { embedding } from "../../webgpu-torch/src/kernels/embedding";
import type { Kernel } from "../../webgpu-torch/src/kernels/kernel";
import { norm } from "../../webgpu-torch/src/kernels/layer_norm";
import { matmul } from "../../webgpu-torch/src/kernels/matmul";
import { matmulDots } from "../../webgpu-torch/src/kernels/matmul_dots";
import { roundRows } from "../../webgpu-torch/src/kernels/round_rows";
import { segmentReduce } from "../../webgpu-torch/src/kernels/segment_reduce";
import { softmax } from "../../webgpu-torch/src/kernels/softmax";

type Make = (spec: unknown, caps: Caps) => Kernel;
const kernels = { attention, batchMatmul, embedding, matmul, matmulDots, norm, roundRows, segmentReduce, softmax } as unknown as Record<string, Make>;

interface Run {
  readonly kernel: string;
  readonly spec: unknown;
  readonly caps: Caps;
  /** Base64 of each array's bytes; a kernel's inputs are untyped bytes to the GPU. */
  readonly inputs: readonly string[];
  readonly length: number;
}

const opened = Gpu.open();

/** Each run's output as base64 of its f32 values. */
async function runKernels(runs: readonly Run[]): Promise<string[]> {
  const gpu = await opened;
  const outputs: string[] = [];
  for (const { kernel, spec, caps, inputs, length } of runs) {
    const make = kernels[kernel];
    if (!make) throw new Error(`no kernel ${kernel}`);
    outputs.push(encode(await gpu.run(make(spec, caps), inputs.map(decode), length)));
  }
  return outputs;
}

function decode(base64: string): HostArray {
  return new Uint32Array(Uint8Array.from(atob(base64), (c) => c.charCodeAt(0)).buffer);
}

function encode(values: Float32Array): string {
  const bytes = new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
  let text = "";
  for (let i = 0; i < bytes.length; i += 4096) text += String.fromCharCode(...bytes.subarray(i, i + 4096));
  return btoa(text);
}

Object.assign(globalThis, { runKernels });
