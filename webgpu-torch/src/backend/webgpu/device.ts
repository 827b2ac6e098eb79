/** Finds the adapter and opens a device on it. */

import { RuntimeError } from "../../base/errors";
import { type Caps, capsOf } from "../../kernels/caps";
import type { DeviceInfo } from "../backend";

export interface OpenDevice {
  readonly device: GPUDevice;
  readonly caps: Caps;
  readonly info: DeviceInfo;
}

/** Asked for to the adapter's full extent. Beyond these, kernels keep to what every device has, and to no optional feature. */
const NEEDED = ["maxBufferSize", "maxStorageBufferBindingSize", "maxStorageBuffersPerShaderStage"] as const;

/** What people want to know of an adapter. */
const SHOWN = [
  ...NEEDED,
  "maxComputeWorkgroupStorageSize",
  "maxComputeInvocationsPerWorkgroup",
  "maxComputeWorkgroupSizeX",
  "maxComputeWorkgroupSizeY",
  "maxComputeWorkgroupSizeZ",
] as const satisfies readonly (keyof GPUSupportedLimits)[];

/** `forced` overrides what the adapter can do, so that tests take the ways of other adapters. */
export async function openDevice(forced: Partial<Caps>): Promise<OpenDevice> {
  // Older versions of Node have no navigator either.
  const gpu = (globalThis.navigator as Partial<Navigator> | undefined)?.gpu;
  if (!gpu)
    throw new RuntimeError("WebGPU is not available in this browser, or this page is not a secure context (https or localhost)");
  const adapter = await gpu.requestAdapter({ powerPreference: "high-performance" });
  if (!adapter) throw new RuntimeError("WebGPU is available, but the browser found no GPU adapter");
  const device = await adapter.requestDevice({
    // for torch.profile
    requiredFeatures: adapter.features.has("timestamp-query") ? ["timestamp-query"] : [],
    requiredLimits: Object.fromEntries(NEEDED.map((limit) => [limit, adapter.limits[limit]])),
  });
  const { vendor, architecture, description } = adapter.info;
  return {
    device,
    caps: { ...capsOf(adapter.info), dots: gpu.wgslLanguageFeatures.has("packed_4x8_integer_dot_product"), ...forced },
    info: {
      backend: "webgpu",
      vendor,
      architecture,
      description,
      features: [...adapter.features].sort(),
      limits: Object.fromEntries(SHOWN.map((limit) => [limit, adapter.limits[limit]])),
    },
  };
}

/** Bytes of the largest buffer that a shader can be given, as a multiple of what shaders read at once. */
export function largestBuffer({ maxBufferSize, maxStorageBufferBindingSize }: GPUSupportedLimits): number {
  return Math.floor(Math.min(maxBufferSize, maxStorageBufferBindingSize) / 16) * 16;
}
