/** Padding: elements put around a tensor. */

import { NotImplementedError, RuntimeError, showShape } from "../base/errors";
import { checkIntegers } from "../base/shape";
import { cast, constant, copied, element, make, range } from "./build";
import { cat } from "./joins";
import { type Args, keywords, named } from "./keywords";
import { narrow, reshape } from "./shapes";
import type { Tensor } from "./tensor";

export interface PadOptions {
  mode?: (typeof MODES)[number];
  value?: number | null;
}

const MODES = ["constant", "reflect", "replicate", "circular"] as const;

/**
 * `widths` says how many elements come before and after, from the last dimension on; negative numbers cut off. "constant" puts in
 * zeros or another number, "reflect" mirrors at the edge elements, "replicate" repeats them, "circular" goes on at the other end.
 */
export const pad = named(
  "pad",
  ["input: Tensor", "pad", "..."],
  (input: Tensor, widths: readonly number[], ...args: Args<PadOptions, ["mode", "value"]>): Tensor => {
    const { mode = "constant", value = null } = keywords<PadOptions>("pad", ["mode", "value"], args);
    checkIntegers("pad", widths);
    if (!MODES.includes(mode)) throw new NotImplementedError(`pad: Unrecognised padding mode ${String(mode)}`);
    if (widths.length % 2 !== 0) throw new RuntimeError(`pad: Padding length must be divisible by 2, got ${widths.length}`);
    if (widths.length > 2 * input.ndim)
      throw new RuntimeError(
        `pad: Padding length should be less than or equal to two times the input dimension but got padding length ${widths.length} and input of dimension ${input.ndim}`,
      );
    if (mode !== "constant" && value !== null && value !== 0)
      throw new RuntimeError(`pad: Padding mode "${mode}" doesn't take in value argument`);
    let out = input;
    for (let i = 0; i < widths.length; i += 2) {
      const d = input.ndim - 1 - i / 2;
      const [before = 0, after = 0] = [widths[i], widths[i + 1]];
      if ((input.shape[d] ?? 0) + before + after < 0)
        throw new RuntimeError(
          `pad: The input size ${input.shape[d]}, plus padding ${before} and ${after}, resulted in a negative output size`,
        );
      out = mode === "constant" ? padConstant(out, d, before, after, value ?? 0) : padFrom(mode, out, d, before, after);
    }
    return out === input ? copied(input) : out;
  },
);

function padConstant(input: Tensor, d: number, before: number, after: number, value: number): Tensor {
  const kept = narrow(input, d, Math.max(0, -before), (input.shape[d] ?? 0) + Math.min(0, before) + Math.min(0, after));
  const fill = (size: number) =>
    constant(
      value,
      kept.shape.map((own, j) => (j === d ? size : own)),
      kept.dtype,
      kept.backend,
    );
  return cat([fill(Math.max(0, before)), kept, fill(Math.max(0, after))], { dim: d });
}

/** Every element of the result is one of the input's: which one is computed, not stored. */
function padFrom(
  mode: Exclude<PadOptions["mode"], "constant" | undefined>,
  input: Tensor,
  d: number,
  before: number,
  after: number,
): Tensor {
  const size = input.shape[d] ?? 0;
  const most = { reflect: size - 1, circular: size, replicate: size === 0 ? 0 : Infinity }[mode];
  if (before > most || after > most)
    throw new RuntimeError(
      `pad: Padding size should be less than or equal to what mode ${mode} has at dimension ${d} of ${showShape(input.shape)}, got ${before} and ${after}`,
    );
  if (before === 0 && after === 0) return input;
  // What is cut off is not what a circle goes on with.
  if (mode === "circular" && (before < 0 || after < 0))
    return padFrom(mode, padConstant(input, d, Math.min(0, before), Math.min(0, after), 0), d, Math.max(0, before), Math.max(0, after));
  const count = size + before + after;
  const shape = input.shape.map((own, j) => (j === d ? count : own));
  const place = element("sub", range(count, input.backend), before);
  const last = size - 1;
  const wrapped = {
    // |p| mirrors at the first element, and last - |last - …| at the last.
    reflect: () => element("sub", last, element("abs", element("sub", last, element("abs", place)))),
    replicate: () => element("minimum", element("maximum", place, 0), last),
    circular: () => element("remainder", place, size),
  }[mode]();
  const index = reshape(
    cast(wrapped, "int32"),
    shape.map((_, j) => (j === d ? count : 1)),
  );
  return make({ kind: "take", dim: d }, [input, index], shape, input.dtype);
}
