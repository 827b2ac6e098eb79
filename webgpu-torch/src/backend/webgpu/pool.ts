/** GPU buffers kept for reuse. One queue runs everything in order, so a buffer may be reused as soon as its last use was submitted. */

import { paddedBytes } from "../backend";

/** As GPUDevice.createBuffer, by the backend, which hears where there is no memory. */
export type CreateBuffer = (descriptor: GPUBufferDescriptor) => GPUBuffer;

/** Bytes kept at most for reuse; beyond, what was freed first goes back to the system. */
const KEPT_BYTES = 64 * 2 ** 20;

export class BufferPool {
  /** In the order in which they were freed. */
  private readonly free: GPUBuffer[] = [];
  private freeBytes = 0;
  private heldBytes = 0;

  constructor(
    private readonly create: CreateBuffer,
    private readonly maxBytes: number,
  ) {}

  /** Bytes of all buffers that exist, in use or kept. */
  get reserved(): number {
    return this.heldBytes;
  }

  /** A buffer for a result, whose size varies with the text's length: neighbouring lengths share one. */
  take(bytes: number): GPUBuffer {
    return this.takeExactly(Math.max(bytes, Math.min(sizeClass(bytes), this.maxBytes)));
  }

  /** A buffer for data; a new one is without slack, since a weight's would be lost for as long as that lives. */
  takeExactly(bytes: number): GPUBuffer {
    const size = bytes >= SMALL ? paddedBytes(bytes) : sizeClass(bytes);
    const kept = takeFitting(this.free, size, MOST_SLACK);
    if (kept) {
      this.freeBytes -= kept.size;
      return kept;
    }
    this.heldBytes += size;
    return this.create({ size, usage: GPUBufferUsage.STORAGE | GPUBufferUsage.COPY_SRC | GPUBufferUsage.COPY_DST });
  }

  release(buffer: GPUBuffer): void {
    this.free.push(buffer);
    this.freeBytes += buffer.size;
    while (this.freeBytes > KEPT_BYTES) {
      const oldest = this.free.shift();
      if (!oldest) break;
      this.freeBytes -= oldest.size;
      this.heldBytes -= oldest.size;
      oldest.destroy();
    }
  }
}

/**
 * Takes the smallest buffer that fits and is at most `mostSlack` times as large as wanted, and of these the last one kept. A step that
 * is repeated gets the buffers of the one before, and keeps its bind groups.
 */
export function takeFitting(kept: GPUBuffer[], wanted: number, mostSlack: number): GPUBuffer | null {
  let found = -1;
  let least = mostSlack * wanted;
  kept.forEach(({ size }, i) => {
    if (size < wanted || size > least) return;
    found = i;
    least = size;
  });
  const [taken] = found < 0 ? [] : kept.splice(found, 1);
  return taken ?? null;
}

/** A kept buffer serves data that is up to an eighth smaller: a text a little shorter than the one before makes none. */
const MOST_SLACK = 9 / 8;

/** Below this, slack does not matter. */
const SMALL = 2 ** 16;

/** Powers of two; from `SMALL` on eight steps between two of them. */
export function sizeClass(bytes: number): number {
  const power = 2 ** Math.ceil(Math.log2(Math.max(bytes, 256)));
  const step = power <= SMALL ? power : power / 16;
  return Math.ceil(bytes / step) * step || step;
}
