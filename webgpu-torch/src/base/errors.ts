/** The errors that the library throws, under the names that PyTorch gives them. */

/** A call that cannot be carried out: shapes that do not fit, a device that is lost, a size beyond the adapter's limits. */
export class RuntimeError extends Error {
  override readonly name: string = "RuntimeError";
}

/** The device had no memory left for what was asked of it, and is closed: what it still holds cannot be told from what it failed to hold. */
export class OutOfMemoryError extends RuntimeError {
  override readonly name = "OutOfMemoryError";
}

/** A dimension or an index out of range. */
export class IndexError extends RangeError {
  override readonly name = "IndexError";
}

/** A shape as PyTorch prints it: [2, 3]. */
export function showShape(shape: readonly number[]): string {
  return `[${shape.join(", ")}]`;
}
