/** Modules made of others, one after the other. */

import { typeName } from "../../tensor/kinds";
import type { Tensor } from "../../tensor/tensor";
import { type InputArgs, inputOf } from "./layers";
import { Module } from "./module";

/** A module from a tensor to a tensor. */
export interface Layer extends Module {
  forward(input: Tensor): Tensor;
}

function checked(owner: string, module: unknown): Module {
  if (module instanceof Module) return module;
  throw new TypeError(`${owner}: ${typeName(module)} is not a Module`);
}

/** Modules by number, which a model calls as it likes. */
export class ModuleList extends Module {
  constructor(modules: Iterable<Module> = []) {
    super();
    for (const module of modules) this.append(module);
  }

  append(module: Module): this {
    return Object.assign(this, { [this.length]: checked("ModuleList", module) });
  }

  get length(): number {
    return this.named_children().length;
  }

  [Symbol.iterator](): IterableIterator<Module> {
    return this.children()[Symbol.iterator]();
  }

  override forward(): never {
    throw new TypeError('Module [ModuleList] is missing the required "forward" function');
  }
}

/** Modules that each take what the one before them gives. */
export class Sequential extends Module {
  constructor(...modules: readonly Layer[]) {
    super();
    modules.forEach((module, i) => Object.assign(this, { [i]: checked("Sequential", module) }));
  }

  override forward(...args: InputArgs): Tensor {
    return (this.children() as Layer[]).reduce((x, layer) => layer.forward(x), inputOf("Sequential", args));
  }
}
