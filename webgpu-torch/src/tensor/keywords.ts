/** PyTorch's calling convention: positional arguments in order, keyword arguments in one trailing object. */

import { inCall, showShape } from "../base/errors";
import { checkKind, isOfKind, type Kind, typeName } from "./kinds";
import { Tensor } from "./tensor";

/** The arguments that `Names`, in order, and the rest of `O` as keywords allow. */
export type Args<O extends object, Names extends readonly (keyof O)[]> = Names extends readonly [
  infer K extends keyof O,
  ...infer Rest extends readonly (keyof O)[],
]
  ? [] | [O] | [O[K], ...Args<O, Rest>]
  : [] | [O];

/**
 * The parameters that a call cannot do without, in order: "name", or "name: Tensor" where the argument is to be checked; "..." at
 * the end where others follow, which are the function's own matter.
 */
type Names = readonly string[];

type NameOf<Text extends string> = Text extends `${infer Name}: ${Kind}` ? Name : Text;

/** The arguments of a function that takes its parameters by position or, from any of them on, by name. */
export type Arguments<P extends readonly unknown[], N extends Names> = P | ByName<P, N>;

type ByName<P extends readonly unknown[], N extends Names> = N extends readonly [infer Text extends string, ...infer Later extends Names]
  ? Text extends "..."
    ? never
    : P extends readonly [infer First, ...infer Others]
      ? [Keywords<P, N>] | [First, ...ByName<Others, Later>]
      : never
  : never;

/** The object that holds all of `P`: the named parameters, and the options behind them. */
type Keywords<P extends readonly unknown[], N extends Names> = N extends readonly [infer Text extends string, ...infer Later extends Names]
  ? Text extends "..."
    ? OptionsOf<P>
    : P extends readonly [infer First, ...infer Others]
      ? { readonly [Name in NameOf<Text>]: First } & Keywords<Others, Later>
      : never
  : unknown;

/** What is neither a tensor nor a plain value nor a list is an object of options. */
type OptionsOf<P extends readonly unknown[]> = [Options<P[number]>] extends [never] ? unknown : Options<P[number]>;
type Options<Value> = Exclude<Value, Tensor | readonly unknown[] | string | number | boolean | null | undefined>;

/** Names taken apart. */
interface Parameters {
  readonly names: readonly string[];
  readonly kinds: readonly (Kind | undefined)[];
  /** Whether others follow. */
  readonly open: boolean;
}

function parametersOf(texts: Names): Parameters {
  const open = texts.at(-1) === "...";
  const parts = (open ? texts.slice(0, -1) : texts).map((text) => text.split(": "));
  return { names: parts.map(([name = ""]) => name), kinds: parts.map(([, kind]) => kind as Kind | undefined), open };
}

/** A function as its users call it: parameters by position or by name, and errors with its name and the shapes it was given. */
export function named<P extends readonly unknown[], R, const N extends Names>(
  op: string,
  names: N,
  compute: (...args: P) => R,
): (...args: Arguments<P, N>) => R {
  const parameters = parametersOf(names);
  return (...args) => {
    try {
      // The names are those of the function's own parameters, whose types are P's.
      const result = compute(...(arrange(op, parameters, args) as unknown as P));
      if (result instanceof Tensor) nameAfter(op, result, args);
      else if (typeof result === "object" && result !== null)
        for (const inner of Object.values(result)) if (inner instanceof Tensor) nameAfter(op, inner, args);
      return result;
    } catch (error) {
      throw inCall(error, op, () => shapesIn(parameters.names, args));
    }
  };
}

/** A result that is an argument as it came has its name already. */
function nameAfter(op: string, result: Tensor, args: readonly unknown[]): void {
  if (!args.includes(result)) result.node.called = op;
}

/** The same for constructors: all arguments by position, but for those at the end that are options. */
export const arranged = <P extends readonly unknown[], const N extends Names>(op: string, names: N, args: Arguments<P, N>): P =>
  arrange(op, parametersOf(names), args) as unknown as P;

