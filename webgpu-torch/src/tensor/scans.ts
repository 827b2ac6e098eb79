/** Running sums and products along a dimension. */

import type { DType } from "../base/dtype";
import { isFloat } from "../base/dtype";
import { NotImplementedError } from "../base/errors";
import { wrapDim } from "../base/shape";
import type { ScanOp } from "../ops/lists";
import { cast, make } from "./build";
import { keywords, named } from "./keywords";
import { transpose } from "./shapes";
import type { Tensor } from "./tensor";

export interface ScanOptions {
  dtype?: DType | null;
}

const running = (name: string, scan: ScanOp) =>
  named(name, ["input: Tensor", "dim: int", "..."], (input: Tensor, dim: number, options: ScanOptions = {}): Tensor => {
    const { dtype = null } = keywords<ScanOptions>(name, [], [options], ["dtype"]);
    const d = wrapDim(name, dim, input.ndim);
    const given = dtype ?? input.dtype;
    const isPlain = input.ndim === 0 || input.numel() === 0;
    if (dtype === "bool" && isPlain) return cast(input, "bool");
    if (dtype === "bool") throw new NotImplementedError(`${name}: not implemented for 'bool'`);
    // Integers run up in 32 bits, and float16 in float32.
    const result = isFloat(given) || given === "uint32" ? given : (dtype ?? "int32");
    const x = cast(cast(input, result), isFloat(result) ? "float32" : result === "uint32" ? "uint32" : "int32");
    if (isPlain) return cast(x, result);
    const rows = transpose(x, d, -1);
    return cast(transpose(make({ kind: "scan", scan }, [rows], rows.shape, x.dtype), d, -1), result);
  });

/** Sums of the elements of a dimension up to each of them. */
export const cumsum = running("cumsum", "sum");
/** Products of the elements of a dimension up to each of them. */
export const cumprod = running("cumprod", "prod");
