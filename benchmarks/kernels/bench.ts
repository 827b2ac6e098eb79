/** The page: measures every case that the address selects, shows a table, and leaves the rows in `globalThis.results`. */

import { capsOf } from "../../webgpu-torch/src/kernels/caps";
import type { WeightDtype } from "../../webgpu-torch/src/kernels/kernel";
import { cases, type Selection } from "./cases";
import { Gpu } from "./gpu";
import { time } from "./timing";

export interface Row {
  readonly work: string;
  readonly variant: string;
  readonly microseconds: number;
  readonly gflops: number;
  readonly gigabytes: number;
}

/** `?models=gpt2,gpt2-xl&tokens=1,16,128,512&dtypes=f32,f16,q8,q4&tiles` */
function selection(query: URLSearchParams): Selection {
  const list = (name: string, all: string) => (query.get(name) ?? all).split(",");
  return {
    models: list("models", "gpt2,gpt2-xl") as Selection["models"],
    tokens: list("tokens", "1,16,128,512").map(Number),
    dtypes: list("dtypes", "f32,f16,q8,q4") as WeightDtype[],
    tiles: query.has("tiles"),
  };
}

async function main(): Promise<void> {
  const query = new URLSearchParams(location.search);
  const gpu = await Gpu.open({ clock: true });
  const caps = capsOf(gpu.info);
  const rows: Row[] = [];
  Object.assign(globalThis, { results: { info: describe(gpu.info), rows } });
  show("adapter", describe(gpu.info));
  const deadline = performance.now() + 1000 * Number(query.get("seconds") ?? Infinity);
  for (const each of cases(selection(query), caps)) {
    if (performance.now() > deadline) break;
    const microseconds = await time(gpu, each, caps.software);
    const row = {
      work: each.work,
      variant: each.variant,
      microseconds,
      gflops: each.operations / microseconds / 1e3,
      gigabytes: each.bytes / microseconds / 1e3,
    };
    rows.push(row);
    show(row.work, row.variant, microseconds.toFixed(1), row.gflops.toFixed(0), row.gigabytes.toFixed(0));
  }
}

function describe({ vendor, architecture, description }: GPUAdapterInfo): string {
  return [vendor, architecture, description].filter(Boolean).join(" ");
}

function show(...cells: readonly string[]): void {
  const row = document.querySelector("tbody")?.insertRow();
  for (const text of cells) row?.insertCell().append(text);
}

main()
  .catch((error: unknown) => {
    Object.assign(globalThis, { failure: String(error) });
    show("failed", String(error));
  })
  .finally(() => Object.assign(globalThis, { finished: true }));
