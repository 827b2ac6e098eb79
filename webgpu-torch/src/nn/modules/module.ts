/** Class Module: a tree of parameters with PyTorch's names. */

import { type DType, isFloat, isPacked } from "../../base/dtype";
import { KeyError, RuntimeError, showShape, ValueError } from "../../base/errors";
import { sameShape } from "../../base/shape";
import { cast, copied } from "../../tensor/build";
import { type Args, keywords } from "../../tensor/keywords";
import { checkKind, typeName } from "../../tensor/kinds";
import { Tensor } from "../../tensor/tensor";

/** Tensors by name, as `torch.safetensors.load()` and `state_dict()` give them. */
export type StateDict = ReadonlyMap<string, Tensor> | Readonly<Record<string, Tensor>>;

export interface LoadStateOptions {
  /** Whether a name that either side lacks is refused. */
  strict?: boolean;
  /** Whether the module takes the tensors themselves, as they are, packed weights too; else copies in the dtypes of its own. */
  assign?: boolean;
}

/** What `load_state_dict` found on one side only. */
export interface IncompatibleKeys {
  readonly missing_keys: readonly string[];
  readonly unexpected_keys: readonly string[];
}

/** A place in a module that holds a tensor. */
interface Place {
  readonly name: string;
  readonly owner: Record<string, unknown>;
  readonly key: string;
  readonly tensor: Tensor;
}

/**
 * Properties that are tensors are parameters, properties that are modules are children; both are named as the properties are.
 * A subclass makes them in its constructor and computes in `forward`.
 */
export abstract class Module {
  /** Names of tensors that are buffers, and whether they are saved. */
  readonly #buffers = new Map<string, boolean>();

  training = true;

  /** The module's result. Each class has arguments of its own. */
  abstract forward(...args: never): unknown;

  /** Adds a tensor that is no parameter; it is part of the state unless it is not `persistent`. */
  register_buffer(name: string, tensor: Tensor | null, ...args: Args<{ persistent?: boolean }, ["persistent"]>): void {
    const { persistent = true } = keywords<{ persistent?: boolean }>("register_buffer", ["persistent"], args);
    this.#register("buffer", name, tensor, this.#buffers.has(name));
    this.#buffers.set(name, persistent);
  }

  /** Adds a parameter, as `this[name] = param` does, under a name that nothing else has. */
  register_parameter(name: string, param: Tensor | null): void {
    const own = (this as Record<string, unknown>)[name];
    this.#register("parameter", name, param, (own === null || own instanceof Tensor) && !this.#buffers.has(name));
  }

