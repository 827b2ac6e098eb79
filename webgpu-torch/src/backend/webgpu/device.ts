/** Finds the adapter and asks for a device with all that it offers. */

import { RuntimeError } from "../../base/errors";
import { type Caps, capsOf } from "../../kernels/caps";
import type { DeviceInfo } from "../backend";

export interface OpenDevice {
  readonly device: GPUDevice;
  readonly caps: Caps;
  readonly info: DeviceInfo;
}

/** Used where the adapter has them; nothing needs them. */
const FEATURES: readonly GPUFeatureName[] = ["shader-f16", "subgroups", "timestamp-query"];

/** Asked for to the adapter's full extent: by default a device gets only what every adapter has. */
const LIMITS = [
  "maxBufferSize",
  "maxStorageBufferBindingSize",
  "maxStorageBuffersPerShaderStage",
  "maxComputeWorkgroupStorageSize",
  "maxComputeInvocationsPerWorkgroup",
  "maxComputeWorkgroupSizeX",
  "maxComputeWorkgroupSizeY",
  "maxComputeWorkgroupSizeZ",
] as const satisfies readonly (keyof GPUSupportedLimits)[];

/** `forced` overrides what the adapter can do, so that tests take the ways of other adapters. */
export async function openDevice(forced: Partial<Caps>): Promise<OpenDevice> {
  if (!("gpu" in navigator) || !navigator.gpu)
    throw new RuntimeError("WebGPU is not available in this browser, or this page is not a secure context (https or localhost)");
  const adapter = await navigator.gpu.requestAdapter({ powerPreference: "high-performance" });
  if (!adapter) throw new RuntimeError("WebGPU is available, but the browser found no GPU adapter");
  const device = await adapter.requestDevice({
    requiredFeatures: FEATURES.filter((feature) => adapter.features.has(feature)),
    requiredLimits: Object.fromEntries(LIMITS.map((limit) => [limit, adapter.limits[limit]])),
  });
  const { vendor, architecture, description } = adapter.info;
  return {
    device,
    caps: { ...capsOf(adapter.info), ...forced },
    info: {
      backend: "webgpu",
      vendor,
      architecture,
      description,
      features: [...adapter.features].sort(),
      limits: Object.fromEntries(LIMITS.map((limit) => [limit, device.limits[limit]])),
    },
  };
}
