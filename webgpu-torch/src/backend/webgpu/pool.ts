/** GPU buffers kept for reuse. One queue runs everything in order, so a buffer may be reused as soon as its last use was submitted. */

import { paddedBytes } from "../backend";

/** Bytes kept at most for reuse; what is freed beyond goes back to the system. */
const KEPT_BYTES = 256 * 2 ** 20;

/** Buffers of this size and more are made to measure: they are weights, and slack in them would be lost for as long as they live. */
const EXACT_BYTES = 2 ** 20;

export class BufferPool {
  private readonly free = new Map<number, GPUBuffer[]>();
  private freeBytes = 0;
  private heldBytes = 0;

  constructor(private readonly device: GPUDevice) {}

  /** Bytes of all buffers that exist, in use or kept. */
  get reserved(): number {
    return this.heldBytes;
  }

  take(bytes: number): GPUBuffer {
    const size = sizeClass(bytes);
    const kept = this.free.get(size)?.pop();
    if (kept) {
      this.freeBytes -= size;
      return kept;
    }
    this.heldBytes += size;
    return this.device.createBuffer({ size, usage: GPUBufferUsage.STORAGE | GPUBufferUsage.COPY_SRC | GPUBufferUsage.COPY_DST });
  }

  release(buffer: GPUBuffer): void {
    const { size } = buffer;
    if (this.freeBytes + size > KEPT_BYTES) {
      this.heldBytes -= size;
      buffer.destroy();
      return;
    }
    const list = this.free.get(size);
    if (list) list.push(buffer);
    else this.free.set(size, [buffer]);
    this.freeBytes += size;
  }

  /** Gives what is kept for reuse back to the system. */
  trim(): void {
    for (const list of this.free.values()) for (const buffer of list) buffer.destroy();
    this.heldBytes -= this.freeBytes;
    this.freeBytes = 0;
    this.free.clear();
  }
}

/** Powers of two for small buffers, so that neighbouring lengths share them. */
function sizeClass(bytes: number): number {
  return bytes >= EXACT_BYTES ? paddedBytes(bytes) : Math.max(256, 2 ** Math.ceil(Math.log2(bytes)));
}
