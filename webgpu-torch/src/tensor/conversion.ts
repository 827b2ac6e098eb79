/** Functions that change a tensor's dtype. */

import { type DType, isPacked } from "../base/dtype";
import { cast, copied, make, range } from "./build";
import { named } from "./keywords";
import { checkKind } from "./kinds";
import type { Tensor } from "./tensor";

/** The same values in another dtype. */
export const to = named("to", ["input: Tensor", "dtype"], (input: Tensor, dtype: DType): Tensor => {
  checkKind("to", "dtype", dtype);
  return cast(input, dtype);
});
export const type_as = named(
  "type_as",
  ["input: Tensor", "other: Tensor"],
  (input: Tensor, other: Tensor): Tensor => cast(input, other.dtype),
);
export const float = named("float", ["input: Tensor"], (input: Tensor): Tensor => cast(input, "float32"));
export const half = named("half", ["input: Tensor"], (input: Tensor): Tensor => cast(input, "float16"));
export const int = named("int", ["input: Tensor"], (input: Tensor): Tensor => cast(input, "int32"));
export const bool = named("bool", ["input: Tensor"], (input: Tensor): Tensor => cast(input, "bool"));

/** A block-quantised weight as floats. */
export const dequantize = named("dequantize", ["input: Tensor"], (input: Tensor): Tensor => {
  if (!isPacked(input.dtype)) return cast(input, "float32");
  const [rows = 0] = input.shape;
  // The kernel that looks rows up unpacks them: all rows in order are the whole weight.
  return make({ kind: "embedding" }, [range(rows, input.backend), input], input.shape, "float32");
});

/** A tensor of its own, with the same elements; memory that is there is shared, and stays until neither needs it. */
export const clone = named("clone", ["input: Tensor"], copied);
