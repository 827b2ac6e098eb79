/** Class Tensor: a handle on a node of the graph. Its operations are in methods.ts. */

import type { Backend, DeviceName } from "../backend/backend";
import { type DType, type HostArray } from "../base/dtype";
import { RuntimeError, showShape } from "../base/errors";
import { numel, type Shape, wrapDim } from "../base/shape";
import type { Node } from "../graph/node";
import { runnerOf } from "../graph/run";
import { readValues } from "../ops/values";
import { type Nested, nest } from "./host";

/**
 * A tensor, computed when it is read: `await t.numpy()`, `await t.tolist()`, `await t.item()`.
 *
 * Memory is freed when nothing refers to it any more, at the garbage collector's leisure, or at once with `dispose()`.
 */
export class Tensor {
  private current: Node | null;

  /** @internal `rows`: what it was put together from along its first dimension, where no buffer holds it all: see `cat`. */
  constructor(
    node: Node,
    readonly rows: readonly Tensor[] | null = null,
  ) {
    this.current = node;
  }

  /** @internal */
  get node(): Node {
    if (!this.current || this.disposed) throw new RuntimeError("the tensor was disposed");
    return this.current;
  }

  /** @internal */
  get disposed(): boolean {
    return this.current === null || this.current.storage?.disposed === true;
  }

  /** @internal */
  get backend(): Backend {
    return this.node.backend;
  }

  get shape(): Shape {
    return this.node.shape;
  }

  get dtype(): DType {
    return this.node.dtype;
  }

  get device(): DeviceName {
    return this.node.backend.name;
  }

  get ndim(): number {
    return this.node.shape.length;
  }

  dim(): number {
    return this.ndim;
  }

  numel(): number {
    return numel(this.shape);
  }

  /** The shape, or the size of one dimension. */
  size(): Shape;
  size(dim: number): number;
  size(dim?: number): Shape | number {
    return dim === undefined ? this.shape : (this.shape[wrapDim("size", dim, this.ndim)] ?? 1);
  }

  /** The elements, row by row. float16 comes as Float32Array, bool as Uint8Array of 0 and 1. */
  async numpy(): Promise<HostArray> {
    const { node } = this;
    const count = numel(node.shape);
    const bytes = count === 0 ? new ArrayBuffer(0) : await runnerOf(node.backend).read(node);
    const values = readValues(bytes, node.dtype, 0, count);
    return node.dtype === "bool" ? Uint8Array.from(values) : values;
  }

  /** The elements in nested arrays; a plain value where there are no dimensions. */
  async tolist(): Promise<Nested> {
    const { shape, dtype } = this;
    return nest(await this.numpy(), shape, dtype);
  }

  /** The value of a tensor of one element. */
  async item(): Promise<number | boolean> {
    const { shape, dtype } = this;
    if (numel(shape) !== 1) throw new RuntimeError(`a Tensor with ${numel(shape)} elements cannot be converted to Scalar`);
    const [value = 0] = await this.numpy();
    return dtype === "bool" ? value !== 0 : value;
  }

  /**
   * Frees the memory behind the tensor now. Tensors that share it (views) are gone with it, and results that need it must have
   * been read, or their reads begun, before.
   */
  dispose(): void {
    const node = this.current;
    this.current = null;
    if (!node) return;
    this.rows?.forEach((part) => part.dispose());
    const runner = runnerOf(node.backend);
    runner.whenSubmitted(() => storagesOf(node).forEach((storage) => storage.dispose()));
  }

  toString(): string {
    return `Tensor(shape=${showShape(this.shape)}, dtype=${this.dtype}, device=${this.device})`;
  }
}

/** The memory that a tensor is, or is a view of. */
function storagesOf(node: Node): NonNullable<Node["storage"]>[] {
  if (node.storage) return [node.storage];
  return node.op.kind === "move" || node.op.kind === "quantized" ? node.inputs.flatMap(storagesOf) : [];
}
