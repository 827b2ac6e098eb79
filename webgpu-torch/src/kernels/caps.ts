import type { Tiles } from "./tiles";

/**
 * What a kernel has to know of the adapter: little, on purpose.
 *
 * Kernels keep to what every WebGPU device has: 16 KiB of workgroup memory, 256 invocations, no optional feature.
 * Without subgroup operations they are right for subgroups of any size; f16 and q8 weights are unpacked by integer
 * operations, so shader-f16 is not needed either.
 */
export interface Caps {
  /** A CPU that plays the GPU: barriers and workgroup memory cost more there than they save. */
  readonly software: boolean;
  /** Whether shaders know products of packed 8-bit integers; how fast they are only measuring tells. */
  readonly dots?: boolean;
  /** Tiles that were found to be fastest on it. */
  readonly tiles?: Tiles;
}

/** What a GPUAdapterInfo tells; under no name of WebGPU's own, as the package's types must do without these. */
interface AdapterInfo {
  readonly architecture: string;
  readonly description: string;
  readonly isFallbackAdapter?: boolean;
}

/** The caps of an adapter. Chromium names SwiftShader in the architecture, Mesa's llvmpipe in the description. */
export function capsOf({ architecture, description, isFallbackAdapter = false }: AdapterInfo): Caps {
  return { software: isFallbackAdapter || /swiftshader|llvmpipe/i.test(`${architecture} ${description}`) };
}
