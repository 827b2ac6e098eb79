/** Runs single kernels on a bare WebGPU device, without the library around them: for timing and for testing them alone. */

import type { Kernel } from "../../webgpu-torch/src/kernels/kernel";

export type HostArray = Float32Array | Uint32Array | Int32Array | Uint16Array | Int8Array;

export class Gpu {
  private readonly pipelines = new Map<string, GPUComputePipeline>();

  private constructor(
    readonly device: GPUDevice,
    readonly info: GPUAdapterInfo,
  ) {}

  /** A device with what every device has, so that a kernel that needs more fails; with room for the data, and a clock if asked. */
  static async open({ clock = false } = {}): Promise<Gpu> {
    const adapter = await navigator.gpu?.requestAdapter({ powerPreference: "high-performance" });
    if (!adapter) throw new Error("no WebGPU adapter");
    const { maxBufferSize, maxStorageBufferBindingSize } = adapter.limits;
    const device = await adapter.requestDevice({
      requiredFeatures: clock && adapter.features.has("timestamp-query") ? ["timestamp-query"] : [],
      requiredLimits: { maxBufferSize, maxStorageBufferBindingSize },
    });
    return new Gpu(device, adapter.info);
  }

  /** A storage buffer holding `data`, its size rounded up to 16 bytes. The caller destroys it. */
  upload(data: HostArray, usage = GPUBufferUsage.STORAGE): GPUBuffer {
    const size = Math.ceil(data.byteLength / 16) * 16;
    const buffer = this.device.createBuffer({ size, usage: usage | GPUBufferUsage.COPY_DST | GPUBufferUsage.COPY_SRC, mappedAtCreation: true });
    new Uint8Array(buffer.getMappedRange()).set(new Uint8Array(data.buffer, data.byteOffset, data.byteLength));
    buffer.unmap();
    return buffer;
  }

  /** The pipeline of a kernel; throws the compiler's message with the numbered WGSL where it does not compile. */
  async pipeline(kernel: Kernel): Promise<GPUComputePipeline> {
    const known = this.pipelines.get(kernel.wgsl);
    if (known) return known;
    const module = this.device.createShaderModule({ code: kernel.wgsl, label: kernel.name });
    const errors = (await module.getCompilationInfo()).messages.filter((m) => m.type === "error");
    if (errors.length > 0) {
      const listing = kernel.wgsl.split("\n").map((line, i) => `${i + 1}: ${line}`);
      throw new Error(`${kernel.name}: ${errors.map((m) => `line ${m.lineNum}: ${m.message}`).join("; ")}\n${listing.join("\n")}`);
    }
    const pipeline = await this.device.createComputePipelineAsync({ layout: "auto", compute: { module, entryPoint: "main" } });
    this.pipelines.set(kernel.wgsl, pipeline);
    return pipeline;
  }

  /** Binds inputs, output and uniform in the order every kernel declares them. */
  async prepare(kernel: Kernel, inputs: readonly GPUBuffer[], output: GPUBuffer): Promise<Prepared> {
    const pipeline = await this.pipeline(kernel);
    const uniform = this.upload(kernel.uniforms, GPUBufferUsage.UNIFORM);
    const entries = [...inputs, output, uniform].map((buffer, binding) => ({ binding, resource: { buffer } }));
    const group = this.device.createBindGroup({ layout: pipeline.getBindGroupLayout(0), entries });
    return { pipeline, group, workgroups: kernel.workgroups, uniform };
  }

  /** Runs a kernel once and reads its whole output. */
  async run(kernel: Kernel, inputs: readonly HostArray[], outputLength: number): Promise<Float32Array> {
    const buffers = inputs.map((data) => this.upload(data));
    // NaN everywhere, so that an element that no invocation writes shows.
    const output = this.upload(new Float32Array(outputLength).fill(NaN));
    this.device.pushErrorScope("validation");
    const prepared = await this.prepare(kernel, buffers, output);
    const encoder = this.device.createCommandEncoder();
    encodePass(encoder, [prepared]);
    const staging = this.device.createBuffer({ size: output.size, usage: GPUBufferUsage.COPY_DST | GPUBufferUsage.MAP_READ });
    encoder.copyBufferToBuffer(output, 0, staging, 0, output.size);
    this.device.queue.submit([encoder.finish()]);
    const error = await this.device.popErrorScope();
    if (error) throw new Error(`${kernel.name}: ${error.message}`);
    await staging.mapAsync(GPUMapMode.READ);
    const result = new Float32Array(staging.getMappedRange().slice(0)).slice(0, outputLength);
    for (const buffer of [...buffers, output, staging, prepared.uniform]) buffer.destroy();
    return result;
  }
}

export interface Prepared {
  readonly pipeline: GPUComputePipeline;
  readonly group: GPUBindGroup;
  readonly workgroups: readonly [number, number, number];
  readonly uniform: GPUBuffer;
}

export function encodePass(encoder: GPUCommandEncoder, dispatches: readonly Prepared[], timestampWrites?: GPUComputePassTimestampWrites): void {
  const pass = encoder.beginComputePass({ timestampWrites });
  for (const { pipeline, group, workgroups } of dispatches) {
    pass.setPipeline(pipeline);
    pass.setBindGroup(0, group);
    pass.dispatchWorkgroups(...workgroups);
  }
  pass.end();
}
