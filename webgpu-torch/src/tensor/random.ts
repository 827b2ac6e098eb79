/** Random tensors, and the generators of their numbers. */

import type { DeviceName } from "../backend/backend";
import { asElement, type DType, isFloat } from "../base/dtype";
import { NotImplementedError, RuntimeError, showShape } from "../base/errors";
import { checkShape, numel, type Shape } from "../base/shape";
import { dataNode } from "../graph/node";
import { advance, type Distribution, PHILOX_STATE, PHILOX_WORDS } from "../ops/philox";
import { cast, constant, element, make } from "./build";
import { type SizesAndOptions, splitSizes } from "./creation";
import { backendOf } from "./devices";
import { type Args, keywords, named } from "./keywords";
import { amax } from "./extremes";
import { narrow, reshape, unsqueeze } from "./shapes";
import { cumsum } from "./scans";
import { sum } from "./reductions";
import { topk } from "./sorting";
import { Tensor } from "./tensor";

/**
 * Random numbers of one seed. Philox 4x32-10, as PyTorch uses on GPUs: the same seed gives the same numbers on every device here, but
 * not those of PyTorch's CPU generator. A counter is kept here; the numbers are made on the device.
 */
export class Generator {
  private state: readonly number[];
  private seeded: number;

  constructor() {
    this.seeded = 0;
    this.state = [];
    this.seed();
  }

  /** Starts anew from a seed, an integer between -2^53 and 2^53; a negative one stands for itself + 2^64. */
  manual_seed(seed: number): this {
    if (!Number.isSafeInteger(seed)) throw new RuntimeError(`manual_seed expected an integer between -2**53 and 2**53, got ${String(seed)}`);
    const bits = BigInt.asUintN(64, BigInt(seed));
    this.seeded = Number(bits);
    this.state = [0, 0, 0, 0, Number(bits & 0xffffffffn), Number(bits >> 32n)];
    return this;
  }

  /** The seed. */
  initial_seed(): number {
    return this.seeded;
  }

  /** Starts anew from a seed that no one knows before, and gives it. */
  seed(): number {
    const [low = 0, high = 0] = crypto.getRandomValues(new Uint32Array(2));
    this.manual_seed((high % 2 ** 21) * 2 ** 32 + low);
    return this.seeded;
  }

  /** Where the generator is: four words of its counter, the lowest first, and two of its key, which is the seed. */
  get_state(): Uint32Array {
    return Uint32Array.from(this.state);
  }

  /** Goes back to where `get_state()` was called. */
  set_state(state: ArrayLike<number>): this {
    if (state.length !== PHILOX_STATE) throw new RuntimeError(`set_state: expected ${PHILOX_STATE} words, got ${state.length}`);
    this.state = advance(state, 0);
    return this;
  }

  /** @internal The state from which the next `count` numbers come, which are then behind it. */
  take(count: number): Uint32Array {
    const state = this.get_state();
    this.state = advance(state, Math.ceil(count / PHILOX_WORDS));
    return state;
  }
}

const defaultGenerator = new Generator();

/** Seeds the generator that is used where none is given. */
export const manual_seed = named("manual_seed", ["seed"], (seed: number): Generator => defaultGenerator.manual_seed(seed));
/** The seed of that generator. */
export const initial_seed = (): number => defaultGenerator.initial_seed();
/** Seeds it with a number that no one knows before, and gives that. */
export const seed = (): number => defaultGenerator.seed();

export interface RandomOptions {
  generator?: Generator | null;
  dtype?: DType;
  device?: DeviceName;
}

const RANDOM = ["generator", "dtype", "device"] as const;

/** Numbers of a distribution. The state is data to the graph, so that each call runs what the one before it compiled. */
function draw(distribution: Distribution, shape: Shape, options: RandomOptions): Tensor {
  const { generator, device } = options;
  if (generator != null && !(generator instanceof Generator))
    throw new TypeError(`${distribution}: argument 'generator' must be Generator, not ${typeof generator}`);
  const backend = backendOf(device);
  const count = numel(shape);
  const dtype = distribution === "bits" ? "uint32" : "float32";
  if (count === 0) return constant(0, shape, dtype, backend);
  const state = (generator ?? defaultGenerator).take(count);
  const storage = backend.upload(new Uint8Array(state.buffer));
  const numbers = make(
    { kind: "random", distribution },
    [new Tensor(dataNode(storage, [state.length], "uint32", backend))],
    [count],
    dtype,
  );
  return reshape(numbers, shape);
}

const floats = (op: string, distribution: Distribution) =>
  named(op, ["size", "..."], (...args: SizesAndOptions<RandomOptions>): Tensor => {
    const { sizes, options } = splitSizes(op, args, RANDOM);
    const { dtype = "float32" } = options;
    if (!isFloat(dtype)) throw new NotImplementedError(`${op}: expected a floating point dtype, got ${dtype}`);
    const numbers = draw(distribution, checkShape(op, sizes), options);
    return cast(distribution === "uniform" && dtype === "float16" ? shortened(numbers) : numbers, dtype);
  });

/** Numbers of the eleven bits that float16 has, as more would be rounded, up to 1 among others. */
const shortened = (numbers: Tensor): Tensor => element("div", element("floor", element("mul", numbers, 2 ** 11)), 2 ** 11);

