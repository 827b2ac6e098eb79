/** Matrix products. */

import { type DType, isFloat } from "../base/dtype";
import { NotImplementedError, RuntimeError, showShape } from "../base/errors";
import { numel, reducedShape } from "../base/shape";
import { BATCH_DIMS } from "../kernels/batch_matmul";
import { linearShape, matmulShape } from "../ops/matmul";
import { cast, constant, element, make, promoted } from "./build";
import { cat } from "./joins";
import { type Args, keywords, named } from "./keywords";
import { sum } from "./reductions";
import { expand, flatten, reshape, transpose, unsqueeze } from "./shapes";
import type { Tensor } from "./tensor";

/** A batched product of matrices; a vector on either side is a matrix of one row or one column, which is left out again. */
export const matmul = named("matmul", ["input: Tensor", "other: Tensor"], (input: Tensor, other: Tensor): Tensor => {
  if (input.ndim === 0 || other.ndim === 0)
    throw new RuntimeError(`both arguments to matmul need to be at least 1D, but they are ${input.ndim}D and ${other.ndim}D`);
  const a = input.ndim === 1 ? unsqueeze(input, 0) : input;
  const b = other.ndim === 1 ? unsqueeze(other, 1) : other;
  const out = product("matmul", a, b);
  const gone = [...(input.ndim === 1 ? [out.ndim - 2] : []), ...(other.ndim === 1 ? [out.ndim - 1] : [])];
  return gone.length === 0 ? out : reshape(out, reducedShape(out.shape, gone, false));
});

function product(op: string, a: Tensor, b: Tensor): Tensor {
  const shape = matmulShape(op, a.shape, b.shape);
  const dtype = promoted(op, [a, b]);
  if (a.dtype !== b.dtype) throw new RuntimeError(`${op}: expected m1 and m2 to have the same dtype, but got: ${a.dtype} != ${b.dtype}`);
  if (dtype === "bool") throw new NotImplementedError(`${op}: not implemented for 'bool'`);
  if (!isFloat(dtype)) return integerProduct(a, b, dtype);
  if (a.shape.at(-1) === 0) return constant(0, shape, dtype, a.backend);
  if (shape.length - 2 > BATCH_DIMS) {
    const batch = shape.slice(0, -2);
    const flat = (x: Tensor) => flatten(expand(x, [...batch, ...x.shape.slice(-2)]), 0, batch.length - 1);
    return reshape(product(op, flat(a), flat(b)), shape);
  }
  // Kernels multiply float32.
  return cast(make({ kind: "matmul" }, [cast(a, "float32"), cast(b, "float32")], shape, "float32"), dtype);
}

/** Products of integers are exact as sums of 32 bits, not of float32: one reduction, which no one needs to be fast. */
function integerProduct(a: Tensor, b: Tensor, dtype: DType): Tensor {
  return cast(sum(element("mul", unsqueeze(a, -2), unsqueeze(transpose(b, -1, -2), -3)), -1), dtype);
}

/** A product of two matrices. */
export const mm = named("mm", ["input: Tensor", "mat2: Tensor"], (input: Tensor, mat2: Tensor): Tensor => {
  if (input.ndim !== 2 || mat2.ndim !== 2)
    throw new RuntimeError(`mm: self and mat2 must be matrices, got ${showShape(input.shape)} and ${showShape(mat2.shape)}`);
  return product("mm", input, mat2);
});

/** Products of two batches of matrices of the same number. */
export const bmm = named("bmm", ["input: Tensor", "mat2: Tensor"], (input: Tensor, mat2: Tensor): Tensor => {
  if (input.ndim !== 3 || mat2.ndim !== 3 || input.shape[0] !== mat2.shape[0]) {
    throw new RuntimeError(
      `bmm: batch1 and batch2 must be 3D tensors of one batch size, got ${showShape(input.shape)} and ${showShape(mat2.shape)}`,
    );
  }
  return product("bmm", input, mat2);
});

export interface AddOptions {
  beta?: number;
  alpha?: number;
}

type Product = (a: Tensor, b: Tensor) => Tensor;

