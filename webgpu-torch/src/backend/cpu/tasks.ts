/** Does tasks by their references. */

import type { DType } from "../../base/dtype";
import { type Program, resultOf } from "../../kernels/program";
import type { ReduceSpec } from "../../kernels/reduce";
import type { Behind, Task } from "../../kernels/task";
import type { WeightDtype } from "../../kernels/kernel";
import { attentionCpu } from "../../ops/attention";
import { mergeRunsCpu, scanCpu, scatterJoinCpu, scatterPlacesCpu, sortRunsCpu } from "../../ops/lists";
import { dequantizeCpu, embeddingCpu, segmentReduceCpu } from "../../ops/lookup";
import { linearCpu, matmulCpu } from "../../ops/matmul";
import { normCpu, softmaxCpu } from "../../ops/norm";
import { randomCpu } from "../../ops/philox";
import { reduceOp, reduceResult } from "../../ops/reduce";
import { makeValues, type Values } from "../../ops/values";
import { runProgram } from "./program";

/** Reads an input, by its number among the task's, as a dtype. */
export type Input = (number: number, dtype: DType) => Values;

/** A task's output. */
export interface Result {
  readonly dtype: DType;
  readonly values: Values;
}

const floats = (values: Values): Result => ({ dtype: "float32", values });
const ints = (values: Values): Result => ({ dtype: "int32", values });

export function runTask(task: Task, input: Input): Result {
  const float = (i: number) => input(i, "float32");
  const int = (i: number) => input(i, "int32");
  switch (task.kind) {
    case "elementwise": {
      const { program, shape } = task.spec;
      return { dtype: resultOf(program), values: runProgram(program, shape, inputsOf(program, input, 0), null) };
    }
    case "reduce":
      return runReduce(task.spec, input);
    case "linear": {
      const { M, N, K, weight, norm } = task.spec;
      if (norm) throw new RangeError("linear: the cpu backend has norms done by themselves");
      const w = weightOf(weight, N, K, input, 1);
      return runBehind(task.behind, linearCpu(M, N, K, float(0), w.values), input, w.next);
    }
    case "matmul":
      return runBehind(task.behind, matmulCpu(task.spec, float(0), float(1)), input, 2);
    case "attention":
      return floats(attentionCpu(task.spec, { q: float(0), k: float(1), v: float(2), cuQ: int(3), cuK: int(4) }));
    case "norm":
      return floats(runNorm(task, float));
    case "softmax":
      return floats(softmaxCpu(task.spec, float(0)));
    case "segment_reduce":
      return floats(segmentReduceCpu(task.spec, float(0), int(1)));
    case "embedding": {
      const { rows, width, weight } = task.spec;
      return floats(embeddingCpu(task.spec, int(0), weightOf(weight, rows, width, input, 1).values));
    }
    case "scan":
      return { dtype: task.spec.dtype, values: scanCpu(task.spec, input(0, task.spec.dtype)) };
    case "sort_runs":
      return ints(sortRunsCpu(task.spec, input(0, task.spec.dtype)));
    case "merge_runs":
      return ints(mergeRunsCpu(task.spec, input(0, task.spec.dtype), int(1)));
    case "scatter_places":
      return ints(scatterPlacesCpu(task.spec, int(0)));
    case "scatter_join":
      return { dtype: task.spec.dtype, values: scatterJoinCpu(task.spec, int(0), input(1, task.spec.dtype)) };
    case "random": {
      const { distribution, count } = task.spec;
      return { dtype: distribution === "bits" ? "uint32" : "float32", values: randomCpu(distribution, count, input(0, "uint32")) };
    }
    case "round_rows":
      throw new RangeError("round_rows: the cpu backend multiplies numbers as they are");
    default:
      return task satisfies never;
  }
}

const inputsOf = (program: Program, input: Input, first: number): Values[] => program.inputs.map((dtype, i) => input(first + i, dtype));

/** A weight as floats, and the number of the input after it. */
function weightOf(dtype: WeightDtype, rows: number, columns: number, input: Input, at: number): { values: Values; next: number } {
  switch (dtype) {
    case "f32":
      return { values: input(at, "float32"), next: at + 1 };
    case "f16":
      return { values: input(at, "float16"), next: at + 1 };
    case "q8":
      return { values: dequantizeCpu(rows * columns, 8, input(at, "int8"), input(at + 1, "float16")), next: at + 2 };
    case "q4":
      return { values: dequantizeCpu(rows * columns, 4, input(at, "uint32"), input(at + 1, "float16")), next: at + 2 };
    default:
      return dtype satisfies never;
  }
}

function runBehind(behind: Behind | null, accumulator: Values, input: Input, first: number): Result {
  if (!behind) return floats(accumulator);
  return floats(runProgram(behind.program, behind.shape, inputsOf(behind.program, input, first), accumulator));
}

function runReduce({ op, shape, kept, program, epilogue }: ReduceSpec, input: Input): Result {
  const elements = runProgram(program, shape, inputsOf(program, input, 0), null);
  const outputs = shape.slice(0, kept).reduce((n, size) => n * size, 1);
  const length = elements.length / outputs;
  const dtype = reduceResult(op, resultOf(program));
  const values = makeValues(dtype, outputs);
  const { cpu } = reduceOp(op);
  for (let o = 0; o < outputs; o++) values[o] = cpu(elements.subarray(o * length, (o + 1) * length));
  if (!epilogue) return { dtype, values };
  const after = epilogue.program;
  return { dtype: resultOf(after), values: runProgram(after, epilogue.shape, inputsOf(after, input, program.inputs.length), values) };
}

function runNorm({ spec }: Extract<Task, { kind: "norm" }>, input: (i: number) => Values): Float32Array {
  let next = 1;
  const weight = spec.weight ? input(next++) : null;
  const bias = spec.bias ? input(next++) : null;
  return normCpu(spec, input(0), weight, bias);
}
