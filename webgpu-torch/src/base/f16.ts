/** Conversion between float32 values and the bits of float16. */

const f32 = new Float32Array(1);
const u32 = new Uint32Array(f32.buffer);

/** The nearest float16, ties to even, as its 16 bits. Values beyond 65504 become infinity. */
export function toHalfBits(value: number): number {
  f32[0] = value;
  const bits = u32[0] ?? 0;
  const sign = (bits >>> 16) & 0x8000;
  const magnitude = bits & 0x7fffffff;
  if (magnitude > 0x7f800000) return sign | 0x7e00; // NaN
  if (magnitude >= 0x47800000) return sign | 0x7c00; // 65536 and above
  if (magnitude < 0x38800000) return sign | roundSubnormal(magnitude);
  const rounded = magnitude - 0x38000000; // the exponent's bias: 127 - 15
  return sign | ((rounded + 0xfff + ((rounded >>> 13) & 1)) >>> 13);
}

/** Below 2^-14 the steps of float16 are all 2^-24: scale so that a step is 1 and let the rounding of `round` do the rest. */
function roundSubnormal(magnitude: number): number {
  u32[0] = magnitude;
  const steps = (f32[0] ?? 0) * 2 ** 24;
  const down = Math.floor(steps);
  const rest = steps - down;
  return rest > 0.5 || (rest === 0.5 && down % 2 === 1) ? down + 1 : down;
}

/** The value of a float16 given as 16 bits. */
export function fromHalfBits(bits: number): number {
  const sign = bits & 0x8000 ? -1 : 1;
  const exponent = (bits >>> 10) & 0x1f;
  const fraction = bits & 0x3ff;
  if (exponent === 0) return sign * fraction * 2 ** -24;
  if (exponent === 31) return fraction ? NaN : sign * Infinity;
  return sign * (1 + fraction / 1024) * 2 ** (exponent - 15);
}
