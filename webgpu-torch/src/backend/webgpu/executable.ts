/** A plan on the GPU: its pipelines, its uniforms and the bind groups of its last run. */

import { RuntimeError } from "../../base/errors";
import { at } from "../../base/list";
import type { Caps } from "../../kernels/caps";
import type { Kernel } from "../../kernels/kernel";
import { lengthlessKey, otherLengths, textKey } from "../../kernels/lengths";
import { kernelFor, type Task, textOf } from "../../kernels/task";
import type { Executable, Plan, Read, Step } from "../backend";
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

/** A kernel that is compiled, or will be. Steps that do the same share one. */
interface Ready {
  readonly name: string;
  readonly pipeline: Pipeline;
  readonly workgroups: Kernel["workgroups"];
  readonly uniforms: Uint32Array;
  /** Where these lie among the plan's, in bytes. */
  readonly offset: readonly [number];
}

/** What a step needs at every run, and what it keeps from those before. */
interface Dispatch {
  readonly kernel: Ready;
  /** Slots of the inputs and of the output. */
  readonly slots: readonly number[];
  /** The last run's group, and what it binds. */
  bound: { readonly buffers: readonly GPUBuffer[]; readonly uniforms: GPUBuffer; readonly group: GPUBindGroup } | null;
}

export class GpuExecutable implements Executable {
  ready: Promise<void> | null;
  /** Uniforms of all kernels, each at a multiple of the offset that the device allows. */
  readonly uniforms: Uint32Array<ArrayBuffer>;
  private readonly dispatches: readonly Dispatch[];

  constructor(
    private readonly gpu: Gpu,
    private readonly plan: Plan,
    private readonly caps: Caps,
  ) {
    const { kernels, ofStep, bytes } = kernelsOf(plan, gpu, caps);
    this.dispatches = plan.steps.map(({ inputs, output }, i) => ({ kernel: at(ofStep, i), slots: [...inputs, output], bound: null }));
    this.uniforms = new Uint32Array(bytes / 4);
    for (const { uniforms, offset } of kernels) this.uniforms.set(uniforms, offset[0] / 4);
    const waiting = kernels.filter(({ pipeline }) => !pipeline.value).map(({ pipeline }) => pipeline.ready);
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
    for (const dispatch of this.dispatches) await timer.time(dispatch.kernel.name, (pass) => this.encode(pass, dispatch, buffers, uniforms));
    return this.gpu.submit(reads, () => undefined);
  }

  private buffersOf(leaves: readonly Storage[], outputs: readonly Storage[]): GPUBuffer[] {
    const { gpu, plan } = this;
    const buffers: GPUBuffer[] = [];
    for (const storage of leaves) buffers.push(gpu.bufferOf(storage));
    for (const storage of outputs) buffers.push(gpu.bufferOf(storage));
    plan.workspace.forEach((bytes, place) => buffers.push(gpu.workspace.get(place, bytes)));
    return buffers;
  }

  private encode(pass: GPUComputePassEncoder, dispatch: Dispatch, buffers: readonly GPUBuffer[], uniforms: GPUBuffer): void {
    const { pipeline, offset, workgroups } = dispatch.kernel;
    if (!pipeline.value) throw new RuntimeError("a kernel ran before it was compiled");
    pass.setPipeline(pipeline.value);
    pass.setBindGroup(0, this.groupOf(dispatch, buffers, uniforms), offset);
    pass.dispatchWorkgroups(workgroups[0], workgroups[1], workgroups[2]);
  }

  private groupOf(dispatch: Dispatch, buffers: readonly GPUBuffer[], uniforms: GPUBuffer): GPUBindGroup {
    const { bound, slots, kernel } = dispatch;
    if (bound?.uniforms === uniforms && binds(bound.buffers, slots, buffers)) return bound.group;
    const own = slots.map((slot) => at(buffers, slot));
    const group = this.gpu.bindGroups.get(kernel.pipeline.layout, own, uniforms, kernel.uniforms.byteLength);
    dispatch.bound = { buffers: own, uniforms, group };
    return group;
  }
}

/** Whether the buffers of some slots are these. */
function binds(bound: readonly GPUBuffer[], slots: readonly number[], buffers: readonly GPUBuffer[]): boolean {
  for (let i = 0; i < slots.length; i++) if (bound[i] !== buffers[slots[i] ?? 0]) return false;
  return true;
}

interface Kernels {
  readonly kernels: readonly Ready[];
  /** In the plan's order. */
  readonly ofStep: readonly Ready[];
  /** Bytes of all uniforms. */
  readonly bytes: number;
}

function kernelsOf({ steps }: Plan, { pipelines, device }: Gpu, caps: Caps): Kernels {
  const alignment = device.limits.minUniformBufferOffsetAlignment;
  const kernels: Ready[] = [];
  const ofTask = new Map<Task, Ready>();
  const ofText = new Map<string, Ready>();
  let bytes = 0;
  const make = ({ task, inputs }: Step, key: string | null): Ready => {
    const kernel = kernelFor(task, caps);
    const { name, workgroups, uniforms } = kernel;
    const ready: Ready = { name, workgroups, uniforms, offset: [bytes], pipeline: pipelines.get(kernel, inputs.length, key) };
    bytes += Math.ceil(uniforms.byteLength / alignment) * alignment;
    kernels.push(ready);
    return ready;
  };
  const kernelOf = (step: Step): Ready => {
    const key = textKey(step.task, caps);
    if (key !== null) return make(step, key);
    // Only the kernel's text tells what it is: for tasks that do the same it is written once.
    const text = textOf(step.task);
    const ready = ofText.get(text) ?? make(step, null);
    ofText.set(text, ready);
    return ready;
  };
  const ofStep = steps.map((step) => {
    // Layers of one recording have the very same tasks.
    const ready = ofTask.get(step.task) ?? kernelOf(step);
    ofTask.set(step.task, ready);
    return ready;
  });
  return { kernels, ofStep, bytes };
}
