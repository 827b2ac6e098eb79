/** Times one kernel: many dispatches, each waiting for the one before as in a model, between two timestamps or two clock readings. */

import type { Case, Content } from "./cases";
import { encodePass, type Gpu, type HostArray, type Prepared } from "./gpu";

/** Weights that together outgrow a GPU's caches take turns, as layers do. */
const WEIGHT_BYTES = 128 * 2 ** 20;
const BATCHES = 7;

/** Median time of a dispatch in microseconds. */
export async function time(gpu: Gpu, { kernel, inputs, weight, output }: Case, software: boolean): Promise<number> {
  const buffers = inputs.map((input) => gpu.upload(contents(input)));
  const y = gpu.upload(new Float32Array(output));
  const turns: Prepared[] = [await gpu.prepare(kernel, buffers, y)];
  if (weight !== null && !software) {
    const original = buffers[weight];
    if (!original) throw new Error(`${kernel.name}: no input ${weight}`);
    for (let n = 1; n < Math.min(32, Math.ceil(WEIGHT_BYTES / original.size)); n++) {
      const copy = copyOf(gpu.device, original);
      buffers.push(copy);
      turns.push(await gpu.prepare(kernel, inputs.map((_, i) => (i === weight ? copy : (buffers[i] as GPUBuffer))), y));
    }
  }
  const dispatches = (count: number) => Array.from({ length: count }, (_, n) => turns[n % turns.length] as Prepared);

  await batch(gpu, dispatches(1));
  // Long enough that a clock of 100 µs, which is what browsers give, reads it to a percent or two.
  let count = 1;
  for (let took = 0; !software && took < 5000 && count < 2048; count *= 2) took = await batch(gpu, dispatches(count));
  const times: number[] = [];
  for (let n = 0; n < (software ? 3 : BATCHES); n++) times.push((await batch(gpu, dispatches(count))) / count);

  for (const buffer of [...buffers, y, ...turns.map(({ uniform }) => uniform)]) buffer.destroy();
  times.sort((a, b) => a - b);
  return times[Math.floor(times.length / 2)] ?? NaN;
}

/** Microseconds that the dispatches took together. */
async function batch(gpu: Gpu, dispatches: readonly Prepared[]): Promise<number> {
  const { device } = gpu;
  if (!device.features.has("timestamp-query")) {
    const start = performance.now();
    const encoder = device.createCommandEncoder();
    encodePass(encoder, dispatches);
    device.queue.submit([encoder.finish()]);
    await device.queue.onSubmittedWorkDone();
    return 1000 * (performance.now() - start);
  }
  const querySet = device.createQuerySet({ type: "timestamp", count: 2 });
  const resolved = device.createBuffer({ size: 16, usage: GPUBufferUsage.QUERY_RESOLVE | GPUBufferUsage.COPY_SRC });
  const staging = device.createBuffer({ size: 16, usage: GPUBufferUsage.COPY_DST | GPUBufferUsage.MAP_READ });
  const encoder = device.createCommandEncoder();
  encodePass(encoder, dispatches, { querySet, beginningOfPassWriteIndex: 0, endOfPassWriteIndex: 1 });
  encoder.resolveQuerySet(querySet, 0, 2, resolved, 0);
  encoder.copyBufferToBuffer(resolved, 0, staging, 0, 16);
  device.queue.submit([encoder.finish()]);
  await staging.mapAsync(GPUMapMode.READ);
  const [begin = 0n, end = 0n] = new BigUint64Array(staging.getMappedRange());
  const nanoseconds = Number(end - begin);
  for (const resource of [querySet, resolved, staging]) resource.destroy();
  return nanoseconds / 1000;
}

function copyOf(device: GPUDevice, original: GPUBuffer): GPUBuffer {
  const copy = device.createBuffer({ size: original.size, usage: original.usage });
  const encoder = device.createCommandEncoder();
  encoder.copyBufferToBuffer(original, 0, copy, 0, original.size);
  device.queue.submit([encoder.finish()]);
  return copy;
}

/** Random numbers of a size that sums of thousands of products neither overflow nor lose. */
function contents({ content, elements, ints }: { content: Content; elements: number; ints?: readonly number[] }): HostArray {
  const random = () => Math.floor(Math.random() * 2 ** 32);
  switch (content) {
    case "f32":
      return Float32Array.from({ length: elements }, () => Math.random() - 0.5);
    case "f16": // two halves between 1/16 and 1/8, of either sign
      return Uint32Array.from({ length: Math.ceil(elements / 2) }, () => (random() & 0x83ff83ff) | 0x2c002c00);
    case "q8":
      return Uint32Array.from({ length: elements / 4 }, random);
    case "q4":
      return Uint32Array.from({ length: elements / 8 }, random);
    case "lengths":
      return Int32Array.from(ints ?? []);
    default:
      return content satisfies never;
  }
}
