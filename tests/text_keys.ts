/** Reads tasks from standard input, and prints the key and the text of the kernel of each: `[{task, caps}]` → `[[key, wgsl]]`. */

import { readFileSync } from "node:fs";
import type { Caps } from "../webgpu-torch/src/kernels/caps";
import { textKey } from "../webgpu-torch/src/kernels/lengths";
import { kernelFor, type Task } from "../webgpu-torch/src/kernels/task";

const asked = JSON.parse(readFileSync(0, "utf8")) as { task: Task; caps: Caps }[];
console.log(JSON.stringify(asked.map(({ task, caps }) => [textKey(task, caps), kernelFor(task, caps).wgsl])));
