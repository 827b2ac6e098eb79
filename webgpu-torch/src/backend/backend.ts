/** What a backend is to the layers above it: it keeps bytes, and runs plans made of tasks. */

import type { Task } from "../kernels/task";
import type { MatmulSizes, Tiles } from "../kernels/tiles";
import type { Storage } from "./storage";

export type DeviceName = "webgpu" | "cpu";

/** A buffer of a plan, by number: first the leaves, which the caller has; then the outputs; then the workspace. */
export type Slot = number;

/** One task and its buffers. */
export interface Step {
  readonly task: Task;
  readonly inputs: readonly Slot[];
  readonly output: Slot;
}

/** Tasks in order. Workspace buffers hold what no one sees after the run. */
export interface Plan {
  readonly leaves: number;
  /** Bytes of each output. */
  readonly outputs: readonly number[];
  /** Bytes of each workspace buffer. */
  readonly workspace: readonly number[];
  readonly steps: readonly Step[];
}

/** Bytes to be read back, once the run is done. */
export interface Read {
  readonly storage: Storage;
  readonly offset: number;
  readonly bytes: number;
}

/** A plan made ready for one backend. */
export interface Executable {
  /** Resolves when the plan's shaders are compiled; null if they are. */
  readonly ready: Promise<void> | null;
  /** Submits the plan's steps and reads, all in one; throws where that fails. Resolves when the bytes are here. */
  run(leaves: readonly Storage[], outputs: readonly Storage[], reads: readonly Read[]): Promise<ArrayBuffer[]>;
}

/** Where a profile's times come from: the GPU's own clock, or this thread's. */
export type Clock = "timestamp-query" | "host";

/** Times tasks one by one, each submitted alone, from when it is made until it is finished. */
export interface Profiler {
  readonly clock: Clock;
  /** The name and the ms of each task so far, in order. Ends the profiling. */
  finish(): Promise<readonly Timing[]>;
}

export interface Timing {
  readonly name: string;
  readonly ms: number;
}

/** What the device is, as far as the browser tells. */
export interface DeviceInfo {
  readonly backend: DeviceName;
  readonly vendor: string;
  readonly architecture: string;
  readonly description: string;
  readonly features: readonly string[];
  readonly limits: Readonly<Record<string, number>>;
}

export interface Backend {
  readonly name: DeviceName;
  readonly info: DeviceInfo;
  /** Why the device is gone, or null. */
  readonly lost: string | null;
  /** Bytes of the largest tensor. */
  readonly maxBytes: number;
  /** Inputs that one task may have. */
  readonly maxInputs: number;
  /** Whether a linear layer of these sizes can do the norm that stands before it. */
  fusesNorm(sizes: { readonly M: number; readonly K: number }): boolean;
  /** A copy of the bytes. */
  upload(data: Uint8Array): Storage;
  /** Memory that a run will fill. */
  allocate(bytes: number): Storage;
  /** With tiles to try, those are used, in this plan only. */
  prepare(plan: Plan, trial?: Tiles): Executable;
  /** The linear layer's tiles that plans made ready from now on use, where they are not the usual ones. */
  tiles: Tiles;
  /** The names of the tiles that a linear layer of these sizes can have, the usual one first; none where there is no choice. */
  tileChoices(sizes: MatmulSizes): readonly string[];
  /** The profiler at work, if there is one: a run then submits tasks for as long as its promise is pending. */
  readonly profiler: Profiler | null;
  profile(): Profiler;
  read(reads: readonly Read[]): Promise<ArrayBuffer[]>;
  /** Resolves when all that was submitted is done. */
  synchronize(): Promise<void>;
  /** Bytes that tensors hold, and bytes that the device holds for them, the workspace and what is kept for reuse. */
  memory(): { readonly allocated: number; readonly reserved: number };
  /** Frees everything. */
  destroy(): void;
}

/** Bytes that a buffer takes: shaders read and write four words at a time. */
export const paddedBytes = (bytes: number): number => Math.max(16, Math.ceil(bytes / 16) * 16);
