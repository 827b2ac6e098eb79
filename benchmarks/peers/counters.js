// @ts-check
/** Counts what a library asks of WebGPU, and when. */

/**
 * @typedef {object} Counts
 * @property {number} submits that carry commands
 * @property {number} nudges submits that carry none
 * @property {number} dispatches
 * @property {number} bindGroups @property {number} pipelines @property {number} shaders @property {number} buffers
 * @property {number} submitted when the last submit with commands returned, as performance.now() tells it
 * @property {number} mapped when the last buffer was mapped
 */

const counted = /** @type {const} */ ([
  [globalThis.GPUComputePassEncoder, "dispatchWorkgroups", "dispatches"],
  [globalThis.GPUComputePassEncoder, "dispatchWorkgroupsIndirect", "dispatches"],
  [globalThis.GPUDevice, "createBindGroup", "bindGroups"],
  [globalThis.GPUDevice, "createComputePipeline", "pipelines"],
  [globalThis.GPUDevice, "createComputePipelineAsync", "pipelines"],
  [globalThis.GPUDevice, "createShaderModule", "shaders"],
  [globalThis.GPUDevice, "createBuffer", "buffers"],
]);

/**
 * While the task runs. Prototypes are as they were before and after it, so that runs that are timed are not slowed.
 * @param {() => Promise<unknown>} task @returns {Promise<Counts>}
 */
export async function counting(task) {
  const counts = { submits: 0, nudges: 0, dispatches: 0, bindGroups: 0, pipelines: 0, shaders: 0, buffers: 0, submitted: 0, mapped: 0 };
  const undo = counted.map(([type, method, key]) => wrap(type, method, (original, self, args) => {
    counts[key] += 1;
    return original.apply(self, args);
  }));
  undo.push(
    wrap(GPUQueue, "submit", (original, self, args) => {
      const result = original.apply(self, args);
      const [commands] = args;
      if (commands.length === 0) counts.nudges += 1;
      else {
        counts.submits += 1;
        counts.submitted = performance.now();
      }
      return result;
    }),
    wrap(GPUBuffer, "mapAsync", async (original, self, args) => {
      await original.apply(self, args);
      counts.mapped = performance.now();
    }),
  );
  try {
    await task();
  } finally {
    for (const restore of undo) restore();
  }
  return counts;
}

/** @param {any} type @param {string} method @param {(original: Function, self: unknown, args: any[]) => unknown} replacement */
function wrap({ prototype }, method, replacement) {
  const original = prototype[method];
  prototype[method] = function (/** @type {any[]} */ ...args) {
    return replacement(original, this, args);
  };
  return () => void (prototype[method] = original);
}
