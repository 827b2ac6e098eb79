/** Tasks of the work along rows that lie side by side. */

import type { DType } from "../base/dtype";
import { RuntimeError } from "../base/errors";
import { numel } from "../base/shape";
import type { WordDtype } from "../kernels/sort_parts";
import type { ScanSpec } from "../kernels/scan";
import type { Task } from "../kernels/task";
import { input } from "./fuse";
import type { ListOp, Node } from "./node";

export function listTask(node: Node, op: ListOp): Task {
  const { rows, width, dtype } = rowsOf(input(node, 0));
  switch (op.kind) {
    case "scan":
      return { kind: "scan", spec: { op: op.scan, rows, width, dtype: scanned(dtype) } };
    case "sort_runs": {
      const { descending, keep } = op;
      return { kind: "sort_runs", spec: { rows, width, dtype: word(dtype), descending, keep } };
    }
    case "merge_runs": {
      const { descending, run, keep } = op;
      const count = rowsOf(input(node, 1)).width;
      return { kind: "merge_runs", spec: { rows, width, dtype: word(dtype), descending, count, run, keep } };
    }
    case "scatter_places":
      return { kind: "scatter_places", spec: { rows, width: node.shape.at(-1) ?? 1, count: width } };
    case "scatter_join":
      return { kind: "scatter_join", spec: { op: op.join, dtype: scanned(node.dtype), rows, width: node.shape.at(-1) ?? 1, count: width } };
    case "random":
      return { kind: "random", spec: { distribution: op.distribution, count: numel(node.shape) } };
    default:
      return op satisfies never;
  }
}

function rowsOf({ shape, dtype }: Node): { rows: number; width: number; dtype: DType } {
  const width = shape.at(-1) ?? 1;
  return { rows: numel(shape) / width, width, dtype };
}

function scanned(dtype: DType): ScanSpec["dtype"] {
  if (dtype === "float32" || dtype === "int32" || dtype === "uint32") return dtype;
  throw new RuntimeError(`a scan of ${dtype}, expected float32, int32 or uint32`);
}

function word(dtype: DType): WordDtype {
  return dtype === "bool" ? dtype : scanned(dtype);
}
