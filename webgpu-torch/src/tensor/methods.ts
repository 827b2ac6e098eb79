/** Gives class Tensor a method for every function whose first argument is a tensor. */

import * as arithmetic from "./arithmetic";
import type { Operand } from "./build";
import * as conversion from "./conversion";
import { full_like, ones_like, tril, triu, zeros_like } from "./creation";
import * as extremes from "./extremes";
import * as indexing from "./indexing";
import { named } from "./keywords";
import { argwhere, masked_select, nonzero, type NonzeroMethod } from "./nonzero";
import * as pointwise from "./pointwise";
import * as products from "./products";
import { multinomial } from "./random";
import * as rearrange from "./rearrange";
import { norm } from "./norm";
import * as reductions from "./reductions";
import * as scans from "./scans";
import { scatter, scatter_add } from "./scatter";
import * as shapes from "./shapes";
import { log_softmax, softmax } from "./softmax";
import { index } from "./slices";
import * as sorting from "./sorting";
import * as special from "./special";
import { Tensor } from "./tensor";
import { std, variance } from "./variance";

// What has a tensor first, but is no method in PyTorch, stays a function.
const { rsub, ...plainArithmetic } = arithmetic;
const { slice, sizesOf, ...views } = shapes;
const { checkIndex, ...picks } = indexing;
const { linear, ...plainProducts } = products;

const METHODS = {
  ...conversion,
  ...pointwise,
  ...plainArithmetic,
  where: named("where", ["input: Tensor", "condition: Tensor", "other"], (input: Tensor, condition: Tensor, other: Operand) =>
    pointwise.where(condition, input, other),
  ),
  ...special,
  ...reductions,
  ...extremes,
  norm,
  std,
  var: variance,
  ...views,
  ...rearrange,
  index,
  ...scans,
  softmax,
  log_softmax,
  ...sorting,
  scatter,
  scatter_add,
  multinomial,
  argwhere,
  masked_select,
  nonzero,
  ...picks,
  ...plainProducts,
  full_like,
  ones_like,
  zeros_like,
  tril,
  triu,
};

/** A function's arguments behind its first. */
type Rest<F extends (...args: never) => unknown> = Behind<Parameters<F>>;
type Behind<Arguments> = Arguments extends readonly [infer First, ...infer Others] ? (Tensor extends First ? Others : never) : never;

type Mapped = {
  [Name in keyof typeof METHODS]: (...args: Rest<(typeof METHODS)[Name]>) => ReturnType<(typeof METHODS)[Name]>;
};

/** A mapped type keeps one overload of a function; these have several. */
interface Methods extends Omit<Mapped, "max" | "min" | "nonzero"> {
  nonzero: NonzeroMethod;
  max: extremes.ExtremeMethod;
  min: extremes.ExtremeMethod;
}

declare module "./tensor" {
  interface Tensor extends Methods {
    /** The dimensions in reverse: of a matrix, its transpose. */
    readonly T: Tensor;
    /** The transposes of matrices. */
    readonly mT: Tensor;
  }
}

const GETTERS = {
  T: (input: Tensor) => shapes.permute(input, input.shape.map((_, d) => d).reverse()),
  mT: (input: Tensor) => shapes.transpose(input, -2, -1),
};

// The one thing that happens at import: without it `t.add(u)` would not exist. Functions see the tensor as their first argument.
for (const [name, fn] of Object.entries(METHODS)) {
  Object.defineProperty(Tensor.prototype, name, {
    value(this: Tensor, ...args: unknown[]) {
      return (fn as (...all: unknown[]) => unknown)(this, ...args);
    },
  });
}
for (const [name, compute] of Object.entries(GETTERS)) {
  Object.defineProperty(Tensor.prototype, name, {
    get(this: Tensor) {
      return compute(this);
    },
  });
}
