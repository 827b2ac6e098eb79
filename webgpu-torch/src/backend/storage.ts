/** The memory behind tensors: a buffer of a backend, freed by dispose() or when nothing reaches it any more. */

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
  /** Storages that have it; the last one gives it back. */
  sharers: number;
}

/** Gives back the buffers of storages that were collected without dispose(). */
const collected = new FinalizationRegistry<() => void>((free) => free());

/** Owns its buffer, alone or with the storages it was shared with: the one place that gives it back. */
export class Storage<Buffer = unknown> {
  private claim: Claim<Buffer> | null;
  private pins = 0;
  private dead = false;

  constructor(
    owner: Owner<Buffer>,
    buffer: Buffer,
    /** Bytes that the tensor takes; the buffer may be larger. */
    readonly bytes: number,
    shared: Claim<Buffer> | null = null,
  ) {
    const claim = shared ?? { owner, buffer, bytes, sharers: 0 };
    claim.sharers += 1;
    this.claim = claim;
    collected.register(this, () => giveBack(claim), this);
  }

  /** Another storage with the same buffer, which nothing ever changes: a copy, without copying. Each is disposed of by itself. */
  share(): Storage<Buffer> {
    if (!this.claim || this.dead) throw new RuntimeError("the tensor was disposed");
    const { owner, buffer } = this.claim;
    return new Storage(owner, buffer, this.bytes, this.claim);
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
    giveBack(this.claim);
    this.claim = null;
  }
}

function giveBack<Buffer>(claim: Claim<Buffer>): void {
  claim.sharers -= 1;
  if (claim.sharers === 0) claim.owner.release(claim.buffer, claim.bytes);
}
