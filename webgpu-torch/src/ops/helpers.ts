/**
 * WGSL functions that element-wise expressions call.
 *
 * They are written over F32, I32, U32 and BOOL, which the kernel declares as f32 … or vec4<f32> …, so that one text
 * serves both. WGSL lets a compiler assume that no value is NaN or infinite: where those matter, bits are tested.
 */

import type { Helper } from "./helper";
import { ANGLE_HELPERS } from "./helpers_angle";
import { EXACT_HELPERS } from "./helpers_exact";
import { MATH_HELPERS } from "./helpers_math";

const HELPERS: Readonly<Record<string, Helper>> = { ...EXACT_HELPERS, ...MATH_HELPERS, ...ANGLE_HELPERS };

/** The text of the helpers that an expression calls, each once and after those it calls itself. */
export function helperText(expressions: string): string {
  const done = new Set<string>();
  const texts: string[] = [];
  const add = (name: string) => {
    const found = HELPERS[name];
    if (!found || done.has(name)) return;
    done.add(name);
    found.needs.forEach(add);
    texts.push(found.wgsl);
  };
  for (const [name] of expressions.matchAll(/\bop_\w+/g)) add(name);
  return texts.join("\n");
}
