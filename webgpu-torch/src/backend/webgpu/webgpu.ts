/** The WebGPU backend: one device, its buffers and its queue. */

import { OutOfMemoryError, RuntimeError } from "../../base/errors";
import type { Caps } from "../../kernels/caps";
import { choices, type MatmulSizes, type Tiles } from "../../kernels/tiles";
import { fusesNorm } from "../../kernels/matmul";
import { type Backend, type DeviceInfo, type Executable, paddedBytes, type Plan, type Read } from "../backend";
import { type Owner, Storage } from "../storage";
import { largestBuffer, openDevice, type OpenDevice } from "./device";
import { expand } from "./expand";
import { type Gpu, GpuExecutable } from "./executable";
import { KernelTimer } from "./kernel_timer";
import { BindGroups } from "./bind_groups";
import { PipelineCache } from "./pipelines";
import { BufferPool } from "./pool";
import { Readback } from "./readback";
import { Staging } from "./staging";
import { Uniforms, Workspace } from "./shared_buffers";

/** After such a pause the GPU process sleeps: told of an upload before that is copied, it wakes up meanwhile. Steps on an H200 ended 0.1 to 0.2 ms sooner. */
const ASLEEP_AFTER_MS = 1;
/** Uploads that are sent as soon as they are copied. */
const SENT_AHEAD_BYTES = 2 ** 16;

export class WebGpuBackend implements Backend, Gpu, Owner<GPUBuffer> {
  readonly name = "webgpu";
  readonly device: GPUDevice;
  caps: Caps;
  readonly info: DeviceInfo;
  readonly maxBytes: number;
  readonly maxInputs: number;
  readonly pipelines: PipelineCache;
  readonly workspace: Workspace;
  readonly uniforms: Uniforms;
  readonly bindGroups: BindGroups;
  lost: string | null = null;
  /** Whether it is lost for lack of memory. */
  private isFull = false;
  profiler: KernelTimer | null = null;
  private readonly pool: BufferPool;
  private readonly readback: Readback;
  private readonly staging: Staging;
  private allocated = 0;
  /** When the GPU process was last sent something ahead of a step, in performance.now()'s ms. */
  private sentAhead = 0;

  private constructor({ device, caps, info }: OpenDevice) {
    this.device = device;
    this.caps = caps;
    this.info = info;
    this.maxBytes = largestBuffer(device.limits);
    // One binding is the output's.
    this.maxInputs = device.limits.maxStorageBuffersPerShaderStage - 1;
    this.pipelines = new PipelineCache(device);
    const create = (descriptor: GPUBufferDescriptor) => this.createBuffer(descriptor);
    this.workspace = new Workspace(create, this.maxBytes);
    this.uniforms = new Uniforms(device);
    this.bindGroups = new BindGroups(device);
    this.pool = new BufferPool(create, this.maxBytes);
    this.readback = new Readback(device.queue, create, Math.floor(device.limits.maxBufferSize / 4) * 4);
    this.staging = new Staging(device);
    // What failed left buffers that hold nothing, and no one can tell which: nothing here is to be read or reused any more.
    device.addEventListener("uncapturederror", ({ error }) => {
      if (error instanceof GPUOutOfMemoryError) this.closeFull(error.message);
      else this.close(`the GPU device was closed after an error (${error.message})`);
    });
    void device.lost.then(({ message, reason }) => {
      // Some drivers give up the whole device where others refuse a buffer.
      if (/out.?of.?(device.?|host.?)?memory/i.test(message)) this.closeFull(message);
      else this.close(`the GPU device was lost (${message || reason})`);
    });
  }

  static async create(forced: Partial<Caps> = {}): Promise<WebGpuBackend> {
    return new WebGpuBackend(await openDevice(forced));
  }

  fusesNorm(sizes: { readonly M: number; readonly K: number }): boolean {
    return fusesNorm(sizes, this.caps);
  }

  upload(data: Uint8Array): Storage {
    const storage = this.own(data.byteLength, (bytes) => this.pool.takeExactly(bytes));
    const buffer = this.bufferOf(storage);
    try {
      if (performance.now() - this.sentAhead >= ASLEEP_AFTER_MS) this.sendAhead();
      if (!this.staging.write(buffer, data)) this.writeBuffer(buffer, data);
      if (data.byteLength >= SENT_AHEAD_BYTES) this.sendAhead();
    } catch (error) {
      storage.dispose();
      throw error;
    }
    return storage;
  }

  /** The GPU process takes in what there is while JavaScript goes on to say what becomes of it. */
  private sendAhead(): void {
    this.device.queue.submit([]);
    this.sentAhead = performance.now();
  }

