/** What a kernel may use on the adapter at hand. */

export interface Caps {
  readonly subgroups: boolean;
  readonly subgroupMinSize: number;
  readonly subgroupMaxSize: number;
  readonly f16: boolean;
  /** Bytes of workgroup memory. */
  readonly maxWorkgroupStorage: number;
  /** Invocations a workgroup. */
  readonly maxInvocations: number;
  /** A CPU that plays the GPU: barriers and workgroup memory cost more there than they save. */
  readonly software: boolean;
}

/** The caps of a device, from its adapter's info and its own features and limits. */
export function capsOf(
  info: Pick<GPUAdapterInfo, "architecture" | "description"> & Partial<Pick<GPUAdapterInfo, "subgroupMinSize" | "subgroupMaxSize" | "isFallbackAdapter">>,
  features: { has(feature: string): boolean },
  limits: Pick<GPUSupportedLimits, "maxComputeWorkgroupStorageSize" | "maxComputeInvocationsPerWorkgroup">,
): Caps {
  return {
    subgroups: features.has("subgroups"),
    subgroupMinSize: info.subgroupMinSize ?? 4,
    subgroupMaxSize: info.subgroupMaxSize ?? 128,
    f16: features.has("shader-f16"),
    maxWorkgroupStorage: limits.maxComputeWorkgroupStorageSize,
    maxInvocations: limits.maxComputeInvocationsPerWorkgroup,
    // Chromium names SwiftShader in the architecture, Mesa's llvmpipe in the description.
    software: info.isFallbackAdapter === true || /swiftshader|llvmpipe/i.test(`${info.architecture} ${info.description}`),
  };
}
