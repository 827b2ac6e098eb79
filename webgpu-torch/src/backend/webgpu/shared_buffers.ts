/** Buffers that all plans share, since one queue runs them one after the other: the workspace and the uniforms. */

import { paddedBytes } from "../backend";
import type { CreateBuffer } from "./pool";

/** Buffers for what lives within one run only. They grow to the largest plan's needs. */
export class Workspace {
  private readonly buffers: GPUBuffer[] = [];

  constructor(
    private readonly create: CreateBuffer,
    private readonly maxBytes: number,
  ) {}

  get(place: number, bytes: number): GPUBuffer {
    const held = this.buffers[place];
    if (held && held.size >= bytes) return held;
    // Lengths vary: growing by half at least keeps the number of reallocations small.
    const wanted = Math.max(bytes, Math.min(1.5 * (held?.size ?? 0), this.maxBytes - 16));
    const buffer = this.create({ label: `workspace ${place}`, size: paddedBytes(wanted), usage: GPUBufferUsage.STORAGE });
    held?.destroy();
    this.buffers[place] = buffer;
    return buffer;
  }

  get bytes(): number {
    return this.buffers.reduce((sum, buffer) => sum + buffer.size, 0);
  }
}

/** One uniform buffer, written when another plan runs than the last time. */
export class Uniforms {
  private buffer: GPUBuffer | null = null;
  private holder: object | null = null;

  constructor(private readonly device: GPUDevice) {}

  /** The buffer, with the plan's uniforms in it. */
  hold(plan: { readonly uniforms: Uint32Array<ArrayBuffer> }): GPUBuffer {
    const { uniforms } = plan;
    if (!this.buffer || this.buffer.size < uniforms.byteLength) {
      this.buffer?.destroy();
      const size = 2 ** Math.ceil(Math.log2(Math.max(uniforms.byteLength, 2 ** 16)));
      this.buffer = this.device.createBuffer({ label: "uniforms", size, usage: GPUBufferUsage.UNIFORM | GPUBufferUsage.COPY_DST });
      this.holder = null;
    }
    if (this.holder !== plan) this.device.queue.writeBuffer(this.buffer, 0, uniforms);
    this.holder = plan;
    return this.buffer;
  }
}
