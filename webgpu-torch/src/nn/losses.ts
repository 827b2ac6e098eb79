/** How far predictions are from the truth: cross entropy over classes. */

import { isFloat } from "../base/dtype";
import { NotImplementedError, RuntimeError, showShape, ValueError } from "../base/errors";
import { sameShape } from "../base/shape";
import { cast, choose, element } from "../tensor/build";
import { gather, index_select } from "../tensor/indexing";
import { type Args, keywords, named } from "../tensor/keywords";
import { mean, sum } from "../tensor/reductions";
import { reshape, squeeze, unsqueeze } from "../tensor/shapes";
import type { Tensor } from "../tensor/tensor";
import { log_softmax } from "../tensor/softmax";

type Reduction = "none" | "mean" | "sum";

export interface LossOptions {
  weight?: Tensor | null;
  /** Superseded by `reduction`, as `reduce` is; null where that counts. */
  size_average?: boolean | null;
  ignore_index?: number;
  reduce?: boolean | null;
  reduction?: Reduction;
}

export interface CrossEntropyOptions extends LossOptions {
  label_smoothing?: number;
}

/** In PyTorch's order. */
const OPTIONS = ["weight", "size_average", "ignore_index", "reduce", "reduction"] as const;
const CROSS_ENTROPY = [...OPTIONS, "label_smoothing"] as const;

/** What is asked for, by whichever name. */
function reductionOf({ size_average = null, reduce = null, reduction = "mean" }: LossOptions): Reduction {
  if (size_average === null && reduce === null) return reduction;
  if (reduce === false) return "none";
  return size_average === false ? "sum" : "mean";
}

/** Which dimension of (C), (N, C) or (N, C, …) holds the classes. */
const classDim = (input: Tensor): number => (input.ndim === 1 ? 0 : 1);

/** The negative logarithm of the probability that log-probabilities (N, C, …) give to the classes (N, …). */
export const nll_loss = named(
  "nll_loss",
  ["input: Tensor", "target: Tensor", "..."],
  (input: Tensor, target: Tensor, ...args: Args<LossOptions, typeof OPTIONS>): Tensor => {
    const options = keywords<LossOptions>("nll_loss", OPTIONS, args);
    if (!isFloat(input.dtype)) throw new NotImplementedError(`nll_loss: expected floating point log-probabilities, got ${input.dtype}`);
    const { weight = null, ignore_index = -100 } = options;
    const reduction = reductionOf(options);
    const { losses, weights } = classLosses("nll_loss", input, target, weight, ignore_index);
    return reduction === "mean" ? element("div", sum(losses), sum(weights)) : reduceLosses("nll_loss", losses, reduction);
  },
);

/** Each element's weighted loss, and its weight: 0 where the class is to be ignored. */
function classLosses(op: string, input: Tensor, given: Tensor, weight: Tensor | null, ignored: number) {
  const d = classDim(input);
  const isVector = input.ndim === 1 && given.ndim === 1;
  if (isVector && given.numel() !== 1)
    throw new ValueError(`${op}: For 1D input, 1D target must have size 1, but got target size: ${given.numel()}`);
  const target = isVector ? squeeze(given) : given;
  const places = input.shape.filter((_, i) => i !== d);
  if (target.dtype !== "int32") throw new RuntimeError(`${op}: expected target classes to be int32, got ${target.dtype}`);
  if (input.ndim > 1 && target.ndim > 0 && input.shape[0] !== target.shape[0])
    throw new ValueError(`${op}: Expected input batch_size (${input.shape[0]}) to match target batch_size (${target.shape[0]})`);
  if (input.ndim === 0 || !sameShape(places, target.shape))
    throw new RuntimeError(`${op}: Expected target size ${showShape(places)}, got ${showShape(target.shape)}`);
  const classes = input.shape[d] ?? 0;
  if (weight && !sameShape(weight.shape, [classes]))
    throw new RuntimeError(
      `${op}: weight tensor should be defined either for all ${classes} classes or no classes but got ${showShape(weight.shape)}`,
    );
  const kept = element("ne", target, ignored);
  const index = choose(kept, target, 0);
  const picked = squeeze(gather(input, d, unsqueeze(index, d)), d);
  const own = weight ? reshape(index_select(weight, 0, reshape(index, [-1])), target.shape) : 1;
  return {
    losses: choose(kept, element("neg", element("mul", picked, own)), 0),
    weights: choose(kept, own, cast(kept, input.dtype)),
    kept,
  };
}

function reduceLosses(op: string, losses: Tensor, reduction: Reduction): Tensor {
  switch (reduction) {
    case "none":
      return losses;
    case "sum":
      return sum(losses);
    case "mean":
      return mean(losses);
    default:
      throw new ValueError(`${op}: ${String(reduction satisfies never)} is not a valid value for reduction`);
  }
}

/**
 * The cross entropy of logits (N, C, …) and the truth: classes (N, …) as int32, or probabilities of the logits' shape.
 * The mean of classes is weighted, and leaves out those with `ignore_index`.
 */
export const cross_entropy = named(
  "cross_entropy",
  ["input: Tensor", "target: Tensor", "..."],
  (input: Tensor, target: Tensor, ...args: Args<CrossEntropyOptions, typeof CROSS_ENTROPY>): Tensor => {
    const op = "cross_entropy";
    const options = keywords<CrossEntropyOptions>(op, CROSS_ENTROPY, args);
    const { weight = null, ignore_index = -100, label_smoothing = 0 } = options;
    const reduction = reductionOf(options);
    if (!isFloat(input.dtype)) throw new NotImplementedError(`${op}: expected floating point logits, got ${input.dtype}`);
    if (!(label_smoothing >= 0 && label_smoothing <= 1))
      throw new RuntimeError(`${op}: label_smoothing must be between 0.0 and 1.0. Got: ${label_smoothing}`);
    const d = classDim(input);
    const classes = input.shape[d] ?? 0;
    const logs = log_softmax(input, d);
    const along = weight && reshape(weight, [classes, ...input.shape.slice(d + 1).map(() => 1)]);
    const weighted = along ? element("mul", logs, along) : logs;
    if (isFloat(target.dtype)) {
      if (ignore_index >= 0) throw new RuntimeError(`${op}: ignore_index is not supported for floating point target`);
      if (!sameShape(input.shape, target.shape))
        throw new RuntimeError(
          `${op}: Expected floating point target of the input's shape ${showShape(input.shape)}, got ${showShape(target.shape)}`,
        );
      const smooth =
        label_smoothing === 0 ? target : element("add", element("mul", target, 1 - label_smoothing), label_smoothing / classes);
      const losses = element("neg", sum(element("mul", weighted, smooth), d));
      return reduction === "mean" ? element("div", sum(losses), losses.numel()) : reduceLosses(op, losses, reduction);
    }
    const { losses, weights, kept } = classLosses(op, logs, target, weight, ignore_index);
    const uniform = choose(kept, element("neg", sum(weighted, d)), 0);
    const smooth =
      label_smoothing === 0
        ? losses
        : element("add", element("mul", losses, 1 - label_smoothing), element("mul", uniform, label_smoothing / classes));
    return reduction === "mean" ? element("div", sum(smooth), sum(weights)) : reduceLosses(op, smooth, reduction);
  },
);
