/** What the sorting kernels share: the order of elements, as WGSL. */

import type { DType } from "../base/dtype";

/** Dtypes whose elements take a word each. */
export type WordDtype = Extract<DType, "float32" | "int32" | "uint32" | "bool">;

/** An unsigned number that orders as the element does: NaN above everything, both zeros alike. */
const KEYS: Readonly<Record<WordDtype, string>> = {
  float32: `
  if ((word & 0x7fffffffu) > 0x7f800000u) { return 0xffffffffu; }
  if (word == 0x80000000u) { return 0x80000000u; }
  return select(word | 0x80000000u, ~word, word >> 31u == 1u);`,
  int32: "return word ^ 0x80000000u;",
  uint32: "return word;",
  bool: "return word;",
};

/**
 * `key(word)`, and `precedes(a, b)` for elements given as vec2u(key, position). Positions differ, so no two elements are equal,
 * and any way to sort them is stable.
 */
export const orderWgsl = (dtype: WordDtype, descending: boolean): string => /* wgsl */ `
fn ascending_key(word: u32) -> u32 { ${KEYS[dtype]} }
fn key(word: u32) -> u32 { return ${descending ? "~" : ""}ascending_key(word); }
fn precedes(a: vec2u, b: vec2u) -> bool { return a.x < b.x || (a.x == b.x && a.y < b.y); }
`;
