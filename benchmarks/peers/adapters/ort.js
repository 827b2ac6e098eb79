/** onnxruntime-web on WebGPU. Options: `graph`, the graph's file; `weights`, the file that it points into; `pool`. */

export async function load({ opts: { graph, weights, pool } }) {
  const folder = new URL("../vendor/ort/", import.meta.url).href;
  const ort = await import(`${folder}ort.webgpu.min.mjs`);
  ort.env.wasm.wasmPaths = folder;
  ort.env.wasm.numThreads = 1; // all work is the GPU's
  ort.env.logLevel = "error";
  const output = pool ? "pooled" : "y";
  let session, device;
  const inputs = new Map(); // GPU buffers by size

  return {
    version: ort.env.versions.web,

    async init({ base, fetchBuf }) {
      const [model, data] = [await fetchBuf(base + graph), await fetchBuf(base + weights)];
      session = await ort.InferenceSession.create(new Uint8Array(model), {
        executionProviders: ["webgpu"],
        graphOptimizationLevel: "all",
        preferredOutputLocation: "gpu-buffer",
        externalData: [{ path: weights, data: new Uint8Array(data) }],
      });
      device = await ort.env.webgpu.device;
      await device.queue.onSubmittedWorkDone();
    },

    async run(x, T) {
      let buffer = inputs.get(x.byteLength);
      if (!buffer) {
        const usage = GPUBufferUsage.STORAGE | GPUBufferUsage.COPY_DST | GPUBufferUsage.COPY_SRC;
        inputs.set(x.byteLength, (buffer = device.createBuffer({ size: x.byteLength, usage })));
      }
      device.queue.writeBuffer(buffer, 0, x);
      const input = ort.Tensor.fromGpuBuffer(buffer, { dataType: "float32", dims: [1, T, x.length / T] });
      const { [output]: y } = await session.run({ x: input }, [output]);
      const values = await y.getData();
      y.dispose();
      return values;
    },
  };
}
