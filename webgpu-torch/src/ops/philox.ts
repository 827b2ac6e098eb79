/**
 * Philox 4x32-10: random numbers as a function of a counter and a key, so that every invocation computes its own.
 * Salmon, Moraes, Dror and Shaw: Parallel Random Numbers: As Easy as 1, 2, 3 (2011).
 */

export type Distribution = "bits" | "uniform" | "normal";

/** Words of the state: four of the counter, the lowest first, then two of the key. */
export const PHILOX_STATE = 6;
/** Numbers that one counter gives. */
export const PHILOX_WORDS = 4;

const MULTIPLIERS = [0xd2511f53, 0xcd9e8d57] as const;
const WEYL = [0x9e3779b9, 0xbb67ae85] as const;
const ROUNDS = 10;

type Counter = readonly [number, number, number, number];

/** `philox(counter, key)`: ten rounds. */
export const PHILOX_WGSL = /* wgsl */ `
fn high_product(a: u32, b: u32) -> u32 {
  let low = (a & 0xffffu) * (b & 0xffffu);
  let mid = (a >> 16u) * (b & 0xffffu) + (low >> 16u);
  let rest = (a & 0xffffu) * (b >> 16u) + (mid & 0xffffu);
  return (a >> 16u) * (b >> 16u) + (mid >> 16u) + (rest >> 16u);
}
fn philox(start: vec4u, key: vec2u) -> vec4u {
  var c = start;
  var k = key;
  for (var round = 0u; round < ${ROUNDS}u; round++) {
    c = vec4u(
      high_product(${MULTIPLIERS[1]}u, c.z) ^ c.y ^ k.x, ${MULTIPLIERS[1]}u * c.z,
      high_product(${MULTIPLIERS[0]}u, c.x) ^ c.w ^ k.y, ${MULTIPLIERS[0]}u * c.x,
    );
    k += vec2u(${WEYL[0]}u, ${WEYL[1]}u);
  }
  return c;
}
// Word i of the counter, plus a number, with what is carried over.
fn counter_at(c: vec4u, i: u32) -> vec4u {
  let x = c.x + i;
  let y = c.y + u32(x < i);
  let z = c.z + u32(x < i && y == 0u);
  return vec4u(x, y, z, c.w + u32(x < i && y == 0u && z == 0u));
}`;

function philox(start: Counter, key: readonly [number, number]): Counter {
  let [x, y, z, w] = start;
  let [k0, k1] = key;
  for (let round = 0; round < ROUNDS; round++) {
    const [high0, low0] = wideProduct(MULTIPLIERS[0], x);
    const [high1, low1] = wideProduct(MULTIPLIERS[1], z);
    [x, y, z, w] = [(high1 ^ y ^ k0) >>> 0, low1, (high0 ^ w ^ k1) >>> 0, low0];
    k0 = (k0 + WEYL[0]) >>> 0;
    k1 = (k1 + WEYL[1]) >>> 0;
  }
  return [x, y, z, w];
}

function wideProduct(a: number, b: number): [high: number, low: number] {
  const product = BigInt(a) * BigInt(b);
  return [Number(product >> 32n), Number(product & 0xffffffffn)];
}

/** The state's counter, `by` counters further on. */
export function advance(state: ArrayLike<number>, by: number): number[] {
  const words = Array.from({ length: PHILOX_STATE }, (_, i) => state[i] ?? 0);
  let carried = by;
  for (let i = 0; i < 4 && carried > 0; i++) {
    const sum = (words[i] ?? 0) + carried;
    words[i] = sum % 2 ** 32;
    carried = Math.floor(sum / 2 ** 32);
  }
  return words;
}

/** The reference: `count` numbers from a state on. Bits are unsigned integers. */
export function randomCpu(distribution: Distribution, count: number, state: ArrayLike<number>): Float32Array | Uint32Array {
  const out = distribution === "bits" ? new Uint32Array(count) : new Float32Array(count);
  const key = [state[4] ?? 0, state[5] ?? 0] as const;
  for (let i = 0; i < count; i += PHILOX_WORDS) {
    const [x = 0, y = 0, z = 0, w = 0] = advance(state, i / PHILOX_WORDS);
    const numbers = distributed(distribution, philox([x, y, z, w], key));
    for (let j = 0; j < PHILOX_WORDS && i + j < count; j++) out[i + j] = numbers[j] ?? 0;
  }
  return out;
}

function distributed(distribution: Distribution, words: Counter): readonly number[] {
  switch (distribution) {
    case "bits":
      return words;
    case "uniform":
      return words.map((word) => (word >>> 8) * 2 ** -24);
    case "normal":
      return [...boxMuller(words[0], words[1]), ...boxMuller(words[2], words[3])];
    default:
      return distribution satisfies never;
  }
}

/** Two normal numbers from two words: an angle, and a distance whose square is exponential. */
function boxMuller(a: number, b: number): [number, number] {
  const radius = Math.sqrt(-2 * Math.log(Math.fround(Math.fround(Math.fround(a) * 2 ** -32) + 2 ** -33)));
  const angle = Math.fround(Math.fround(b) * 2 ** -32) * 2 * Math.PI;
  return [radius * Math.cos(angle), radius * Math.sin(angle)];
}
