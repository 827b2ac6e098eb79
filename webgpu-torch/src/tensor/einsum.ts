/** Products and sums over named dimensions: einsum, by way of matmul. */

import { RuntimeError, showShape } from "../base/errors";
import { at } from "../base/list";
import { element } from "./build";
import { named } from "./keywords";
import { matmul } from "./products";
import { diagonal } from "./rearrange";
import { sum } from "./reductions";
import { expand, permute, reshape } from "./shapes";
import { Tensor } from "./tensor";

/** A tensor whose dimensions have names, each once. Dimensions of an ellipsis are named by digits, counted from the last. */
interface Named {
  readonly tensor: Tensor;
  readonly names: readonly string[];
}

/** Sums of products over the names that the output lacks: "bij,bjk->bik". Operands are contracted from left to right. */
export const einsum = named(
  "einsum",
  ["..."],
  (equation: string, ...operands: readonly Tensor[] | readonly [readonly Tensor[]]): Tensor => {
    const tensors = operands.flat() as Tensor[];
    if (typeof equation !== "string") throw new TypeError(`einsum(): argument 'equation' (position 1) must be str, not ${typeof equation}`);
    const [left = "", right, ...more] = equation.replaceAll(" ", "").split("->");
    if (more.length > 0) throw new RuntimeError(`einsum(): invalid subscript given, expected one arrow at most: ${equation}`);
    const terms = left.split(",");
    const other = tensors.findIndex((tensor) => !(tensor instanceof Tensor));
    if (other >= 0) throw new TypeError(`einsum: expected Tensor as operand ${other}, got ${typeof tensors[other]}`);
    if (tensors.length === 0) throw new RuntimeError("einsum(): must provide at least one operand");
    if (terms.length !== tensors.length)
      throw new RuntimeError(
        `einsum(): ${terms.length < tensors.length ? "more" : "fewer"} operands were provided than specified in the equation ${equation}`,
      );
    let hidden = 0;
    const named = terms.map((term, i) => {
      const tensor = at(tensors, i);
      const names = namesOf(term, tensor.ndim, i);
      hidden = Math.max(hidden, names.filter((name) => name < "A").length);
      return withoutRepeats({ tensor, names });
    });
    const output = right === undefined ? implicit(named, left) : expandEllipsis(checkTerm(right), hidden);
    if (new Set(output).size !== output.length)
      throw new RuntimeError(`einsum(): output subscript appears more than once in the output: ${equation}`);
    const missing = output.find((name) => !named.some(({ names }) => names.includes(name)));
    if (missing !== undefined)
      throw new RuntimeError(`einsum(): output subscript ${missing} does not appear in the equation for any input operand`);
    return contractAll(named, output);
  },
);

function checkTerm(term: string): string {
  const bad = /[^A-Za-z]/.exec(term.replace("...", ""));
  if (bad) throw new RuntimeError(`einsum(): invalid subscript given, subscripts must be in [a-zA-Z], got ${bad[0]} in ${term}`);
  return term;
}

function namesOf(term: string, ndim: number, operand: number): string[] {
  const named = checkTerm(term).replace("...", "").length;
  if (term.includes("...") ? named > ndim : named !== ndim)
    throw new RuntimeError(
      `einsum(): the number of subscripts in the equation (${named}) does not match the number of dimensions (${ndim}) for operand ${operand}${term.includes("...") ? "" : " and no ellipsis was given"}`,
    );
  return expandEllipsis(term, ndim - named);
}

/** An ellipsis as the names of its last `count` dimensions. */
function expandEllipsis(term: string, count: number): string[] {
  const [before = "", after] = term.split("...");
  if (after === undefined) return [...before];
  return [...before, ...Array.from({ length: count }, (_, i) => String.fromCharCode("0".charCodeAt(0) + count - 1 - i)), ...after];
}

/** Without an arrow: the ellipsis, then the letters that appear once, in alphabetical order. */
function implicit(named: readonly Named[], left: string): string[] {
  const letters = [...left.replace(/[^A-Za-z]/g, "")];
  const once = letters.filter((letter) => letters.indexOf(letter) === letters.lastIndexOf(letter)).sort();
  const dots = new Set(named.flatMap(({ names }) => names.filter((name) => name < "A")));
  return [...[...dots].sort().reverse(), ...once];
}