  private writeBuffer(buffer: GPUBuffer, data: Uint8Array): void {
    const whole = data.byteLength - (data.byteLength % 4);
    if (whole > 0) this.device.queue.writeBuffer(buffer, 0, data.buffer as ArrayBuffer, data.byteOffset, whole);
    if (whole < data.byteLength) {
      const rest = new Uint8Array(4);
      rest.set(data.subarray(whole));
      this.device.queue.writeBuffer(buffer, whole, rest);
    }
  }

  allocate(bytes: number): Storage {
    return this.own(bytes, (size) => this.pool.take(size));
  }

  private own(bytes: number, take: (bytes: number) => GPUBuffer): Storage {
    this.checkAlive();
    if (bytes > this.maxBytes)
      throw new RuntimeError(`a tensor of ${bytes} bytes, but this adapter's buffers hold at most ${this.maxBytes}`);
    const buffer = take(bytes);
    this.allocated += paddedBytes(bytes);
    return new Storage<GPUBuffer>(this, buffer, bytes);
  }

  release(buffer: GPUBuffer, bytes: number): void {
    this.allocated -= paddedBytes(bytes);
    if (this.lost) return;
    this.staging.forget(buffer);
    this.pool.release(buffer);
  }

  bufferOf(storage: Storage): GPUBuffer {
    return (storage as Storage<GPUBuffer>).bufferOf(this);
  }

  get tiles(): Tiles {
    return this.caps.tiles ?? {};
  }

  set tiles(tiles: Tiles) {
    this.caps = { ...this.caps, tiles };
  }

  tileChoices(sizes: MatmulSizes): readonly string[] {
    return this.caps.software ? [] : choices(sizes, this.caps);
  }

  prepare(plan: Plan, trial?: Tiles): Executable {
    this.checkAlive();
    const caps = trial ? { ...this.caps, tiles: trial } : this.caps;
    const executable = new GpuExecutable(this, expand(plan, caps), caps);
    if (!trial) executable.compileAhead();
    return executable;
  }

  profile(): KernelTimer {
    this.checkAlive();
    return (this.profiler = new KernelTimer(this.device, () => (this.profiler = null)));
  }

  read(reads: readonly Read[]): Promise<ArrayBuffer[]> {
    return this.submit(reads, () => undefined);
  }

  /** Encodes and submits at once; resolves when the bytes are here. */
  submit(reads: readonly Read[], encode: (encoder: GPUCommandEncoder) => void): Promise<ArrayBuffer[]> {
    this.checkAlive();
    const encoder = this.device.createCommandEncoder();
    this.staging.encode(encoder);
    encode(encoder);
    const receive = reads.length > 0 ? this.readback.encode(encoder, reads, ({ storage }) => this.bufferOf(storage)) : null;
    this.device.queue.submit([encoder.finish()]);
    this.staging.submitted();
    return receive ? this.checked(receive()) : Promise.resolve([]);
  }

  async synchronize(): Promise<void> {
    if (this.staging.isWaiting) await this.submit([], () => undefined);
    await this.checked(this.device.queue.onSubmittedWorkDone());
  }

  memory(): { allocated: number; reserved: number } {
    return { allocated: this.allocated, reserved: this.pool.reserved + this.workspace.bytes + this.staging.bytes };
  }

  destroy(): void {
    this.close("the device was closed");
  }

  /** Where there is no memory for the buffer, the device says so later, and is closed then. */
  private createBuffer(descriptor: GPUBufferDescriptor): GPUBuffer {
    if (this.lost) return this.device.createBuffer(descriptor);
    this.device.pushErrorScope("out-of-memory");
    const buffer = this.device.createBuffer(descriptor);
    const { size, label = "a tensor" } = descriptor;
    void this.device.popErrorScope().then(
      (error) => error && this.closeFull(`tried to allocate ${size} bytes for ${label}`),
      () => undefined, // the device is gone, and says so itself
    );
    return buffer;
  }

  private closeFull(what: string): void {
    if (this.isFull) return;
    this.isFull = true;
    // It may be heard after what came of it, which has closed the device already.
    this.lose(`the GPU is out of memory: ${what} with ${this.memory().reserved} bytes in use`);
  }

  private close(reason: string): void {
    if (!this.lost) this.lose(reason);
  }

  private lose(reason: string): void {
    this.lost = `${reason}; call torch.init() again and make the tensors anew`;
    this.device.destroy();
  }

  /** What was awaited, unless the device is gone meanwhile. */
  private async checked<T>(awaited: Promise<T>): Promise<T> {
    let result: T;
    try {
      result = await awaited;
    } catch (error) {
      // A read fails a moment before the promise of the loss resolves.
      await Promise.race([this.device.lost, new Promise((resolve) => setTimeout(resolve, 50))]);
      this.checkAlive();
      throw error;
    }
    this.checkAlive();
    return result;
  }

  private checkAlive(): void {
    if (this.lost) throw this.isFull ? new OutOfMemoryError(this.lost) : new RuntimeError(this.lost);
  }
}
