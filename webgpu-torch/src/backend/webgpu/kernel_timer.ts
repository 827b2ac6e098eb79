/** Times kernels one by one, each in a submit of its own: by timestamp queries, or by this thread's clock where the device has none. */

import type { Clock, Profiler, Timing } from "../backend";
import { nudge } from "./nudge";

/** Pairs of timestamps that a query set holds: WebGPU allows 4,096 queries. */
const PAIRS = 2048;

export class KernelTimer implements Profiler {
  readonly clock: Clock;
  private readonly queries: GPUQuerySet | null;
  private readonly timings: Timing[] = [];
  /** Kernels whose timestamps have not been read yet. */
  private pending: string[] = [];

  constructor(
    private readonly device: GPUDevice,
    private readonly finished: () => void,
  ) {
    this.clock = device.features.has("timestamp-query") ? "timestamp-query" : "host";
    this.queries = this.clock === "host" ? null : device.createQuerySet({ type: "timestamp", count: 2 * PAIRS });
  }

  /** Submits one kernel, and resolves when the next one may be. */
  async time(name: string, encode: (pass: GPUComputePassEncoder) => void): Promise<void> {
    const encoder = this.device.createCommandEncoder({ label: name });
    const first = 2 * this.pending.length;
    const timestampWrites = this.queries && { querySet: this.queries, beginningOfPassWriteIndex: first, endOfPassWriteIndex: first + 1 };
    const pass = encoder.beginComputePass({ label: name, ...(timestampWrites && { timestampWrites }) });
    encode(pass);
    pass.end();
    const start = performance.now();
    this.device.queue.submit([encoder.finish()]);
    if (!this.queries) {
      await this.done();
      this.timings.push({ name, ms: performance.now() - start });
    } else if (this.pending.push(name) === PAIRS) await this.collect(this.queries);
  }

  async finish(): Promise<readonly Timing[]> {
    try {
      if (this.queries && this.pending.length > 0) await this.collect(this.queries);
    } finally {
      this.queries?.destroy();
      this.finished();
    }
    return this.timings;
  }

  private async done(): Promise<void> {
    const stop = nudge(this.device.queue);
    try {
      await this.device.queue.onSubmittedWorkDone();
    } finally {
      stop();
    }
  }

  /** Reads the timestamps of the kernels that are pending. */
  private async collect(queries: GPUQuerySet): Promise<void> {
    const names = this.pending;
    this.pending = [];
    const size = 16 * names.length;
    const resolved = this.device.createBuffer({ size, usage: GPUBufferUsage.QUERY_RESOLVE | GPUBufferUsage.COPY_SRC });
    const staging = this.device.createBuffer({ size, usage: GPUBufferUsage.COPY_DST | GPUBufferUsage.MAP_READ });
    const encoder = this.device.createCommandEncoder();
    encoder.resolveQuerySet(queries, 0, 2 * names.length, resolved, 0);
    encoder.copyBufferToBuffer(resolved, 0, staging, 0, size);
    this.device.queue.submit([encoder.finish()]);
    await staging.mapAsync(GPUMapMode.READ);
    const nanoseconds = new DataView(staging.getMappedRange());
    names.forEach((name, i) => {
      const [begin, end] = [nanoseconds.getBigInt64(16 * i, true), nanoseconds.getBigInt64(16 * i + 8, true)];
      this.timings.push({ name, ms: Number(end - begin) / 1e6 });
    });
    for (const buffer of [resolved, staging]) buffer.destroy();
  }
}
