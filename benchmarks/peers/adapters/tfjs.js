/** TensorFlow.js on its WebGPU backend. Option: `pool`. */

const script = (path) =>
  new Promise((resolve, reject) => {
    const element = document.createElement("script");
    element.src = new URL(`../vendor/tfjs/${path}`, import.meta.url).href;
    element.onload = resolve;
    element.onerror = () => reject(new Error(`${path} did not load`));
    document.head.append(element);
  });

export async function load({ cfg: { d, heads, layers, eps }, opts: { pool } }) {
  await script("tf-core.min.js");
  await script("tf-backend-webgpu.min.js");
  const { tf } = globalThis;
  await tf.setBackend("webgpu");
  await tf.ready();
  if (tf.getBackend() !== "webgpu") throw new Error(`tfjs runs on ${tf.getBackend()}`);
  const weights = {};
  const masks = new Map();

  function norm(name, x) {
    const { mean, variance } = tf.moments(x, -1, true);
    const standard = tf.mul(tf.sub(x, mean), tf.rsqrt(tf.add(variance, eps)));
    return tf.add(tf.mul(standard, weights[`${name}.weight`]), weights[`${name}.bias`]);
  }
  const linear = (name, x) => tf.fused.matMul({ a: x, b: weights[`${name}.weight`], bias: weights[`${name}.bias`] });
  function gelu(x) {
    const inner = tf.mul(Math.sqrt(2 / Math.PI), tf.add(x, tf.mul(0.044715, tf.mul(x, tf.mul(x, x)))));
    return tf.mul(tf.mul(0.5, x), tf.add(1, tf.tanh(inner)));
  }
  function attention(name, x, T) {
    const toHeads = (part) => tf.transpose(tf.reshape(part, [T, heads, d / heads]), [1, 0, 2]);
    const [q, k, v] = tf.split(linear(`${name}.c_attn`, x), 3, 1).map(toHeads);
    const scores = tf.add(tf.mul(tf.matMul(q, k, false, true), Math.sqrt(heads / d)), masks.get(T));
    const mixed = tf.matMul(tf.softmax(scores), v);
    return linear(`${name}.c_proj`, tf.reshape(tf.transpose(mixed, [1, 0, 2]), [T, d]));
  }
  function stack(x, T) {
    for (let i = 0; i < layers; i++) {
      const at = `transformer.h.${i}`;
      x = tf.add(x, attention(`${at}.attn`, norm(`${at}.ln_1`, x), T));
      x = tf.add(x, linear(`${at}.mlp.c_proj`, gelu(linear(`${at}.mlp.c_fc`, norm(`${at}.ln_2`, x)))));
    }
    const y = norm("transformer.ln_f", x);
    return pool ? tf.mean(y, 0) : y;
  }

  return {
    version: tf.version_core,

    async init({ safetensors }) {
      for (const [name, { shape, data }] of Object.entries(await safetensors())) {
        weights[name] = tf.tensor(data, shape);
        tf.backend().uploadToGPU(weights[name].dataId); // else the first run would
      }
      await tf.backend().device.queue.onSubmittedWorkDone();
    },

    async run(x, T) {
      if (!masks.has(T)) masks.set(T, tf.tensor(causal(T), [T, T]));
      const y = tf.tidy(() => stack(tf.tensor(x, [T, d]), T));
      const values = await y.data();
      y.dispose();
      return values;
    },
  };
}

/** Zeros up to the diagonal, and beyond it what softmax makes zeros of. */
function causal(T) {
  const mask = new Float32Array(T * T);
  for (let row = 0; row < T; row++) mask.fill(-1e9, row * T + row + 1, (row + 1) * T);
  return mask;
}
