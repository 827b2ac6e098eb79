/** A plan on the GPU: its pipelines, its uniforms and the bind groups of its last run. */

import { RuntimeError } from "../../base/errors";
import { at } from "../../base/list";
import type { Caps } from "../../kernels/caps";
import type { Kernel } from "../../kernels/kernel";
import { lengthlessKey, otherLengths, textKey } from "../../kernels/lengths";
import { kernelFor, type Task, textOf } from "../../kernels/task";
import type { Executable, Plan, Read } from "../backend";
import type { Storage } from "../storage";
import type { BindGroups } from "./bind_groups";
import type { Pipeline, PipelineCache } from "./pipelines";
import type { KernelTimer } from "./kernel_timer";
import type { Uniforms, Workspace } from "./shared_buffers";

/** What an executable needs of the gpu. */
export interface Gpu {
  readonly device: GPUDevice;
  readonly pipelines: PipelineCache;
  readonly workspace: Workspace;
  readonly uniforms: Uniforms;
  readonly bindGroups: BindGroups;
  readonly profiler: KernelTimer | null;
  bufferOf(storage: Storage): GPUBuffer;
  submit(reads: readonly Read[], encode: (encoder: GPUCommandEncoder) => void): Promise<ArrayBuffer[]>;
}

/** What a step needs at every run, and what it keeps from those before. */
interface Dispatch {
  readonly name: string;
  readonly pipeline: Pipeline;
  readonly workgroups: Kernel["workgroups"];
  /** Slots of the inputs and of the output. */
  readonly slots: readonly number[];
  readonly uniformOffset: readonly [number];
  readonly uniformBytes: number;
  /** The last run's group, and what it binds. */
  bound: { readonly buffers: readonly GPUBuffer[]; readonly uniforms: GPUBuffer; readonly group: GPUBindGroup } | null;
}

export class GpuExecutable implements Executable {
  ready: Promise<void> | null;
  /** Uniforms of all steps, each at a multiple of the offset that the device allows. */
  readonly uniforms: Uint32Array<ArrayBuffer>;
  private readonly dispatches: readonly Dispatch[];

  constructor(
    private readonly gpu: Gpu,
    private readonly plan: Plan,
    private readonly caps: Caps,
  ) {
    const kernels = kernelsOf(plan, caps, gpu.pipelines);
    const alignment = gpu.device.limits.minUniformBufferOffsetAlignment;
    let end = 0;
    this.dispatches = kernels.map(({ kernel, pipeline }, i) => {
      const { inputs, output } = at(plan.steps, i);
      const uniformOffset = end;
      end += Math.ceil(kernel.uniforms.byteLength / alignment) * alignment;
      return {
        name: kernel.name,
        pipeline,
        workgroups: kernel.workgroups,
        slots: [...inputs, output],
        uniformOffset: [uniformOffset],
        uniformBytes: kernel.uniforms.byteLength,
        bound: null,
      };
    });
    this.uniforms = new Uint32Array(end / 4);
    kernels.forEach(({ kernel }, i) => this.uniforms.set(kernel.uniforms, (this.dispatches[i]?.uniformOffset[0] ?? 0) / 4));
    const waiting = this.dispatches.filter(({ pipeline }) => !pipeline.value).map(({ pipeline }) => pipeline.ready);
    this.ready = waiting.length === 0 ? null : Promise.all(waiting).then(() => void (this.ready = null));
    this.ready?.catch(() => undefined);
  }

  /** Compiles what texts of other lengths need, once this one's has been, and after its first run has been submitted. */
  compileAhead(): void {
    // A software adapter takes long to compile, and has less to choose from. Where nothing was new, all has been compiled ahead.
    if (!this.caps.software) this.ready?.then(() => setTimeout(() => this.compileOthers())).catch(() => undefined);
  }

