export * from "../webgpu-torch/src/index";
