// @ts-check
/** What fails on the GPU, as errors of the client: what is no such error there is the GPU's. */

import * as torch from "./torch.js";
import { messageOf, SplitComputeError } from "./errors.js";

/**
 * Rejects with "Memory" where the GPU had no room, else with "Gpu". An error of the client's own, as of
 * bytes that are no tensors, stays what it is.
 * @template T
 * @param {string} what needs the room
 * @param {() => Promise<T>} task
 */
export async function onGpu(what, task) {
  try {
    return await task();
  } catch (error) {
    if (error instanceof SplitComputeError) throw error;
    const isFull = error instanceof torch.OutOfMemoryError;
    const message = isFull ? `The GPU's memory has no room for ${what}: ${error.message}` : messageOf(error);
    throw new SplitComputeError(message, { error_type: isFull ? "Memory" : "Gpu", cause: error });
  }
}

/** @param {unknown} error */
export function isOfGpu(error) {
  return isOfMemory(error) || (error instanceof SplitComputeError && error.error_type === "Gpu");
}

/** @param {unknown} error */
export function isOfMemory(error) {
  return error instanceof SplitComputeError && error.error_type === "Memory";
}
