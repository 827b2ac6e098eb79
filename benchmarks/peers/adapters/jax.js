/** jax-js on WebGPU: one jit-compiled function for each length, as its shapes are static. Option: `pool`. */

export async function load({ cfg: { d, heads, layers, eps }, opts: { pool } }) {
  const { defaultDevice, init, blockUntilReady, jit, nn, numpy } = await import("../vendor/jax/index.js");
  const devices = await init("webgpu");
  if (!devices.includes("webgpu")) throw new Error(`jax-js found ${devices}`);
  defaultDevice("webgpu");
  /** Names to arrays. Each use of an array takes one reference, which `.ref` makes. */
  let weights = {};
  const references = () => Object.fromEntries(Object.entries(weights).map(([name, array]) => [name, array.ref]));
  const compiled = new Map();

  const norm = (w, name, x) =>
    nn.standardize(x, -1, { epsilon: eps }).mul(w[`${name}.weight`].ref).add(w[`${name}.bias`].ref);
  const linear = (w, name, x) => numpy.matmul(x, w[`${name}.weight`].ref).add(w[`${name}.bias`].ref);
  function layer(w, at, x, T) {
    const qkv = linear(w, `${at}.attn.c_attn`, norm(w, `${at}.ln_1`, x.ref));
    const [q, k, v] = numpy.split(qkv, 3, -1).map((part) => part.reshape([1, T, heads, d / heads]));
    const mixed = nn.dotProductAttention(q, k, v, { isCausal: true }).reshape([T, d]);
    x = x.add(linear(w, `${at}.attn.c_proj`, mixed));
    const wide = nn.gelu(linear(w, `${at}.mlp.c_fc`, norm(w, `${at}.ln_2`, x.ref)), { approximate: true });
    return x.add(linear(w, `${at}.mlp.c_proj`, wide));
  }
  const stack = (T) => (x, w) => {
    for (let i = 0; i < layers; i++) x = layer(w, `transformer.h.${i}`, x, T);
    const y = norm(w, "transformer.ln_f", x);
    for (const array of Object.values(w)) array.dispose();
    return pool ? y.mean(0) : y;
  };

  return {
    version: "",

    async init({ safetensors }) {
      for (const [name, { shape, data }] of Object.entries(await safetensors())) weights[name] = numpy.array(data).reshape(shape);
      await blockUntilReady(references());
    },

    run(x, T) {
      if (!compiled.has(T)) compiled.set(T, jit(stack(T)));
      return compiled.get(T)(numpy.array(x).reshape([T, d]), references()).data();
    },
  };
}
