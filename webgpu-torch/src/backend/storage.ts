/** The memory behind tensors: one buffer of a backend, freed by dispose() or when nothing reaches it any more. */

import { RuntimeError } from "../base/errors";

/** Where a storage's buffer goes when it is freed. */
export interface Owner<Buffer> {
  /** Takes a buffer back. */
  release(buffer: Buffer, bytes: number): void;
}

interface Claim<Buffer> {
  readonly owner: Owner<Buffer>;
  readonly buffer: Buffer;
  readonly bytes: number;
}

/** Gives back the buffers of storages that were collected without dispose(). */
const collected = new FinalizationRegistry<() => void>((free) => free());

/** Owns its buffer: the one place that gives it back. */
export class Storage<Buffer = unknown> {
  private claim: Claim<Buffer> | null;
  private pins = 0;
  private dead = false;

  constructor(
    owner: Owner<Buffer>,
    buffer: Buffer,
    /** Bytes that the tensor takes; the buffer may be larger. */
    readonly bytes: number,
  ) {
    this.claim = { owner, buffer, bytes };
    collected.register(this, () => owner.release(buffer, bytes), this);
  }

  get disposed(): boolean {
    return this.dead;
  }

  /** The buffer, for its owner only. */
  bufferOf(owner: Owner<Buffer>): Buffer {
    if (!this.claim) throw new RuntimeError("the tensor was disposed");
    if (this.claim.owner !== owner)
      throw new RuntimeError("Expected all tensors to be on the same device; this one lives on another device, or on one that was lost");
    return this.claim.buffer;
  }

  /** Frees the buffer, at once or when the runs that have pinned it have been submitted. */
  dispose(): void {
    this.dead = true;
    if (this.pins === 0) this.free();
  }

  /** Keeps the buffer while a run that reads it waits for its shaders. */
  pin(): void {
    this.pins += 1;
  }

  unpin(): void {
    this.pins -= 1;
    if (this.dead && this.pins === 0) this.free();
  }

  private free(): void {
    if (!this.claim) return;
    collected.unregister(this);
    const { owner, buffer, bytes } = this.claim;
    this.claim = null;
    owner.release(buffer, bytes);
  }
}
