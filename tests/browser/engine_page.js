// @ts-check
/** The page's side of test_engine.py: counts what reaches the GPU, and makes requests of a transformer's shape. */

/** @type {Record<string, number>} */
const counts = {};

/** Counts the calls of a method from now on. @param {any} owner @param {string} name */
function countCalls(owner, name) {
  const real = owner.prototype[name];
  owner.prototype[name] = function (/** @type {any[]} */ ...args) {
    // Empty submits only make the browser look for finished work.
    if (name !== "submit" || args[0].length > 0) counts[name] = (counts[name] ?? 0) + 1;
    return real.apply(this, args);
  };
}

countCalls(GPUQueue, "submit");
countCalls(GPUDevice, "createBuffer");
countCalls(GPUDevice, "createBindGroup");
countCalls(GPUDevice, "createComputePipelineAsync");
countCalls(GPUComputePassEncoder, "dispatchWorkgroups");

// Buffers that were made and not destroyed: one left to the garbage collector counts as a leak.
/** @type {Map<GPUBuffer, number>} */
const live = new Map();
const create_buffer = GPUDevice.prototype.createBuffer;
GPUDevice.prototype.createBuffer = function (descriptor) {
  const buffer = create_buffer.call(this, descriptor);
  live.set(buffer, descriptor.size);
  return buffer;
};
const destroy_buffer = GPUBuffer.prototype.destroy;
GPUBuffer.prototype.destroy = function () {
  live.delete(this);
  return destroy_buffer.call(this);
};

/** How many buffers there are, and their bytes. */
function liveBuffers() {
  return { count: live.size, bytes: [...live.values()].reduce((sum, size) => sum + size, 0) };
}

/** The calls that one piece of work makes. @param {() => Promise<unknown>} work */
async function counted(work) {
  for (const name of Object.keys(counts)) delete counts[name];
  await work();
  return { ...counts };
}

// Keeps the device that the library opens, so that a test can take it away.
const request_device = GPUAdapter.prototype.requestDevice;
GPUAdapter.prototype.requestDevice = async function (...args) {
  const device = await request_device.apply(this, args);
  Object.assign(globalThis, { device });
  return device;
};

const WIDTH = 32;
const HEADS = 4;

/** A layer's weights, small and all different. */
function makeLayer(/** @type {any} */ torch) {
  const weight = (/** @type {number[]} */ ...shape) => {
    const count = shape.reduce((n, size) => n * size, 1);
    const values = Float32Array.from({ length: count }, (_, i) => Math.sin(i) / 10);
    return torch.frombuffer(values.buffer).reshape(shape);
  };
  const affine = (/** @type {number} */ n, /** @type {number} */ k) => ({ weight: weight(n, k), bias: weight(n) });
  const norm = () => ({ weight: weight(WIDTH), bias: weight(WIDTH) });
  return {
    ln_1: norm(),
    qkv: affine(3 * WIDTH, WIDTH),
    proj: affine(WIDTH, WIDTH),
    ln_2: norm(),
    fc: affine(4 * WIDTH, WIDTH),
    out: affine(WIDTH, 4 * WIDTH),
  };
}

/** @returns {(layer: any, x: any, ends: any, T: number) => any} */
function layerOf(/** @type {any} */ torch) {
  const F = torch.nn.functional;
  const { varlen_attn } = torch.nn.attention.varlen;
  const linear = (/** @type {any} */ { weight, bias }, /** @type {any} */ x) => F.linear(x, weight, bias);
  const norm = (/** @type {any} */ { weight, bias }, /** @type {any} */ x) => F.layer_norm(x, [WIDTH], weight, bias);
  return (layer, x, ends, T) => {
    const qkv = linear(layer.qkv, norm(layer.ln_1, x)).reshape(-1, 3, HEADS, WIDTH / HEADS);
    const [q, k, v] = qkv.unbind(1);
    const attended = varlen_attn(q, k, v, ends, ends, T, T).reshape(-1, WIDTH);
    const h = x.add(linear(layer.proj, attended));
    return h.add(linear(layer.out, F.gelu(linear(layer.fc, norm(layer.ln_2, h)))));
  };
}

/**
 * One request of T tokens, as the client makes it: what it allocates it disposes of.
 * @param {any} torch @param {any[]} layers @param {number} T
 */
async function request(torch, layers, T, run = layerOf(torch)) {
  const x = torch.frombuffer(new Float32Array(T * WIDTH).fill(0.5).buffer).reshape(T, WIDTH);
  const ends = torch.tensor([0, T]);
  const y = layers.reduce((h, layer) => run(layer, h, ends, T), x);
  const values = await y.numpy();
  for (const tensor of [x, ends, y]) tensor.dispose();
  return values;
}

Object.assign(globalThis, { counted, liveBuffers, makeLayer, layerOf, request });
