/**
 * One visitor, in a Worker whose code V8 has not seen run before: a model's layers of gpt2's shape, with one length after another
 * that is new, then with one again and again. Posts the ms of JavaScript that each step took.
 */

import { install, seen } from "./stub_gpu.js";

const WIDTH = 768;
const config = { n_embd: WIDTH, n_head: 12, layer_norm_epsilon: 1e-5, activation: "gelu_new", causal: true };

/** @param {{build: string, layers: number, lengths: number[], steadyLength: number, steadyRuns: number}} settings */
async function visit({ build, layers, lengths, steadyLength, steadyRuns }) {
  install();
  const [torch, { finish, runLayers }, { sequencesOf }] = await Promise.all(
    ["torch", "gpt2", "layers"].map((name) => import(`./${build}/${name}.js`)),
  );
  await torch.init();
  const bytes = new ArrayBuffer(4 * 4 * WIDTH * WIDTH);
  const weight = (...shape) => torch.frombuffer(bytes, { dtype: torch.float32, count: shape.reduce((n, size) => n * size, 1) }).reshape(shape);
  const affine = (name, ...shape) => [
    [`${name}.weight`, weight(...shape)],
    [`${name}.bias`, weight(shape[0])],
  ];
  const layer = () =>
    new Map([
      ...affine("ln_1", WIDTH),
      ...affine("attn.c_attn", 3 * WIDTH, WIDTH),
      ...affine("attn.c_proj", WIDTH, WIDTH),
      ...affine("ln_2", WIDTH),
      ...affine("mlp.c_fc", 4 * WIDTH, WIDTH),
      ...affine("mlp.c_proj", WIDTH, 4 * WIDTH),
    ]);
  const pieces = Array.from({ length: layers }, layer);
  const last = new Map(affine("ln_f", WIDTH));
  const step = torch.compile((x, sequences) => finish(last, runLayers(pieces, x, sequences, config), sequences, config, "mean"));

  const hidden = new Float32Array(Math.max(steadyLength, ...lengths) * WIDTH);
  const run = async (T) => {
    const start = performance.now();
    const x = torch.frombuffer(hidden.buffer, { dtype: torch.float32, count: T * WIDTH }).reshape([-1, WIDTH]);
    const sequences = sequencesOf(Int32Array.of(T));
    const y = step(x, sequences);
    await y.numpy();
    for (const tensor of [x, sequences.lengths, sequences.bounds, y]) tensor.dispose();
    // From the mapped result on it is JavaScript again.
    return seen.submitted - start + performance.now() - seen.mapped;
  };
  const pause = () => new Promise((resolve) => setTimeout(resolve, 5)); // as a visitor's requests come: one by one
  const unseen = [];
  for (const T of lengths) {
    unseen.push(await run(T));
    await pause();
  }
  const steady = [];
  for (let n = 0; n < steadyRuns; n++) {
    steady.push(await run(steadyLength));
    if (n % 4 === 0) await pause();
  }
  return { unseen, steady: steady.slice(steadyRuns >> 1) };
}

addEventListener("message", ({ data }) => {
  visit(data).then(
    (times) => postMessage(times),
    (error) => postMessage({ failure: `${error}\n${error.stack}` }),
  );
});