/** A name that a term has twice takes the diagonal of its two dimensions. */
function withoutRepeats({ tensor, names }: Named): Named {
  const second = names.findIndex((name, d) => names.indexOf(name) < d);
  if (second < 0) return { tensor, names };
  const first = names.indexOf(at(names, second));
  if (tensor.shape[first] !== tensor.shape[second])
    throw new RuntimeError(
      `einsum(): subscript ${names[second]} is repeated for operand but the sizes don't match, ${tensor.shape[second]} != ${tensor.shape[first]}`,
    );
  const rest = names.filter((_, d) => d !== first && d !== second);
  return withoutRepeats({ tensor: diagonal(tensor, 0, first, second), names: [...rest, at(names, second)] });
}

function contractAll(named: readonly Named[], output: readonly string[]): Tensor {
  checkSizes(named);
  const [first, ...others] = named;
  if (!first) throw new RuntimeError("einsum(): must provide at least one operand");
  const joined = others.reduce((a, b, i) => contract(a, b, [...output, ...others.slice(i + 1).flatMap(({ names }) => names)]), first);
  const { tensor, names } = summed(joined, output);
  return permute(
    tensor,
    output.map((name) => names.indexOf(name)),
  );
}

/** Sizes of one name are equal, or 1. */
function checkSizes(named: readonly Named[]): void {
  const sizes = new Map<string, number>();
  for (const { tensor, names } of named) {
    names.forEach((name, d) => {
      const size = at(tensor.shape, d);
      const known = sizes.get(name) ?? 1;
      if (known !== 1 && size !== 1 && known !== size)
        throw new RuntimeError(
          `einsum(): subscript ${name} has size ${size} for operand ${showShape(tensor.shape)} which does not broadcast with previously seen size ${known}`,
        );
      if (size !== 1 || !sizes.has(name)) sizes.set(name, size);
    });
  }
}

/** Sums over the names that no one needs any more. */
function summed({ tensor, names }: Named, needed: readonly string[]): Named {
  const gone = names.flatMap((name, d) => (needed.includes(name) ? [] : [d]));
  return gone.length === 0 ? { tensor, names } : { tensor: sum(tensor, gone), names: names.filter((name) => needed.includes(name)) };
}

/** The product of two, summed over the names that both have and nobody else needs. */
function contract(left: Named, right: Named, needed: readonly string[]): Named {
  const a = summed(left, [...needed, ...right.names]);
  const b = summed(right, [...needed, ...left.names]);
  const both = a.names.filter((name) => b.names.includes(name));
  const inner = both.filter((name) => !needed.includes(name));
  const batch = both.filter((name) => needed.includes(name));
  const rows = a.names.filter((name) => !both.includes(name));
  const columns = b.names.filter((name) => !both.includes(name));
  const names = [...batch, ...rows, ...columns];
  const sizeOf = (name: string) => (sizeIn(a, name) === 1 ? sizeIn(b, name) : sizeIn(a, name));
  if (inner.length === 0) {
    const one = aligned(a, [...batch, ...rows], columns.length);
    return { tensor: element("mul", one, aligned(b, [...batch, ...columns], 0, batch.length, rows.length)), names };
  }
  const count = (group: readonly string[]) => group.reduce((n, name) => n * sizeOf(name), 1);
  const x = reshape(ordered(a, [...batch, ...rows, ...inner], inner, sizeOf), [
    ...batch.map((n) => sizeIn(a, n)),
    count(rows),
    count(inner),
  ]);
  const y = reshape(ordered(b, [...batch, ...inner, ...columns], inner, sizeOf), [
    ...batch.map((n) => sizeIn(b, n)),
    count(inner),
    count(columns),
  ]);
  return { tensor: reshape(matmul(x, y), names.map(sizeOf)), names };
}

const sizeIn = ({ tensor, names }: Named, name: string): number => tensor.shape[names.indexOf(name)] ?? 1;

/** Dimensions in an order, those in `wide` at their full size. */
function ordered({ tensor, names }: Named, order: readonly string[], wide: readonly string[], sizeOf: (name: string) => number): Tensor {
  const moved = permute(
    tensor,
    order.map((name) => names.indexOf(name)),
  );
  return expand(
    moved,
    order.map((name, d) => (wide.includes(name) ? sizeOf(name) : at(moved.shape, d))),
  );
}

/** Dimensions in an order, with dimensions of size 1 put in after the first `skip` and at the end, to broadcast. */
function aligned({ tensor, names }: Named, order: readonly string[], behind: number, skip = 0, between = 0): Tensor {
  const moved = permute(
    tensor,
    order.map((name) => names.indexOf(name)),
  );
  const ones = (count: number) => new Array<number>(count).fill(1);
  return reshape(moved, [...moved.shape.slice(0, skip), ...ones(between), ...moved.shape.slice(skip), ...ones(behind)]);
}