function arrange(op: string, parameters: Parameters, args: readonly unknown[]): readonly unknown[] {
  const { names, kinds, open } = parameters;
  if (isPlainCall(parameters, args)) return args;
  const last = args.at(-1);
  const given = isKeywords(last) && args.length <= names.length + Number(!open) ? { ...last } : null;
  const all = given ? args.slice(0, -1) : [...args];
  if (!open && all.length > names.length)
    throw new TypeError(`${op}() takes ${names.length} positional ${plural("argument", names.length)} but ${all.length} were given`);
  const positional = all.length;
  names.forEach((name, i) => {
    const value = given?.[name];
    if (value === undefined) return;
    if (i < positional) throw new TypeError(`${op}() got multiple values for argument '${name}'`);
    all[i] = value;
    delete given?.[name];
  });
  const missing = names.filter((_, i) => all[i] === undefined).map((name) => `"${name}"`);
  if (missing.length > 0)
    throw new TypeError(
      `${op}() missing ${missing.length} required positional ${plural("argument", missing.length)}: ${missing.join(", ")}`,
    );
  kinds.forEach((kind, i) => {
    if (kind && !isOfKind(kind, all[i]))
      throw new TypeError(`${op}(): argument '${names[i]}' (position ${i + 1}) must be ${kind}, not ${typeName(all[i])}`);
  });
  const [unknown] = Object.keys(given ?? {});
  if (unknown === undefined) return all;
  if (!open) throw new TypeError(`${op}() got an unexpected keyword argument '${unknown}'`);
  return [...all, given];
}

/** Whether all parameters are there, by position and of their kinds: the usual call, which needs no arranging. */
function isPlainCall({ names, kinds, open }: Parameters, args: readonly unknown[]): boolean {
  const count = names.length;
  if (args.length < count || (args.length > count && !open)) return false;
  for (let i = 0; i < count; i++) {
    const kind = kinds[i];
    if (args[i] === undefined || (kind && !isOfKind(kind, args[i]))) return false;
  }
  return args.length > count || !isKeywords(args[count - 1]);
}

const plural = (word: string, count: number): string => (count === 1 ? word : `${word}s`);

/** Most shapes that an error tells. */
const SHOWN = 8;

/** The tensors among arguments, as "name [2, 3]". */
function shapesIn(names: readonly string[], args: readonly unknown[]): string[] {
  const shapes: string[] = [];
  const visit = (name: string, value: unknown) => {
    if (value instanceof Tensor) shapes.push(`${name} ${value.disposed ? "disposed" : showShape(value.shape)}`);
    else if (Array.isArray(value)) for (const inner of value as readonly unknown[]) visit(name, inner);
    else if (isKeywords(value)) for (const [key, inner] of Object.entries(value)) visit(key, inner);
  };
  args.forEach((value, i) => visit(names[i] ?? "and", value));
  return shapes.length > SHOWN ? [...shapes.slice(0, SHOWN), "…"] : shapes;
}

/** Keywords that PyTorch takes None for wherever it has them, which says no more than to leave them out. */
const NONE_IS_DEFAULT = ["dtype", "device", "generator"] as const;

/** Keyword arguments as a function gets them. */
type Given<O extends object> = {
  [Name in keyof O]: Name extends (typeof NONE_IS_DEFAULT)[number] ? Exclude<O[Name], null> : O[Name];
};

/** Joins positional and keyword arguments that may be left out; `only` names those that are keywords only. */
export function keywords<O extends object>(
  op: string,
  names: readonly (keyof O & string)[],
  args: readonly unknown[],
  only: readonly (keyof O & string)[] = [],
): Given<O> {
  const given: Partial<Record<string, unknown>> = {};
  args.forEach((value, i) => {
    const name = names[i];
    if (isKeywords(value) && i === args.length - 1) {
      for (const [key, inner] of Object.entries(value)) {
        if (![...names, ...only].includes(key as keyof O & string))
          throw new TypeError(`${op}() got an unexpected keyword argument '${key}'`);
        if (key in given) throw new TypeError(`${op}() got multiple values for argument '${key}'`);
        // A dtype that the library lacks, such as torch.int64, must not pass for one that was left out.
        if (inner === undefined && key === "dtype") throw new TypeError(`${op}(): argument 'dtype' is undefined; null stands for the default`);
        const isLeftOut = inner === undefined || (inner === null && NONE_IS_DEFAULT.some((name) => name === key));
        if (isLeftOut) continue;
        checkKind(op, key, inner);
        given[key] = inner;
      }
    } else if (name === undefined) {
      throw new TypeError(`${op}() takes at most ${names.length} positional arguments but ${args.length} were given`);
    } else if (value !== undefined) {
      checkKind(op, name, value);
      given[name] = value;
    }
  });
  // The names are O's, and the types are those of the function's own signature.
  return given as Given<O>;
}

/** Whether a value is an object literal, and not a tensor or an array. */
function isKeywords(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && Object.getPrototypeOf(value) === Object.prototype;
}
