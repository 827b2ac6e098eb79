/** A WebGPU that computes nothing and takes no time, and so leaves what JavaScript itself takes. */

/** When work was last submitted, and a result last there, as performance.now() tells it. */
export const seen = { submitted: 0, mapped: 0 };

class Buffer {
  constructor({ size, usage }) {
    this.size = size;
    this.usage = usage;
  }
  async mapAsync() {
    seen.mapped = performance.now();
  }
  /** Longer than asked for. */
  getMappedRange() {
    return (this.memory ??= new ArrayBuffer(this.size));
  }
  unmap() {}
  destroy() {}
}

class Pass {
  setPipeline() {}
  setBindGroup() {}
  dispatchWorkgroups() {}
  end() {}
}

class Encoder {
  beginComputePass() {
    return new Pass();
  }
  copyBufferToBuffer() {}
  finish() {
    return {};
  }
}

class Queue {
  submit(commands) {
    if (commands.length > 0) seen.submitted = performance.now();
  }
  writeBuffer() {}
  async onSubmittedWorkDone() {}
}

const limits = new Proxy({ minUniformBufferOffsetAlignment: 256, maxStorageBuffersPerShaderStage: 10 }, { get: (own, name) => own[name] ?? 2 ** 32 });

class Device extends EventTarget {
  queue = new Queue();
  lost = new Promise(() => {});
  limits = limits;
  features = new Set();
  createBuffer(descriptor) {
    return new Buffer(descriptor);
  }
  createBindGroup() {
    return {};
  }
  createBindGroupLayout() {
    return {};
  }
  createPipelineLayout() {
    return {};
  }
  createShaderModule() {
    return {};
  }
  async createComputePipelineAsync() {
    return {};
  }
  createCommandEncoder() {
    return new Encoder();
  }
  pushErrorScope() {}
  async popErrorScope() {
    return null;
  }
  destroy() {}
}

const info = { vendor: "stub", architecture: "", device: "", description: "computes nothing", isFallbackAdapter: false };
const adapter = { info, limits, features: new Set(), requestDevice: async () => new Device() };

/** Puts it in the place of the browser's own. */
export function install() {
  const gpu = { requestAdapter: async () => adapter, wgslLanguageFeatures: new Set(["packed_4x8_integer_dot_product"]) };
  Object.defineProperty(navigator, "gpu", { value: gpu });
}
