/** The devices that tensors live on, and the one that new tensors go to. The library's only state. */

import type { Backend, DeviceInfo, DeviceName } from "../backend/backend";
import { CpuBackend } from "../backend/cpu/cpu";
import { WebGpuBackend } from "../backend/webgpu/webgpu";
import { RuntimeError } from "../base/errors";
import { runnerOf } from "../graph/run";
import type { Caps } from "../kernels/caps";
import type { Tiles } from "../kernels/tiles";
import { keywords } from "./keywords";

const backends = new Map<DeviceName, Backend>();
let defaultDevice: DeviceName | null = null;

export interface InitOptions {
  readonly device?: DeviceName;
  /** What `torch.autotune` found at an earlier visit. */
  readonly autotuned?: Autotuned | null;
  /** Overrides what the adapter can do, to take the ways of other adapters in tests. */
  readonly caps?: Partial<Caps>;
}

/**
 * Opens a device and makes it the default. Throws, with the reason in plain words, where there is no WebGPU adapter.
 * After a device was lost, a second call opens a new one; tensors of the lost one are gone.
 */
export async function init(options: InitOptions = {}): Promise<DeviceName> {
  const { device = "webgpu", autotuned = null, caps } = keywords<InitOptions>("init", [], [options], ["device", "autotuned", "caps"]);
  if (device !== "webgpu" && device !== "cpu")
    throw new RuntimeError(`init: expected one of webgpu, cpu as device, but got ${String(device satisfies never)}`);
  const open = backends.get(device);
  if (!open || open.lost || caps) backends.set(device, device === "cpu" ? new CpuBackend() : await WebGpuBackend.create(caps));
  const backend = backendOf(device);
  // What was found on an open device is the younger.
  if (autotuned && autotuned.adapter === adapterText(backend)) backend.tiles = { ...autotuned.tiles, ...backend.tiles };
  defaultDevice = device;
  return device;
}

/** What was found by `torch.autotune`, as plain data: to be kept, and given to `torch.init` at the next visit. */
export interface Autotuned {
  /** Whose tiles these are; another adapter's are not used. */
  readonly adapter: string;
  readonly tiles: Tiles;
}

/** What tells one adapter from another. */
export function adapterText({ info }: Backend): string {
  return [info.vendor, info.architecture, info.description].join(" / ");
}

/** Makes a device the default for new tensors; "webgpu" must have been opened with `init`. */
export function set_default_device(device: DeviceName): void {
  backendOf(device);
  defaultDevice = device;
}

/** The backend of a device, or of the default one. */
export function backendOf(device?: DeviceName): Backend {
  const name = device ?? defaultDevice;
  if (name === null) throw new RuntimeError("no device yet: call `await torch.init()` first");
  const open = backends.get(name);
  if (open) return open;
  if (name !== "cpu") throw new RuntimeError(`device ${name} is not open: call \`await torch.init({ device: "${name}" })\` first`);
  const cpu = new CpuBackend();
  backends.set("cpu", cpu);
  return cpu;
}

/** What the device is: vendor, features, limits. */
export const device_info = (device?: DeviceName): DeviceInfo => backendOf(device).info;

/** Resolves when all work given to the device is done. */
export const synchronize = (device?: DeviceName): Promise<void> => runnerOf(backendOf(device)).synchronize();

/** Bytes that tensors hold on the device. */
export const memory_allocated = (device?: DeviceName): number => backendOf(device).memory().allocated;

/** Bytes that the device holds for tensors, for the workspace and for reuse. */
export const memory_reserved = (device?: DeviceName): number => backendOf(device).memory().reserved;

/** Closes a device: its tensors are gone, its memory is free. */
export function close(device?: DeviceName): void {
  const backend = backendOf(device);
  backend.destroy();
  backends.delete(backend.name);
}