  private compileOthers(): void {
    const { gpu, plan, caps } = this;
    // Who has written a buffer last: buffers are reused.
    const writers = new Map<number, Task>();
    for (const { task, inputs, output } of plan.steps) {
      const writer = writers.get(inputs[0] ?? -1);
      writers.set(output, (task.kind === "round_rows" && writer) || task);
      const before = writer?.kind === "norm" ? writer.spec : null;
      const key = lengthlessKey(task, before);
      if (key === null || gpu.pipelines.ahead.has(key)) continue;
      gpu.pipelines.ahead.add(key);
      for (const ahead of otherLengths(task, inputs.length, before, caps)) {
        gpu.pipelines.get(kernelFor(ahead.task, caps), ahead.inputs, textKey(ahead.task, caps));
      }
    }
  }

  run(leaves: readonly Storage[], outputs: readonly Storage[], reads: readonly Read[]): Promise<ArrayBuffer[]> {
    const { profiler } = this.gpu;
    if (profiler) return this.runTimed(profiler, leaves, outputs, reads);
    return this.gpu.submit(reads, (encoder) => {
      const buffers = this.buffersOf(leaves, outputs);
      const uniforms = this.gpu.uniforms.hold(this);
      const pass = encoder.beginComputePass();
      for (const dispatch of this.dispatches) this.encode(pass, dispatch, buffers, uniforms);
      pass.end();
    });
  }

  /** Kernel by kernel, for torch.profile. */
  private async runTimed(timer: KernelTimer, leaves: readonly Storage[], outputs: readonly Storage[], reads: readonly Read[]): Promise<ArrayBuffer[]> {
    // Arguments that wait for a submit go before the kernels, which have submits of their own here.
    await this.gpu.submit([], () => undefined);
    const buffers = this.buffersOf(leaves, outputs);
    const uniforms = this.gpu.uniforms.hold(this);
    for (const dispatch of this.dispatches) await timer.time(dispatch.name, (pass) => this.encode(pass, dispatch, buffers, uniforms));
    return this.gpu.submit(reads, () => undefined);
  }

  private buffersOf(leaves: readonly Storage[], outputs: readonly Storage[]): GPUBuffer[] {
    const { gpu, plan } = this;
    const buffers = [...leaves, ...outputs].map((storage) => gpu.bufferOf(storage));
    plan.workspace.forEach((bytes, place) => buffers.push(gpu.workspace.get(place, bytes)));
    return buffers;
  }

  private encode(pass: GPUComputePassEncoder, dispatch: Dispatch, buffers: readonly GPUBuffer[], uniforms: GPUBuffer): void {
    const { pipeline, uniformOffset, workgroups } = dispatch;
    if (!pipeline.value) throw new RuntimeError("a kernel ran before it was compiled");
    pass.setPipeline(pipeline.value);
    pass.setBindGroup(0, this.groupOf(dispatch, buffers, uniforms), uniformOffset);
    pass.dispatchWorkgroups(...workgroups);
  }

  private groupOf(dispatch: Dispatch, buffers: readonly GPUBuffer[], uniforms: GPUBuffer): GPUBindGroup {
    const { bound, slots, pipeline, uniformBytes } = dispatch;
    if (bound && bound.uniforms === uniforms && slots.every((slot, i) => bound.buffers[i] === buffers[slot])) return bound.group;
    const own = slots.map((slot) => at(buffers, slot));
    const group = this.gpu.bindGroups.get(pipeline.layout, own, uniforms, uniformBytes);
    dispatch.bound = { buffers: own, uniforms, group };
    return group;
  }
}

interface Compiled {
  readonly kernel: Kernel;
  readonly pipeline: Pipeline;
}

/** The steps' kernels. Where only a kernel's text tells what it is, steps that do the same share one, so that it is written once. */
function kernelsOf({ steps }: Plan, caps: Caps, pipelines: PipelineCache): Compiled[] {
  const known = new Map<string, Kernel>();
  return steps.map(({ task, inputs }) => {
    const key = textKey(task, caps);
    if (key !== null) {
      const kernel = kernelFor(task, caps);
      return { kernel, pipeline: pipelines.get(kernel, inputs.length, key) };
    }
    const text = textOf(task);
    const kernel = known.get(text) ?? kernelFor(task, caps);
    known.set(text, kernel);
    return { kernel, pipeline: pipelines.get(kernel, inputs.length, null) };
  });
}
