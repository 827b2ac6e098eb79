/** Every kind of work that a backend can be given, and the WebGPU kernel that does it. */

import { helperText } from "../ops/helpers";
import { attention, type AttentionSpec } from "./attention";
import { batchMatmul, type BatchMatmulSpec } from "./batch_matmul";
import type { Caps } from "./caps";
import { elementwise, type ElementwiseSpec } from "./elementwise";
import { embedding, type EmbeddingSpec } from "./embedding";
import { type Epilogue, NO_EPILOGUE } from "./epilogue";
import type { Kernel } from "./kernel";
import { norm, type NormSpec } from "./layer_norm";
import { matmul, type MatmulSpec } from "./matmul";
import { mergeRuns, type MergeRunsSpec } from "./merge_runs";
import { LITERALS } from "./params";
import type { Program } from "./program";
import { programWgsl } from "./program_wgsl";
import { random, type RandomSpec } from "./random";
import { reduce, type ReduceSpec } from "./reduce";
import { roundRows, type RoundRowsSpec } from "./round_rows";
import { scan, type ScanSpec } from "./scan";
import { scatterJoin, type ScatterJoinSpec } from "./scatter_join";
import { scatterPlaces, type ScatterPlacesSpec } from "./scatter_places";
import { segmentReduce, type SegmentReduceSpec } from "./segment_reduce";
import { softmax, type SoftmaxSpec } from "./softmax";
import { sortRuns, type SortRunsSpec } from "./sort_runs";

/** A fused chain behind a matmul. Each input is "full", of the output's shape, or a "column", one element a column. */
export interface Behind {
  /** The shape that the program runs over: the output's, in whatever dimensions. */
  readonly shape: readonly number[];
  readonly program: Program;
  readonly operands: Epilogue["operands"];
}

/** Inputs come in the order that the kernel's file names them, those of `behind` last; every task has one output. */
export type Task =
  | { readonly kind: "elementwise"; readonly spec: ElementwiseSpec }
  | { readonly kind: "reduce"; readonly spec: ReduceSpec }
  | { readonly kind: "linear"; readonly spec: Omit<MatmulSpec, "epilogue">; readonly behind: Behind | null }
  | { readonly kind: "matmul"; readonly spec: Omit<BatchMatmulSpec, "epilogue">; readonly behind: Behind | null }
  | { readonly kind: "attention"; readonly spec: AttentionSpec }
  | { readonly kind: "norm"; readonly spec: NormSpec }
  | { readonly kind: "softmax"; readonly spec: SoftmaxSpec }
  | { readonly kind: "segment_reduce"; readonly spec: SegmentReduceSpec }
  | { readonly kind: "embedding"; readonly spec: EmbeddingSpec }
  | { readonly kind: "scan"; readonly spec: ScanSpec }
  | { readonly kind: "sort_runs"; readonly spec: SortRunsSpec }
  | { readonly kind: "merge_runs"; readonly spec: MergeRunsSpec }
  | { readonly kind: "scatter_places"; readonly spec: ScatterPlacesSpec }
  | { readonly kind: "scatter_join"; readonly spec: ScatterJoinSpec }
  | { readonly kind: "random"; readonly spec: RandomSpec }
  /** Only in what a GPU makes of a plan. */
  | { readonly kind: "round_rows"; readonly spec: RoundRowsSpec };

/** A value of tasks as text: equal for values that are equal, but for the properties of one name, which may be left out. */
export function textOf(value: unknown, without: string | null = null): string {
  if (typeof value === "number") return Object.is(value, -0) ? "-0" : String(value);
  if (!isObject(value)) return String(value);
  let text = "";
  for (const name in value) if (name !== without) text += `${textOf(value[name], without)},`;
  // An empty list is no empty place, and ends are marked, so that lists of different lengths differ.
  return `(${text})`;
}

const isObject = (value: unknown): value is Readonly<Record<string, unknown>> => typeof value === "object" && value !== null;

/** The kernel that does a task on an adapter. */
export function kernelFor(task: Task, caps: Caps): Kernel {
  switch (task.kind) {
    case "elementwise":
      return elementwise(task.spec);
    case "reduce":
      return reduce(task.spec, caps);
    case "linear":
      return matmul(withEpilogue(task), caps);
    case "matmul":
      return batchMatmul({ ...task.spec, epilogue: epilogueOf(task.behind) });
    case "attention":
      return attention(task.spec, caps);
    case "norm":
      return norm(task.spec, caps);
    case "softmax":
      return softmax(task.spec, caps);
    case "segment_reduce":
      return segmentReduce(task.spec, caps);
    case "embedding":
      return embedding(task.spec);
    case "scan":
      return scan(task.spec, caps);
    case "sort_runs":
      return sortRuns(task.spec);
    case "merge_runs":
      return mergeRuns(task.spec);
    case "scatter_places":
      return scatterPlaces(task.spec);
    case "scatter_join":
      return scatterJoin(task.spec, caps);
    case "random":
      return random(task.spec);
    case "round_rows":
      return roundRows(task.spec);
    default:
      return task satisfies never;
  }
}

/** The epilogue is written when the kernel's text is. */
function withEpilogue({ spec, behind }: Extract<Task, { kind: "linear" }>): MatmulSpec {
  return {
    ...spec,
    get epilogue() {
      return epilogueOf(behind);
    },
  };
}

/** The chain as a function of the accumulator and the operands, in the words of the matmul kernels. */
function epilogueOf(behind: Behind | null): Epilogue {
  if (!behind) return NO_EPILOGUE;
  const { program, operands } = behind;
  const body = programWgsl(program, {
    width: 1,
    params: LITERALS,
    firstInput: 0,
    operand: (input) => `e${input}`,
    address: () => "",
    quad: () => null,
    accumulator: "acc",
    prefix: "v",
  });
  const names = ["acc", ...operands.map((_, i) => `e${i}`)];
  const helpers = `${helperText(body)}
fn op_epilogue(${names.map((name) => `${name}: F32`).join(", ")}) -> F32 {
  ${body}
  return v${program.body.length - 1};
}`;
  return { operands, expression: `op_epilogue(${names.join(", ")})`, helpers };
}
