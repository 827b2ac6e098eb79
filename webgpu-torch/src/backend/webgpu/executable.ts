/** A plan on the GPU: its pipelines, its uniforms and the bind groups of its last run. */

import { RuntimeError } from "../../base/errors";
import type { Caps } from "../../kernels/caps";
import type { Kernel } from "../../kernels/kernel";
import { kernelFor } from "../../kernels/task";
import type { Executable, Plan, Read } from "../backend";
import type { Storage } from "../storage";
import type { Pipeline, PipelineCache } from "./pipelines";
import type { Uniforms, Workspace } from "./shared_buffers";

/** What an executable needs of the gpu. */
export interface Gpu {
  readonly device: GPUDevice;
  readonly caps: Caps;
  readonly pipelines: PipelineCache;
  readonly workspace: Workspace;
  readonly uniforms: Uniforms;
  bufferOf(storage: Storage): GPUBuffer;
  submit(reads: readonly Read[], encode: (encoder: GPUCommandEncoder) => void): Promise<ArrayBuffer[]>;
}

/** What a step needs at every run, and what it keeps from the last. */
interface Dispatch {
  readonly pipeline: Pipeline;
  readonly workgroups: Kernel["workgroups"];
  /** Slots of the inputs and of the output. */
  readonly slots: readonly number[];
  readonly uniformOffset: readonly [number];
  readonly uniformBytes: number;
  group: GPUBindGroup | null;
}

export class GpuExecutable implements Executable {
  ready: Promise<void> | null;
  /** Uniforms of all steps, each at a multiple of the offset that the device allows. */
  readonly uniforms: Uint32Array<ArrayBuffer>;
  private readonly dispatches: readonly Dispatch[];
  /** Buffers of the last run, by slot, and its uniform buffer: bind groups hold while they do. */
  private bound: GPUBuffer[] = [];

  constructor(
    private readonly gpu: Gpu,
    private readonly plan: Plan,
  ) {
    const kernels = plan.steps.map((step) => kernelFor(step.task, gpu.caps));
    const alignment = gpu.device.limits.minUniformBufferOffsetAlignment;
    let end = 0;
    this.dispatches = kernels.map((kernel, i) => {
      const { inputs, output } = plan.steps[i] as Plan["steps"][number];
      const uniformOffset = end;
      end += Math.ceil(kernel.uniforms.byteLength / alignment) * alignment;
      return {
        pipeline: gpu.pipelines.get(kernel, inputs.length),
        workgroups: kernel.workgroups,
        slots: [...inputs, output],
        uniformOffset: [uniformOffset],
        uniformBytes: kernel.uniforms.byteLength,
        group: null,
      };
    });
    this.uniforms = new Uint32Array(end / 4);
    kernels.forEach((kernel, i) => this.uniforms.set(kernel.uniforms, (this.dispatches[i]?.uniformOffset[0] ?? 0) / 4));
    const waiting = this.dispatches.filter(({ pipeline }) => !pipeline.value).map(({ pipeline }) => pipeline.ready);
    this.ready = waiting.length === 0 ? null : Promise.all(waiting).then(() => void (this.ready = null));
    this.ready?.catch(() => undefined);
  }

  async run(leaves: readonly Storage[], outputs: readonly Storage[], reads: readonly Read[]): Promise<ArrayBuffer[]> {
    return this.gpu.submit(reads, (encoder) => this.encode(encoder, leaves, outputs));
  }

  private encode(encoder: GPUCommandEncoder, leaves: readonly Storage[], outputs: readonly Storage[]): void {
    const { gpu, plan } = this;
    const buffers = [...leaves, ...outputs].map((storage) => gpu.bufferOf(storage));
    plan.workspace.forEach((bytes, place) => buffers.push(gpu.workspace.get(place, bytes)));
    buffers.push(gpu.uniforms.hold(this));
    this.dropStaleGroups(buffers);
    const pass = encoder.beginComputePass();
    for (const dispatch of this.dispatches) {
      const { pipeline, uniformOffset, workgroups } = dispatch;
      if (!pipeline.value) throw new RuntimeError("a kernel ran before it was compiled");
      dispatch.group ??= this.bind(dispatch, buffers);
      pass.setPipeline(pipeline.value);
      pass.setBindGroup(0, dispatch.group, uniformOffset);
      pass.dispatchWorkgroups(...workgroups);
    }
    pass.end();
  }

  private dropStaleGroups(buffers: GPUBuffer[]): void {
    const uniforms = buffers.length - 1;
    for (const dispatch of this.dispatches) {
      const stale = buffers[uniforms] !== this.bound[uniforms] || dispatch.slots.some((slot) => buffers[slot] !== this.bound[slot]);
      if (stale) dispatch.group = null;
    }
    this.bound = buffers;
  }

  private bind({ pipeline, slots, uniformBytes }: Dispatch, buffers: readonly GPUBuffer[]): GPUBindGroup {
    const entries = slots.map((slot, binding): GPUBindGroupEntry => ({ binding, resource: { buffer: buffers[slot] as GPUBuffer } }));
    entries.push({ binding: slots.length, resource: { buffer: buffers.at(-1) as GPUBuffer, size: uniformBytes } });
    return this.gpu.device.createBindGroup({ layout: pipeline.layout, entries });
  }
}
