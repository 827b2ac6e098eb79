/** torch.profile: where the time of some work goes, kernel by kernel. */

import type { Clock, DeviceName, Timing } from "../backend/backend";
import { RuntimeError } from "../base/errors";
import { backendOf, synchronize } from "./devices";
import { keywords } from "./keywords";

/** All calls of one kernel. Times are in milliseconds. */
export interface ProfileRow {
  readonly name: string;
  readonly calls: number;
  readonly total: number;
  readonly mean: number;
}

export interface Profile {
  /** "timestamp-query": the kernels alone, by the GPU's own clock. "host": from submit to done, by this thread's. */
  readonly clock: Clock;
  /** What took longest first. */
  readonly rows: readonly ProfileRow[];
}

/**
 * Runs `fn` and times each kernel of what it reads. Results that `fn` does not await are not computed, or not within the profile.
 * Kernels are submitted one by one, so the whole takes longer than without.
 */
export async function profile(fn: () => unknown, options: { device?: DeviceName } = {}): Promise<Profile> {
  if (typeof fn !== "function") throw new TypeError(`profile: expected a function, got ${fn === null ? "null" : typeof fn}`);
  const { device } = keywords<{ device?: DeviceName }>("profile", [], [options], ["device"]);
  const backend = backendOf(device);
  // What was asked for before is not part of it.
  await synchronize(device);
  if (backend.profiler) throw new RuntimeError(`profile: another profile of ${backend.name} is under way`);
  const profiler = backend.profile();
  let timings: readonly Timing[];
  try {
    await fn();
  } finally {
    // A run that goes on, because fn rejected or did not await it, is timed to its end.
    await synchronize(device).catch(() => undefined);
    timings = await profiler.finish();
  }
  return { clock: profiler.clock, rows: summed(timings) };
}

function summed(timings: readonly Timing[]): ProfileRow[] {
  const rows = new Map<string, { calls: number; total: number }>();
  for (const { name, ms } of timings) {
    const { calls, total } = rows.get(name) ?? { calls: 0, total: 0 };
    rows.set(name, { calls: calls + 1, total: total + ms });
  }
  return [...rows].map(([name, { calls, total }]) => ({ name, calls, total, mean: total / calls })).sort((a, b) => b.total - a.total);
}
