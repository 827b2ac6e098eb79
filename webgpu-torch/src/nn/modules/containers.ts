/** Modules made of others, one after the other. */

import { typeName } from "../../tensor/kinds";
import type { Tensor } from "../../tensor/tensor";
import { type InputArgs, inputOf } from "./layers";
import { Module } from "./module";

/** A module from a tensor to a tensor. */
export interface Layer extends Module {
  forward(input: Tensor): Tensor;
}

/** Modules by number, each as often as it was put in. */
abstract class Modules<M extends Module> extends Module {
  readonly [number: number]: M;

  append(module: M): this {
    if (!(module instanceof Module)) throw new TypeError(`${this.constructor.name}: ${typeName(module)} is not a Module`);
    return Object.assign(this, { [this.length]: module });
  }

  extend(modules: Iterable<M>): this {
    for (const module of modules) this.append(module);
    return this;
  }

  get length(): number {
    return [...this].length;
  }

  *[Symbol.iterator](): IterableIterator<M> {
    for (const value of Object.values(this)) if (value instanceof Module) yield value as M;
  }
}

/** Modules that a model calls as it likes. */
export class ModuleList<M extends Module = Module> extends Modules<M> {
  constructor(modules: Iterable<M> = []) {
    super();
    this.extend(modules);
  }

  override forward(): never {
    throw new TypeError('Module [ModuleList] is missing the required "forward" function');
  }
}

/** Modules that each take what the one before them gives. */
export class Sequential extends Modules<Layer> {
  constructor(...modules: readonly Layer[]) {
    super();
    this.extend(modules);
  }

  override forward(...args: InputArgs): Tensor {
    return [...this].reduce((x, layer) => layer.forward(x), inputOf("Sequential", args));
  }
}
