// Built from webgpu-torch/src by webgpu-torch/build.mjs: edit that, then `npm run build`.

// src/base/errors.ts
var RuntimeError = class extends Error {
  name = "RuntimeError";
};
var IndexError = class extends RangeError {
  name = "IndexError";
};
export {
  IndexError,
  RuntimeError
};
