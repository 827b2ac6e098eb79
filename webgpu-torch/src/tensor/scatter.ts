/** Functions that put elements where an index says. */

import { asElement, isFloat } from "../base/dtype";
import { RuntimeError, showShape } from "../base/errors";
import { type Shape, wrapDim } from "../base/shape";
import { cast, choose, constant, copied, element, make } from "./build";
import { checkIndex } from "./indexing";
import { type Args, keywords, named } from "./keywords";
import { pad } from "./pad";
import { narrow, reshape, transpose } from "./shapes";
import { Tensor } from "./tensor";

export interface ScatterOptions {
  src?: Tensor | number;
  value?: number;
  reduce?: keyof typeof JOINS | null;
}

/**
 * A copy of the input in which the elements of a dimension that `index` names are those of `src`, or one number; or what was there
 * and they, added or multiplied. Of several for one place the last counts. An index out of range, which PyTorch refuses, names none.
 */
export const scatter = named(
  "scatter",
  ["input: Tensor", "dim: int", "index: Tensor", "..."],
  (input: Tensor, dim: number, index: Tensor, ...args: Args<ScatterOptions, ["src"]>): Tensor => {
    const options = keywords<ScatterOptions>("scatter", ["src"], args, ["value", "reduce"]);
    const { src = options.value, reduce = null } = options;
    if (src === undefined) throw new TypeError("scatter() missing argument: src, or value");
    if (reduce !== null && !Object.hasOwn(JOINS, reduce))
      throw new RuntimeError(`scatter: reduce argument must be either add or multiply, got ${String(reduce)}`);
    const source = src instanceof Tensor ? src : asElement("scatter", src, input.dtype);
    return put("scatter", input, dim, index, source, reduce);
  },
);

/** A copy of the input with the elements of `src` added where `index` says. */
export const scatter_add = named(
  "scatter_add",
  ["input: Tensor", "dim: int", "index: Tensor", "src: Tensor"],
  (input: Tensor, dim: number, index: Tensor, src: Tensor): Tensor => put("scatter_add", input, dim, index, src, "add"),
);

const JOINS = { add: "sum", multiply: "prod" } as const;

function put(op: string, input: Tensor, dim: number, index: Tensor, src: Tensor | number, reduce: keyof typeof JOINS | null): Tensor {
  // A single value is a vector of one.
  const vector = (tensor: Tensor): Tensor => (tensor.ndim === 0 ? reshape(tensor, [1]) : tensor);
  if ([input, index, src].some((given) => given instanceof Tensor && given.ndim === 0))
    return reshape(put(op, vector(input), dim, vector(index), src instanceof Tensor ? vector(src) : src, reduce), input.shape);
  const d = checked(op, input, dim, index, src);
  if (index.numel() === 0 || input.numel() === 0) return copied(input);
  return reduce === null ? replaced(input, d, index, src) : joined(JOINS[reduce], input, d, index, src);
}

function checked(op: string, input: Tensor, dim: number, index: Tensor, src: Tensor | number): number {
  const d = wrapDim(op, dim, input.ndim);
  checkIndex(op, index);
  if (src instanceof Tensor && src.dtype !== input.dtype)
    throw new RuntimeError(`${op}(): Expected self.dtype to be equal to src.dtype, got ${input.dtype} and ${src.dtype}`);
  if (index.numel() === 0) return d;
  const sizes = src instanceof Tensor ? src.shape : index.shape;
  const fits = index.ndim === input.ndim && sizes.length === index.ndim;
  const within = (i: number, size: number) => (i === d || size <= (input.shape[i] ?? 1)) && size <= (sizes[i] ?? 0);
  if (!fits)
    throw new RuntimeError(
      `${op}(): Index tensor must have the same number of dimensions as self and src tensor: ${showShape(index.shape)}, ${showShape(input.shape)} and ${showShape(sizes)}`,
    );
  if (!index.shape.every((size, i) => within(i, size)))
    throw new RuntimeError(
      `${op}(): Expected index ${showShape(index.shape)} to be no larger than self ${showShape(input.shape)} apart from dimension ${d} and to be no larger size than src ${showShape(sizes)}`,
    );
  return d;
}

/** The part of a tensor that lies under a shape. */
const under = (input: Tensor, shape: Shape): Tensor => shape.reduce((part, size, d) => narrow(part, d, 0, size), input);

/** A tensor over the index's shape, put on the input's. */
function over(input: Tensor, part: Tensor, fill: number): Tensor {
  const widths = input.shape.map((size, d) => [0, size - (part.shape[d] ?? 0)]).reverse();
  return pad(part, widths.flat(), { value: fill });
}

/** What is put in a place is what the last index that names it stands beside. */
function replaced(input: Tensor, d: number, index: Tensor, src: Tensor | number): Tensor {
  const last = input.ndim - 1;
  const rows = transpose(cast(index, "int32"), d, last);
  const shape = [...rows.shape.slice(0, -1), input.shape[d] ?? 1];
  const places = transpose(make({ kind: "scatter_places" }, [rows], shape, "int32"), d, last);
  const named = over(input, places, -1);
  if (!(src instanceof Tensor)) return cast(choose(element("ge", named, 0), src, input), input.dtype);
  const found = make({ kind: "take", dim: d }, [under(src, widened(index.shape, d, src)), places], places.shape, src.dtype);
  return choose(element("ge", named, 0), over(input, found, 0), input);
}

const widened = (shape: Shape, d: number, src: Tensor): Shape => shape.map((size, i) => (i === d ? (src.shape[i] ?? size) : size));

/** All that an index puts in a place, joined with what is there. */
function joined(join: "sum" | "prod", input: Tensor, d: number, index: Tensor, src: Tensor | number): Tensor {
  const last = input.ndim - 1;
  // Sums of float16 are kept in float32 until they are complete.
  const dtype = isFloat(input.dtype) ? "float32" : input.dtype === "uint32" ? "uint32" : "int32";
  const rows = transpose(cast(index, "int32"), d, last);
  const values =
    src instanceof Tensor ? cast(transpose(under(src, index.shape), d, last), dtype) : constant(src, rows.shape, dtype, input.backend);
  const shape = [...rows.shape.slice(0, -1), input.shape[d] ?? 1];
  const part = transpose(make({ kind: "scatter_join", join }, [rows, values], shape, dtype), d, last);
  return cast(join === "sum" ? element("add", input, over(input, part, 0)) : element("mul", input, over(input, part, 1)), input.dtype);
}
