/** The plain backend: the reference in tests, in no hurry. */

import { itemSize, type DType } from "../../base/dtype";
import { RuntimeError } from "../../base/errors";
import { readValues, writeValues } from "../../ops/values";
import { type Backend, type DeviceInfo, type Executable, paddedBytes, type Plan, type Profiler, type Read, type Timing } from "../backend";
import { type Owner, Storage } from "../storage";
import { runTask } from "./tasks";

export class CpuBackend implements Backend, Owner<ArrayBuffer> {
  readonly name = "cpu";
  readonly info: DeviceInfo = { backend: "cpu", vendor: "", architecture: "", description: "plain JavaScript", features: [], limits: {} };
  readonly maxBytes = 2 ** 31;
  readonly maxInputs = Infinity;
  tiles = {};
  lost: string | null = null;
  profiler: Profiler | null = null;
  private timings: Timing[] = [];
  private allocated = 0;

  fusesNorm(): boolean {
    return false;
  }

  tileChoices(): readonly string[] {
    return [];
  }

  upload(data: Uint8Array): Storage {
    const storage = this.allocate(data.byteLength);
    new Uint8Array(this.bufferOf(storage)).set(data);
    return storage;
  }

  allocate(bytes: number): Storage {
    if (this.lost) throw new RuntimeError(this.lost);
    if (bytes > this.maxBytes) throw new RuntimeError(`a tensor of ${bytes} bytes, but the cpu backend holds at most ${this.maxBytes}`);
    this.allocated += paddedBytes(bytes);
    return new Storage<ArrayBuffer>(this, new ArrayBuffer(paddedBytes(bytes)), bytes);
  }

  release(_: ArrayBuffer, bytes: number): void {
    this.allocated -= paddedBytes(bytes);
  }

  prepare(plan: Plan): Executable {
    return { ready: null, run: (leaves, outputs, reads) => this.run(plan, leaves, outputs, reads) };
  }

  profile(): Profiler {
    this.timings = [];
    const finish = async () => {
      this.profiler = null;
      return this.timings;
    };
    return (this.profiler = { clock: "host", finish });
  }

  async read(reads: readonly Read[]): Promise<ArrayBuffer[]> {
    return reads.map(({ storage, offset, bytes }) => this.bufferOf(storage).slice(offset, offset + bytes));
  }

  async synchronize(): Promise<void> {}

  memory(): { allocated: number; reserved: number } {
    return { allocated: this.allocated, reserved: this.allocated };
  }

  destroy(): void {
    this.lost ??= "the device was closed; call torch.init() again and make the tensors anew";
  }

  private bufferOf(storage: Storage): ArrayBuffer {
    return (storage as Storage<ArrayBuffer>).bufferOf(this);
  }

  private run(plan: Plan, leaves: readonly Storage[], outputs: readonly Storage[], reads: readonly Read[]): Promise<ArrayBuffer[]> {
    const buffers = [...leaves, ...outputs].map((storage) => this.bufferOf(storage));
    for (const bytes of plan.workspace) buffers.push(new ArrayBuffer(paddedBytes(bytes)));
    for (const { task, inputs, output } of plan.steps) {
      const buffer = (slot: number | undefined): ArrayBuffer => buffers[slot ?? -1] ?? new ArrayBuffer(0);
      const input = (i: number, dtype: DType) => {
        const held = buffer(inputs[i]);
        return readValues(held, dtype, 0, Math.floor(held.byteLength / itemSize(dtype)));
      };
      const start = performance.now();
      const { dtype, values } = runTask(task, input);
      writeValues(buffer(output), dtype, values);
      if (this.profiler) this.timings.push({ name: task.kind, ms: performance.now() - start });
    }
    return this.read(reads);
  }
}