  #register(kind: string, name: string, tensor: unknown, isKnown: boolean): void {
    if (typeof name !== "string") throw new TypeError(`${kind} name should be a string. Got ${typeName(name)}`);
    if (name.includes(".")) throw new KeyError(`${kind} name can't contain "."`);
    if (name === "") throw new KeyError(`${kind} name can't be empty string ""`);
    // A field that a subclass has only declared is undefined so far.
    if ((this as Record<string, unknown>)[name] !== undefined && !isKnown) throw new KeyError(`attribute '${name}' already exists`);
    if (tensor !== null && !(tensor instanceof Tensor))
      throw new TypeError(`cannot assign '${typeName(tensor)}' object to ${kind} '${name}' (Tensor or null required)`);
    Object.assign(this, { [name]: tensor });
  }

  /** Sets `training`, here and below. Nothing in this library depends on it; a model's own forward may. */
  train(mode = true): this {
    if (typeof mode !== "boolean") throw new ValueError("training mode is expected to be boolean");
    for (const module of this.modules()) module.training = mode;
    return this;
  }

  eval(): this {
    return this.train(false);
  }

  /** Calls a function with each module below, then with this one. */
  apply(fn: (module: Module) => void): this {
    for (const child of this.children()) child.apply(fn);
    fn(this);
    return this;
  }

  /** Gives all parameters and buffers of floats another dtype of floats; packed ones stay. */
  to(dtype: DType): this {
    checkKind("to", "dtype", dtype);
    if (!isFloat(dtype) || isPacked(dtype))
      throw new TypeError(`nn.Module.to only accepts floating point dtypes, but got desired dtype=${dtype}`);
    const floats = [...this.parameters(), ...this.buffers()].filter((own) => isFloat(own.dtype) && !isPacked(own.dtype));
    const casts = new Map(floats.map((own) => [own, cast(own, dtype)]));
    this.#replace((own) => casts.get(own));
    return this;
  }

  half(): this {
    return this.to("float16");
  }

  float(): this {
    return this.to("float32");
  }

  /** Children by name, each module once. */
  named_children(): [string, Module][] {
    const seen = new Set<Module>();
    return this.#children().filter(([, child]) => !seen.has(child) && seen.add(child));
  }

  #children(): [string, Module][] {
    return Object.entries(this).filter((entry): entry is [string, Module] => entry[1] instanceof Module);
  }

  children(): Module[] {
    return this.named_children().map(([, child]) => child);
  }

  /** The module and all below it, by name, each module once; its own is "". */
  named_modules(prefix = ""): [string, Module][] {
    const seen = new Set<Module>();
    return this.#tree(prefix).filter(([, module]) => !seen.has(module) && seen.add(module));
  }

  /** The same, each module under all its names, as the state has it. */
  #tree(prefix = ""): [string, Module][] {
    return [[prefix, this], ...this.#children().flatMap(([name, child]) => child.#tree(prefix ? `${prefix}.${name}` : name))];
  }

  modules(): Module[] {
    return this.named_modules().map(([, module]) => module);
  }

  /** Parameters by name, each tensor once. */
  named_parameters(): [string, Tensor][] {
    return unique(this.#places((key, { buffers }) => !buffers.has(key)));
  }

  parameters(): Tensor[] {
    return this.named_parameters().map(([, tensor]) => tensor);
  }

  /** Buffers by name, each tensor once. */
  named_buffers(): [string, Tensor][] {
    return unique(this.#places((key, { buffers }) => buffers.has(key)));
  }

  buffers(): Tensor[] {
    return this.named_buffers().map(([, tensor]) => tensor);
  }

  /** Everything that is to be saved, by name. */
  state_dict(): Map<string, Tensor> {
    return new Map(this.#saved().map(({ name, tensor }) => [name, tensor]));
  }

  /** Takes copies of the tensors, by name: all of them or, where something is wrong, none. What is one tensor under several names stays one. */
  load_state_dict(state_dict: StateDict, ...args: Args<LoadStateOptions, ["strict", "assign"]>): IncompatibleKeys {
    const { strict = true, assign = false } = keywords<LoadStateOptions>("load_state_dict", ["strict", "assign"], args);
    const given = state_dict instanceof Map ? (state_dict as Map<string, Tensor>) : new Map(Object.entries(state_dict));
    const places = this.#saved();
    const known = new Set(places.map(({ name }) => name));
    const missing_keys = [...known].filter((name) => !given.has(name));
    const unexpected_keys = [...given.keys()].filter((name) => !known.has(name));
    const errors = places.flatMap(({ name, tensor }) => mismatch(name, given.get(name), tensor, assign));
    if (strict && unexpected_keys.length > 0) errors.unshift(`Unexpected key(s) in state_dict: ${quoted(unexpected_keys)}. `);
    if (strict && missing_keys.length > 0) errors.unshift(`Missing key(s) in state_dict: ${quoted(missing_keys)}. `);
    if (errors.length > 0) throw new RuntimeError(`Error(s) in loading state_dict for ${this.constructor.name}:\n\t${errors.join("\n\t")}`);
    const loaded = places.flatMap((place) => ({ place, value: given.get(place.name) })).filter(({ value }) => value);
    if (assign) for (const { place, value } of loaded) place.owner[place.key] = value;
    else {
      // Copied before anything changes: a dtype may be refused.
      const copies = new Map(loaded.map(({ place: { tensor }, value }) => [tensor, value && cast(copied(value), tensor.dtype)]));
      this.#replace((tensor) => copies.get(tensor));
    }
    return { missing_keys, unexpected_keys };
  }

  /** Frees the memory of all parameters and buffers. */
  dispose(): void {
    for (const tensor of [...this.parameters(), ...this.buffers()]) tensor.dispose();
  }

  /** Puts other tensors in the places of its own, in all that one has. */
  #replace(by: (tensor: Tensor) => Tensor | undefined): void {
    for (const { owner, key, tensor } of this.#places(() => true)) owner[key] = by(tensor) ?? tensor;
  }

  #saved(): Place[] {
    return this.#places((key, { buffers }) => buffers.get(key) !== false);
  }

  /** Places of tensors: the module's own parameters, its own buffers, then those of its children. */
  #places(wanted: (key: string, of: { buffers: ReadonlyMap<string, boolean> }) => boolean): Place[] {
    return this.#tree().flatMap(([prefix, module]) => {
      const buffers = module.#buffers;
      const own = Object.entries(module).filter(
        (entry): entry is [string, Tensor] => entry[1] instanceof Tensor && wanted(entry[0], { buffers }),
      );
      own.sort(([a], [b]) => Number(buffers.has(a)) - Number(buffers.has(b)));
      const owner = module as unknown as Record<string, unknown>;
      return own.map(([key, tensor]) => ({ name: prefix ? `${prefix}.${key}` : key, owner, key, tensor }));
    });
  }
}

/** Names and tensors; a tensor that has several names under its first. */
function unique(places: readonly Place[]): [string, Tensor][] {
  const seen = new Set<Tensor>();
  return places.flatMap(({ name, tensor }): [string, Tensor][] => {
    if (seen.has(tensor)) return [];
    seen.add(tensor);
    return [[name, tensor]];
  });
}

const quoted = (names: readonly string[]): string => names.map((name) => `"${name}"`).join(", ");

function mismatch(name: string, given: Tensor | undefined, own: Tensor, assign: boolean): string[] {
  if (given === undefined) return [];
  const unfit = (expected: string, received: string) => [
    `While copying the parameter named "${name}", expected ${expected}, but received ${received}`,
  ];
  if (!(given instanceof Tensor)) return unfit("a Tensor", typeof given);
  if (!assign && given.device !== own.device) return unfit(`a Tensor on ${own.device}`, `one on ${given.device}`);
  if (sameShape(given.shape, own.shape)) return [];
  return [
    `size mismatch for ${name}: copying a param with shape ${showShape(given.shape)} from checkpoint, the shape in current model is ${showShape(own.shape)}.`,
  ];
}
