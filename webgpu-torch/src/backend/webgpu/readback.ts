/** Copies bytes from the GPU to the host through mappable buffers that are kept for reuse. */

import type { Read } from "../backend";
import { nudge } from "./nudge";
import type { CreateBuffer } from "./pool";

/** The bytes of one read within the staging buffer; copies start and end at multiples of 4. */
interface Part {
  readonly from: number;
  readonly at: number;
  readonly size: number;
  readonly read: Read;
}

/** Staging buffers kept, at most, and the largest that is. */
const KEPT = 8;
const KEPT_BYTES = 16 * 2 ** 20;

export class Readback {
  private readonly free: GPUBuffer[] = [];

  constructor(
    private readonly queue: GPUQueue,
    private readonly create: CreateBuffer,
    /** Bytes of the largest buffer. */
    private readonly maxBytes: number,
  ) {}

  /** Encodes the copies. The function returned is called after the submit and gives the bytes. */
  encode(encoder: GPUCommandEncoder, reads: readonly Read[], bufferOf: (read: Read) => GPUBuffer): () => Promise<ArrayBuffer[]> {
    const batches = this.batches(reads).map((parts) => {
      const total = parts.reduce((sum, { size }) => sum + size, 0);
      // Throws where one was disposed, before a staging buffer is taken.
      const copies = parts.map((part) => ({ ...part, buffer: bufferOf(part.read) }));
      const staging = this.take(total);
      for (const { buffer, from, at, size } of copies) encoder.copyBufferToBuffer(buffer, from, staging, at, size);
      return { parts, staging, total };
    });
    return async () => (await Promise.all(batches.map(({ parts, staging, total }) => this.receive(staging, parts, total)))).flat();
  }

  /** Reads that go through one staging buffer: as many as fit. */
  private batches(reads: readonly Read[]): Part[][] {
    const batches: Part[][] = [];
    let total = Infinity;
    for (const read of reads) {
      const from = Math.floor(read.offset / 4) * 4;
      const size = Math.ceil((read.offset + read.bytes) / 4) * 4 - from;
      if (total + size > this.maxBytes) {
        batches.push([]);
        total = 0;
      }
      batches.at(-1)?.push({ from, at: total, size, read });
      total += size;
    }
    return batches;
  }

  private async receive(staging: GPUBuffer, parts: readonly Part[], total: number): Promise<ArrayBuffer[]> {
    const stop = nudge(this.queue);
    try {
      await staging.mapAsync(GPUMapMode.READ, 0, total);
    } finally {
      stop();
    }
    const mapped = staging.getMappedRange(0, total);
    const results = parts.map(({ at, from, read }) => {
      const start = at + read.offset - from;
      return mapped.slice(start, start + read.bytes);
    });
    staging.unmap();
    if (this.free.length < KEPT && staging.size <= KEPT_BYTES) this.free.push(staging);
    else staging.destroy();
    return results;
  }

  private take(bytes: number): GPUBuffer {
    const found = this.free.findIndex((buffer) => buffer.size >= bytes);
    const [kept] = found < 0 ? [] : this.free.splice(found, 1);
    const size = Math.max(bytes, Math.min(this.maxBytes, Math.max(1024, 2 ** Math.ceil(Math.log2(bytes)))));
    return kept ?? this.create({ label: "readback", size, usage: GPUBufferUsage.MAP_READ | GPUBufferUsage.COPY_DST });
  }
}
