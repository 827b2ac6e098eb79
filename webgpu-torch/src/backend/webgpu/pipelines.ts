/** Compute pipelines, compiled once for each shader text. */

import { RuntimeError } from "../../base/errors";
import type { Kernel } from "../../kernels/kernel";

/** A pipeline, or the promise of one. */
export interface Pipeline {
  readonly layout: GPUBindGroupLayout;
  value: GPUComputePipeline | null;
  readonly ready: Promise<void>;
}

export class PipelineCache {
  /** What has been compiled for all lengths: keys of `lengthlessKey`. */
  readonly ahead = new Set<string>();
  private readonly pipelines = new Map<string, Pipeline>();
  /** By the keys that stand for texts. */
  private readonly keyed = new Map<string, Pipeline>();
  private readonly layouts = new Map<number, GPUBindGroupLayout>();

  constructor(private readonly device: GPUDevice) {}

  /** The kernel's pipeline; compiling starts at once and beside others. A key, where there is one, spares the text. */
  get(kernel: Kernel, inputs: number, key: string | null): Pipeline {
    if (key === null) return this.ofText(kernel, inputs);
    let pipeline = this.keyed.get(key);
    if (!pipeline) {
      this.keyed.set(key, (pipeline = this.ofText(kernel, inputs)));
      pipeline.ready.catch(() => this.keyed.delete(key));
    }
    return pipeline;
  }

  private ofText(kernel: Kernel, inputs: number): Pipeline {
    const known = this.pipelines.get(kernel.wgsl);
    if (known) return known;
    const layout = this.layout(inputs);
    const pipeline: Pipeline = { layout, value: null, ready: this.compile(kernel, layout).then((value) => void (pipeline.value = value)) };
    // Whoever runs the pipeline awaits it; until then a failure must not count as unhandled.
    pipeline.ready.catch(() => this.pipelines.delete(kernel.wgsl));
    this.pipelines.set(kernel.wgsl, pipeline);
    return pipeline;
  }

  private async compile({ name, wgsl }: Kernel, layout: GPUBindGroupLayout): Promise<GPUComputePipeline> {
    // A shader's errors are told below, by the pipeline that is made of it.
    this.device.pushErrorScope("validation");
    const module = this.device.createShaderModule({ label: name, code: wgsl });
    void this.device.popErrorScope();
    try {
      return await this.device.createComputePipelineAsync({
        label: name,
        layout: this.device.createPipelineLayout({ bindGroupLayouts: [layout] }),
        compute: { module, entryPoint: "main" },
      });
    } catch (error) {
      const { messages } = await module.getCompilationInfo();
      const reasons = messages.map((m) => `${m.lineNum}:${m.linePos} ${m.message}`).join("; ");
      throw new RuntimeError(`kernel ${name} did not compile: ${reasons || String(error)}`);
    }
  }

  /** Inputs, the output, and the uniform at an offset of the run's uniform buffer. */
  private layout(inputs: number): GPUBindGroupLayout {
    const known = this.layouts.get(inputs);
    if (known) return known;
    const buffer = (binding: number, layout: GPUBufferBindingLayout): GPUBindGroupLayoutEntry => ({
      binding,
      visibility: GPUShaderStage.COMPUTE,
      buffer: layout,
    });
    const entries = Array.from({ length: inputs }, (_, i) => buffer(i, { type: "read-only-storage" }));
    entries.push(buffer(inputs, { type: "storage" }), buffer(inputs + 1, { type: "uniform", hasDynamicOffset: true }));
    const layout = this.device.createBindGroupLayout({ label: `${inputs} inputs`, entries });
    this.layouts.set(inputs, layout);
    return layout;
  }
}
