/** What an argument has to be, and what to call what it is. */

import { DTYPE_NAMES, isDType } from "../base/dtype";
import { Tensor } from "./tensor";

export type Kind = "Tensor" | "Tensors" | "bool" | "int" | "number" | "number or bool" | "Tensor or bool" | "dtype";

const IS: Readonly<Record<Kind, (value: unknown) => boolean>> = {
  Tensor: (value) => value instanceof Tensor,
  Tensors: (value) => Array.isArray(value) && value.every((inner) => inner instanceof Tensor),
  bool: (value) => typeof value === "boolean",
  int: Number.isInteger,
  number: (value) => typeof value === "number",
  "number or bool": (value) => typeof value === "number" || typeof value === "boolean",
  "Tensor or bool": (value) => value instanceof Tensor || typeof value === "boolean",
  dtype: isDType,
};

export const isOfKind = (kind: Kind, value: unknown): boolean => IS[kind](value);

/** What arguments that may be left out are in every function that has one of the name. */
const KINDS: ReadonlyMap<string, Kind> = new Map<string, Kind>([
  ["dtype", "dtype"],
  ...of(
    "bool",
    "keepdim unbiased descending stable largest sorted replacement as_tuple equal_nan inplace sparse_grad scale_grad_by_freq sparse",
    "is_causal enable_gqa need_weights average_attn_weights batch_first elementwise_affine persistent strict assign unsafe",
  ),
  ...of("int", "decimals diagonal offset count m dim1 dim2 start_dim end_dim ignore_index"),
  ...of("number", "eps beta scale threshold correction label_smoothing rtol atol nan posinf neginf dropout dropout_p norm_type milliseconds start end step"),
  ...of("number or bool", "alpha value"),
  // Tensors of functions, and of modules whether they have one.
  ...of("Tensor or bool", "bias"),
  ...of("Tensor", "weight attn_mask key_padding_mask lengths"),
]);

function of(kind: Kind, ...names: readonly string[]): [string, Kind][] {
  return names.flatMap((line) => line.split(" ")).map((name) => [name, kind]);
}

/** Refuses what an argument cannot be; null is the function's own matter. */
export function checkKind(op: string, name: string, value: unknown): void {
  const kind = KINDS.get(name);
  if (kind === undefined || value === null || isOfKind(kind, value)) return;
  const wanted = kind === "dtype" ? `one of ${DTYPE_NAMES.join(", ")}` : kind;
  throw new TypeError(`${op}(): argument '${name}' must be ${wanted}, not ${kind === "dtype" ? String(value) : typeName(value)}`);
}

/** A value's type, as PyTorch would call it. */
export function typeName(value: unknown): string {
  if (typeof value === "number") return Number.isInteger(value) ? "int" : "float";
  if (typeof value !== "object" || value === null) return String(value === null ? null : typeof value);
  return value instanceof Tensor ? "Tensor" : Array.isArray(value) ? "Array" : (value.constructor?.name ?? "object");
}
