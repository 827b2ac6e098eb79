/** Runs what is asked for: reads asked in one tick share one run, and runs go one after the other. */

import type { Backend, Executable, Read } from "../backend/backend";
import type { Storage } from "../backend/storage";
import { isContiguous } from "../base/view";
import { itemSize } from "../base/dtype";
import { at } from "../base/list";
import { numel } from "../base/shape";
import { compile } from "./compile";
import { viewIn } from "./fuse";
import type { Call, Node } from "./node";
import { bytesOf } from "./plan";
import { walk } from "./walk";

interface Request {
  readonly node: Node;
  readonly resolve: (bytes: ArrayBuffer) => void;
  readonly reject: (reason: unknown) => void;
}

/** Work that was submitted, and the bytes that it will give. */
interface Submitted {
  readonly received: Promise<ArrayBuffer[]>;
}

/** What a run reads back, given the memory of what it has made. */
type Reads = (made: ReadonlyMap<Node, Storage>) => readonly Read[];

const runners = new WeakMap<Backend, Runner>();

/** The runner of a device. */
export function runnerOf(backend: Backend): Runner {
  let runner = runners.get(backend);
  if (!runner) runners.set(backend, (runner = new Runner(backend)));
  return runner;
}

export class Runner {
  private requests: Request[] = [];
  private disposals: (() => void)[] = [];
  private running: Promise<void> | null = null;

  constructor(private readonly backend: Backend) {}

  /** The bytes of a node's elements, row by row. */
  read(node: Node): Promise<ArrayBuffer> {
    return new Promise((resolve, reject) => {
      this.requests.push({ node, resolve, reject });
      this.running ??= this.drain();
    });
  }

  /** Disposes once the reads that were asked for before have been submitted. */
  whenSubmitted(dispose: () => void): void {
    if (this.running) this.disposals.push(dispose);
    else dispose();
  }

  /** Resolves when everything asked for so far is done. */
  async synchronize(): Promise<void> {
    await this.running;
    await this.backend.synchronize();
  }

  private async drain(): Promise<void> {
    // One microtask later, so that reads of the same tick come together.
    await null;
    while (this.requests.length > 0) {
      const batch = this.requests;
      const disposals = this.disposals;
      this.requests = [];
      this.disposals = [];
      await this.serve(batch);
      for (const dispose of disposals) dispose();
    }
    this.disposals.splice(0).forEach((dispose) => dispose());
    this.running = null;
  }

  /** Submits a batch. Where one cannot be computed, the others are served without it. */
  private async serve(batch: readonly Request[]): Promise<void> {
    let submitted: Submitted;
    try {
      submitted = await this.submit(batch.map(({ node }) => node));
    } catch (error) {
      if (batch.length === 1) batch.forEach(({ reject }) => reject(error));
      else for (const request of batch) await this.serve([request]);
      return;
    }
    submitted.received.then(
      (results) => batch.forEach(({ resolve }, i) => resolve(at(results, i))),
      (error: unknown) => batch.forEach(({ reject }) => reject(error)),
    );
  }

  /** Computes what is missing and reads all, in one submit. */
  private async submit(nodes: readonly Node[]): Promise<Submitted> {
    const direct = nodes.map(directRead);
    const missing = nodes.filter((_, i) => !direct[i]);
    const reads: Reads = (made) => nodes.map((node, i) => direct[i] ?? { storage: storageOf(node, made), offset: 0, bytes: bytesOf(node) });
    return missing.length === 0 ? { received: this.backend.read(reads(new Map())) } : this.compute(missing, reads);
  }

  private async compute(wanted: readonly Node[], reads: Reads): Promise<Submitted> {
    const call = onlyCall(wanted);
    if (call) return this.replay(call, reads);
    const graph = walk(wanted);
    const { executable, leaves, passing } = compile(graph, this.backend);
    const inputs = leaves.map((leaf) => at(graph.leaves, leaf));
    const submitted = await this.execute(executable, inputs, graph.outputs, reads);
    for (const place of passing) at(graph.nodes, place).runs += 1;
    return submitted;
  }

  private replay({ recorded, leaves, outputs }: Call, reads: Reads): Promise<Submitted> {
    recorded.executable ??= this.backend.prepare(recorded.plan);
    return this.execute(recorded.executable, leaves, outputs, reads);
  }

  private async execute(executable: Executable, leaves: readonly Node[], outputs: readonly Node[], reads: Reads): Promise<Submitted> {
    const inputs = leaves.map((leaf) => storageOf(leaf));
    const made = new Map<Node, Storage>();
    // What is submitted at once needs no pins.
    const pinned = executable.ready || this.backend.profiler ? inputs : [];
    for (const storage of pinned) storage.pin();
    try {
      if (executable.ready) await executable.ready;
      for (const node of outputs) made.set(node, this.backend.allocate(bytesOf(node)));
      const received = executable.run(inputs, [...made.values()], reads(made));
      // A profiled run is not submitted at once: what it uses must stay until it is.
      if (this.backend.profiler) await received;
      for (const [node, storage] of made) {
        // One output of a recorded function may be there before the others are asked for.
        if (node.storage) storage.dispose();
        else node.settle(storage);
      }
      return { received };
    } catch (error) {
      for (const storage of made.values()) storage.dispose();
      throw error;
    } finally {
      for (const storage of pinned) storage.unpin();
    }
  }
}

/** The memory of a node that was computed before, or has just been made. */
function storageOf(node: Node, made?: ReadonlyMap<Node, Storage>): Storage {
  const storage = made?.get(node) ?? node.storage;
  if (!storage) throw new RangeError("a node was read before it was computed");
  return storage;
}

/** Where a node's bytes lie already, if they do. */
function directRead(node: Node): Read | null {
  let base = node;
  while (!base.isLeaf && base.op.kind === "move") base = at(base.inputs, 0);
  if (!base.storage) return null;
  const view = viewIn(base, node);
  if (!view || !isContiguous(view)) return null;
  return { storage: base.storage, offset: view.offset * itemSize(node.dtype), bytes: numel(node.shape) * itemSize(node.dtype) };
}

/** The recorded function whose outputs these are, if they are all of one, and all that it reads is there. */
function onlyCall(nodes: readonly Node[]): Call | null {
  const calls = new Set(nodes.map(({ op }) => (op.kind === "call" ? op.call : null)));
  const [call = null] = calls;
  return calls.size === 1 && call?.leaves.every((leaf) => leaf.storage) ? call : null;
}
