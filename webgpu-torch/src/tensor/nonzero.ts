/** Functions whose result is as long as the elements say: they wait for the device to count them. */

import { NotImplementedError, RuntimeError } from "../base/errors";
import { at } from "../base/list";
import { broadcastShapes, contiguousStrides } from "../base/shape";
import { cast, choose, constant, element, make } from "./build";
import { stack } from "./joins";
import { keywords, named } from "./keywords";
import { sum } from "./reductions";
import { cumsum } from "./scans";
import { expand, reshape } from "./shapes";
import { Tensor } from "./tensor";

/** Where elements are not zero, counted row by row. */
async function places(input: Tensor): Promise<Tensor> {
  const flags = cast(reshape(input, [-1]), "bool");
  const count = Number(await sum(flags).item());
  if (count === 0) return constant(0, [0], "int32", input.backend);
  // Each element that counts goes to the place that those before it leave, the others nowhere.
  const targets = choose(flags, element("sub", cumsum(flags, 0), 1), -1);
  return reshape(make({ kind: "scatter_places" }, [reshape(targets, [1, -1])], [1, count], "int32"), [count]);
}

/** Numbers of elements counted row by row, as their places in each dimension. */
function coordinates(numbers: Tensor, { shape }: Tensor): Tensor[] {
  const strides = contiguousStrides(shape);
  return shape.map((size, d) => element("remainder", element("floor_divide", numbers, at(strides, d)), Math.max(1, size)));
}

export interface NonzeroOptions {
  as_tuple?: boolean;
}

/** The forms of `nonzero`. */
export interface NonzeroFunction {
  (input: Tensor, options: { as_tuple: true }): Promise<Tensor[]>;
  (named: { input: Tensor; as_tuple: true }): Promise<Tensor[]>;
  (input: Tensor, options?: NonzeroOptions): Promise<Tensor>;
  (named: { input: Tensor }): Promise<Tensor>;
}

/** As methods. */
export interface NonzeroMethod {
  (options: { as_tuple: true }): Promise<Tensor[]>;
  (options?: NonzeroOptions): Promise<Tensor>;
}

/** The places of the elements that are not zero, (count, dimensions); or, as a tuple, a vector for each dimension, which `index` takes. */
export const nonzero = named(
  "nonzero",
  ["input: Tensor", "..."],
  async (input: Tensor, options: NonzeroOptions = {}): Promise<Tensor | Tensor[]> => {
    const { as_tuple = false } = keywords<NonzeroOptions>("nonzero", [], [options], ["as_tuple"]);
    const numbers = await places(input);
    if (as_tuple) return coordinates(numbers, input.ndim === 0 ? reshape(input, [1]) : input);
    const all = coordinates(numbers, input);
    return all.length > 0 ? stack(all, 1) : constant(0, [numbers.numel(), 0], "int32", input.backend);
  },
) as NonzeroFunction;

/** The places of the elements that are not zero, (count, dimensions). */
export const argwhere = named("argwhere", ["input: Tensor"], (input: Tensor): Promise<Tensor> => nonzero(input));

/** The elements where the mask holds, as a vector; both are broadcast. */
export const masked_select = named("masked_select", ["input: Tensor", "mask: Tensor"], (input: Tensor, mask: Tensor): Promise<Tensor> => {
  if (mask.dtype !== "bool") throw new RuntimeError(`masked_select: expected BoolTensor for mask, got ${mask.dtype}`);
  const shape = broadcastShapes("masked_select", input.shape, mask.shape);
  const elements = reshape(expand(input, shape), [-1]);
  return places(expand(mask, shape)).then((numbers) =>
    numbers.numel() === 0
      ? constant(0, [0], input.dtype, input.backend)
      : make({ kind: "take", dim: 0 }, [elements, numbers], numbers.shape, input.dtype),
  );
});

/** A mask among indices: what it picks is known only after a read, and indexing does not wait. */
export const maskedIndex = (): NotImplementedError =>
  new NotImplementedError(
    "index: how many elements a bool mask picks is known only once it has been computed: await x.masked_select(mask), or take ...(await mask.nonzero({ as_tuple: true })) for an index",
  );
