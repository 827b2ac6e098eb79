/** PyTorch's calling convention: positional arguments in order, keyword arguments in one trailing object. */

/** The arguments that `Names`, in order, and the rest of `O` as keywords allow. */
export type Args<O extends object, Names extends readonly (keyof O)[]> = Names extends readonly [
  infer K extends keyof O,
  ...infer Rest extends readonly (keyof O)[],
]
  ? [] | [O] | [O[K], ...Args<O, Rest>]
  : [] | [O];

/** Joins positional and keyword arguments; `only` names those that are keywords only. */
export function keywords<O extends object>(
  op: string,
  names: readonly (keyof O & string)[],
  args: readonly unknown[],
  only: readonly (keyof O & string)[] = [],
): O {
  const given: Partial<Record<string, unknown>> = {};
  args.forEach((value, i) => {
    const name = names[i];
    if (isKeywords(value) && i === args.length - 1) {
      for (const [key, inner] of Object.entries(value)) {
        if (![...names, ...only].includes(key as keyof O & string))
          throw new TypeError(`${op}() got an unexpected keyword argument '${key}'`);
        if (key in given) throw new TypeError(`${op}() got multiple values for argument '${key}'`);
        if (inner !== undefined) given[key] = inner;
      }
    } else if (name === undefined) {
      throw new TypeError(`${op}() takes at most ${names.length} positional arguments but ${args.length} were given`);
    } else if (value !== undefined) {
      given[name] = value;
    }
  });
  // The names are O's, and the types are those of the function's own signature.
  return given as O;
}

/** Whether a value is an object literal, and not a tensor or an array. */
function isKeywords(value: unknown): value is object {
  return typeof value === "object" && value !== null && Object.getPrototypeOf(value) === Object.prototype;
}