const plus = (op: string, multiply: Product, input: Tensor, a: Tensor, b: Tensor, options: AddOptions): Tensor => {
  const { beta = 1, alpha = 1 } = keywords<AddOptions>(op, [], [options], ["beta", "alpha"]);
  const { dtype } = input;
  if (a.dtype !== dtype || b.dtype !== dtype)
    throw new RuntimeError(`${op}: expected tensors of one dtype, but got ${dtype}, ${a.dtype} and ${b.dtype}`);
  // In float32 where it is float16, which may not hold what is to be scaled.
  const wide = (x: Tensor) => (dtype === "float16" ? cast(x, "float32") : x);
  const term = multiply(wide(a), wide(b));
  const self = wide(expand(input, term.shape));
  // Among integers the factors lose their fractions.
  const times = (x: Tensor, factor: number) => (factor === 1 ? x : element("mul", x, isFloat(x.dtype) ? factor : Math.trunc(factor)));
  // With beta 0 the input is ignored, whatever is in it.
  return cast(beta === 0 ? times(term, alpha) : element("add", times(term, alpha), times(self, beta)), dtype);
};

/** beta * input + alpha * (mat1 @ mat2) */
export const addmm = named(
  "addmm",
  ["input: Tensor", "mat1: Tensor", "mat2: Tensor", "..."],
  (input: Tensor, mat1: Tensor, mat2: Tensor, options: AddOptions = {}): Tensor => plus("addmm", mm, input, mat1, mat2, options),
);

/** beta * input + alpha * (batch1 @ batch2), for batches. */
export const baddbmm = named(
  "baddbmm",
  ["input: Tensor", "batch1: Tensor", "batch2: Tensor", "..."],
  (input: Tensor, batch1: Tensor, batch2: Tensor, options: AddOptions = {}): Tensor => plus("baddbmm", bmm, input, batch1, batch2, options),
);

/** The sum of products of two vectors. */
export const dot = named("dot", ["input: Tensor", "tensor: Tensor"], (input: Tensor, tensor: Tensor): Tensor => {
  if (input.ndim !== 1 || tensor.ndim !== 1)
    throw new RuntimeError(`dot: 1D tensors expected, but got ${input.ndim}D and ${tensor.ndim}D tensors`);
  return matmul(input, tensor);
});

/** A matrix times a vector. */
export const mv = named("mv", ["input: Tensor", "vec: Tensor"], (input: Tensor, vec: Tensor): Tensor => {
  if (input.ndim !== 2 || vec.ndim !== 1)
    throw new RuntimeError(`mv: vector + matrix @ vector expected, got ${vec.ndim}, ${input.ndim}, ${vec.ndim}`);
  return matmul(input, vec);
});

/** All products of elements of two vectors. */
export const outer = named("outer", ["input: Tensor", "vec2: Tensor"], (input: Tensor, vec2: Tensor): Tensor => {
  if (input.ndim !== 1 || vec2.ndim !== 1)
    throw new RuntimeError(`outer: Expected 1-D arguments, but got ${input.ndim}-D and ${vec2.ndim}-D`);
  return element("mul", unsqueeze(input, 1), unsqueeze(vec2, 0));
});

export interface LinearOptions {
  bias?: Tensor | null;
}

/** x wᵀ + b. A weight of float16, or quantized, stays packed and is unpacked inside the kernel. */
export const linear = named(
  "linear",
  ["input: Tensor", "weight: Tensor", "..."],
  (input: Tensor, weight: Tensor, ...args: Args<LinearOptions, ["bias"]>): Tensor => {
    const { bias = null } = keywords<LinearOptions>("linear", ["bias"], args);
    const vector = weight.ndim === 1;
    const shape = linearShape(input.shape, vector ? [1, weight.shape[0] ?? 0] : weight.shape);
    if (!isFloat(input.dtype) || !isFloat(weight.dtype)) return integerLinear(input, weight, bias);
    const w = vector ? unsqueeze(weight, 0) : weight;
    const times = (rows: Tensor): Tensor =>
      make({ kind: "linear" }, [cast(input, "float32"), rows], [...shape.slice(0, -1), rows.shape[0] ?? 0], "float32");
    const empty = numel(input.shape.slice(-1)) === 0;
    const product = empty ? constant(0, shape, "float32", input.backend) : w.rows ? cat(w.rows.map(times), -1) : times(w);
    const sum = bias === null ? product : element("add", product, bias);
    const out = cast(sum, input.dtype);
    return vector ? reshape(out, shape.slice(0, -1)) : out;
  },
);

/** The same of integers, all of one dtype. */
function integerLinear(input: Tensor, weight: Tensor, bias: Tensor | null): Tensor {
  const dtypes = [input, weight, ...(bias ? [bias] : [])].map(({ dtype }) => dtype);
  if (new Set(dtypes).size > 1) throw new RuntimeError(`linear: expected tensors of one dtype, or of floats, got ${dtypes.join(", ")}`);
  const out = matmul(input, weight.ndim === 1 ? weight : transpose(weight, 0, 1));
  return bias ? element("add", out, bias) : out;
}