/** Numbers from 0 to 1, 1 left out. */
export const rand = floats("rand", "uniform");
/** Numbers of mean 0 and variance 1, normally distributed. */
export const randn = floats("randn", "normal");

export interface RandintOptions extends RandomOptions {
  low?: number;
  high?: number;
  size?: Shape;
}

/** randint(high, size) or randint(low, high, size): integers from low to high, which is left out. */
export const randint = named(
  "randint",
  ["..."],
  (...args: Args<RandintOptions, ["high", "size"]> | Args<RandintOptions, ["low", "high", "size"]>): Tensor => {
    const [, second] = args;
    const twoBounds = typeof second === "number" || (typeof second === "object" && "high" in second);
    const given = keywords<RandintOptions>("randint", twoBounds ? ["low", "high", "size"] : ["high", "size"], args, [
      ...RANDOM,
      "low",
      "high",
      "size",
    ]);
    const { low = 0, high, size, dtype = "int32", ...options } = given;
    if (typeof high !== "number" || !Array.isArray(size))
      throw new TypeError("randint() expects randint(high, size) or randint(low, high, size)");
    if (![low, high].every(Number.isInteger)) throw new TypeError(`randint() expects integers as bounds, but got ${low} and ${high}`);
    if (dtype === "bool" && (low < 0 || high > 2)) throw new RuntimeError(`randint: from ${low} to ${high} is out of bounds for bool`);
    if (low >= high || high - low > 2 ** 32)
      throw new RuntimeError(
        `random_ expects 'from' to be less than 'to', at most 2**32 apart, but got from=${low} >= to=${high}`,
      );
    for (const bound of [low, high - 1]) {
      asElement("randint", bound, dtype);
      if (dtype !== "uint32") asElement("randint", bound, "int32");
    }
    const bits = draw("bits", checkShape("randint", size as Shape), options);
    const span = high - low;
    const within = cast(span === 2 ** 32 ? bits : element("remainder", bits, constant(span, [], "uint32", bits.backend)), "int32");
    // Beyond int32 there are numbers of uint32 only, whose bits the sum's are.
    return cast(element("add", within, low | 0), dtype);
  },
);

/** Random numbers in another tensor's shape, dtype and device. */
const like = (op: string, create: typeof rand) =>
  named(
    op,
    ["input: Tensor", "..."],
    (input: Tensor, options: RandomOptions = {}): Tensor =>
      create([...input.shape], { dtype: input.dtype, device: input.device, ...keywords<RandomOptions>(op, [], [options], RANDOM) }),
  );

export const rand_like = like("rand_like", rand);
export const randn_like = like("randn_like", randn);

export interface MultinomialOptions {
  replacement?: boolean;
  generator?: Generator | null;
}

/** Positions drawn from each row of weights, which need not add up to 1: with replacement, or each at most once. */
export const multinomial = named(
  "multinomial",
  ["input: Tensor", "num_samples: int", "..."],
  (input: Tensor, num_samples: number, ...args: Args<MultinomialOptions, ["replacement"]>): Tensor => {
    const { replacement = false, generator = null } = keywords<MultinomialOptions>("multinomial", ["replacement"], args, ["generator"]);
    if (input.ndim !== 1 && input.ndim !== 2)
      throw new RuntimeError(`multinomial: prob_dist must be 1 or 2 dim, got ${showShape(input.shape)}`);
    if (!isFloat(input.dtype)) throw new RuntimeError(`multinomial only supports floating-point dtypes for input, got: ${input.dtype}`);
    if (!Number.isInteger(num_samples) || num_samples < 1)
      throw new RuntimeError(`multinomial: cannot sample n_sample <= 0 samples, got ${String(num_samples)}`);
    const width = input.shape.at(-1) ?? 0;
    if (!replacement && num_samples > width)
      throw new RuntimeError(
        `multinomial: cannot sample n_sample > prob_dist.size(-1) samples without replacement, got ${num_samples} of ${width}`,
      );
    // Of the largest, as the sum of what they are may be beyond float32.
    const weights = element("div", cast(input, "float32"), amax(cast(input, "float32"), -1, true));
    const uniform = (shape: Shape) => draw("uniform", shape, { generator, device: input.device });
    return replacement && num_samples > 1 ? drawnAgain(weights, num_samples, uniform) : drawnOnce(weights, num_samples, uniform);
  },
);

/** The largest weights over exponential numbers: Efraimidis and Spirakis, Weighted random sampling with a reservoir (2006). */
function drawnOnce(weights: Tensor, count: number, uniform: (shape: Shape) => Tensor): Tensor {
  const exponential = element("neg", element("log1p", element("neg", uniform(weights.shape))));
  // Not zero, by which no weight would be NaN.
  return topk(element("div", weights, element("maximum", exponential, 1e-30)), count).indices;
}

/** How many running sums of the weights lie at or below a random share of the last; never all, whatever the weights are. */
function drawnAgain(weights: Tensor, count: number, uniform: (shape: Shape) => Tensor): Tensor {
  const sums = cumsum(weights, -1);
  const width = weights.shape.at(-1) ?? 0;
  const total = narrow(sums, -1, width - 1, 1);
  const shares = element("mul", uniform([...weights.shape.slice(0, -1), count]), total);
  return element("minimum", sum(element("le", unsqueeze(sums, -2), unsqueeze(shares, -1)), -1), width - 1);
}
