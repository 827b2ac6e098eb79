/** Runs what is asked for: reads asked in one tick share one run, and runs go one after the other. */

import type { Backend, Executable, Read } from "../backend/backend";
import { isContiguous } from "../base/view";
import { itemSize } from "../base/dtype";
import { numel } from "../base/shape";
import { compile } from "./compile";
import { viewIn } from "./fuse";
import { type Call, type Node } from "./node";
import { bytesOf } from "./plan";
import { walk } from "./walk";

interface Request {
  readonly node: Node;
  readonly resolve: (bytes: ArrayBuffer) => void;
  readonly reject: (reason: unknown) => void;
}

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
    let received: Promise<ArrayBuffer[]>;
    try {
      received = (await this.submit(batch.map(({ node }) => node))).received;
    } catch (error) {
      if (batch.length === 1) batch.forEach(({ reject }) => reject(error));
      else for (const request of batch) await this.serve([request]);
      return;
    }
    received.then(
      (results) => batch.forEach(({ resolve }, i) => resolve(results[i] ?? new ArrayBuffer(0))),
      (error: unknown) => batch.forEach(({ reject }) => reject(error)),
    );
  }

  /** Computes what is missing and reads all, in one submit. Resolves at the submit; `received` when the bytes are here. */
  private async submit(nodes: readonly Node[]): Promise<{ received: Promise<ArrayBuffer[]> }> {
    const missing = nodes.filter((node) => !directRead(node));
    const reads = () => nodes.map((node) => directRead(node) ?? { storage: node.storage as NonNullable<Node["storage"]>, offset: 0, bytes: bytesOf(node) });
    if (missing.length === 0) return { received: this.backend.read(reads()) };
    return this.compute(missing, reads);
  }

  private async compute(wanted: readonly Node[], reads: () => readonly Read[]): Promise<{ received: Promise<ArrayBuffer[]> }> {
    const call = onlyCall(wanted);
    if (call) return this.replay(call, reads);
    let graph = walk(wanted);
    if (graph.calls.length > 0) {
      for (const first of graph.calls) await this.replay(first, () => []);
      graph = walk(wanted);
    }
    const { executable, leaves, passing } = compile(graph, this.backend);
    const submitted = await this.execute(executable, leaves.map((i) => graph.leaves[i] as Node), graph.outputs, reads);
    for (const i of passing) (graph.nodes[i] as Node).runs += 1;
    return submitted;
  }

  private async replay({ executable, leaves, outputs }: Call, reads: () => readonly Read[]): Promise<{ received: Promise<ArrayBuffer[]> }> {
    const missing = leaves.filter((leaf) => !leaf.storage);
    if (missing.length > 0) await this.compute(missing, () => []);
    return this.execute(executable, leaves, outputs, reads);
  }

  private async execute(executable: Executable, leaves: readonly Node[], outputs: readonly Node[], reads: () => readonly Read[]): Promise<{ received: Promise<ArrayBuffer[]> }> {
    const inputs = leaves.map(({ storage }) => storage as NonNullable<typeof storage>);
    inputs.forEach((storage) => storage.pin());
    try {
      if (executable.ready) await executable.ready;
      const results = outputs.map((node) => this.backend.allocate(bytesOf(node)));
      outputs.forEach((node, i) => node.settle(results[i] as (typeof results)[number]));
      // Submits before it first awaits.
      return { received: executable.run(inputs, results, reads()) };
    } finally {
      inputs.forEach((storage) => storage.unpin());
    }
  }
}

/** Where a node's bytes lie already, if they do. */
function directRead(node: Node): Read | null {
  let base = node;
  while (!base.isLeaf && base.op.kind === "move") [base = node] = base.inputs;
  if (!base.storage) return null;
  const view = viewIn(base, node);
  if (!view || !isContiguous(view)) return null;
  return { storage: base.storage, offset: view.offset * itemSize(node.dtype), bytes: numel(node.shape) * itemSize(node.dtype) };
}

/** The recorded function whose outputs these are, if they are all of one. */
function onlyCall(nodes: readonly Node[]): Call | null {
  const calls = new Set(nodes.map(({ op }) => (op.kind === "call" ? op.call : null)));
  const [call = null] = calls;
  return calls.size === 1 ? call : null;
}
