/** The errors that the library throws, under the names that PyTorch gives them. */

/** A call that cannot be carried out: shapes that do not fit, a device that is lost, a size beyond the adapter's limits. */
export class RuntimeError extends Error {
  override readonly name = "RuntimeError";
}

/** A dimension or an index out of range. */
export class IndexError extends RangeError {
  override readonly name = "IndexError";
}

/** A shape as PyTorch prints it: [2, 3]. */
export function showShape(shape: readonly number[]): string {
  return `[${shape.join(", ")}]`;
}
