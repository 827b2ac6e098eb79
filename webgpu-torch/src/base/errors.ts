/** The errors that the library throws, under the names that PyTorch gives them. */

/** A call that cannot be carried out: shapes that do not fit, a device that is lost, a size beyond the adapter's limits. */
export class RuntimeError extends Error {
  override readonly name: string = "RuntimeError";
}

/** The device had no memory left for what was asked of it, and is closed: what it still holds cannot be told from what it failed to hold. */
export class OutOfMemoryError extends RuntimeError {
  override readonly name = "OutOfMemoryError";
}

/** Something that PyTorch has and this library has not, such as a function of a dtype; a RuntimeError, as in Python. */
export class NotImplementedError extends RuntimeError {
  override readonly name = "NotImplementedError";
}

/** An argument of the right type whose value will not do. */
export class ValueError extends Error {
  override readonly name = "ValueError";
}

/** A dimension or an index out of range. */
export class IndexError extends RangeError {
  override readonly name = "IndexError";
}

/** A name that is taken, or can be none. */
export class KeyError extends Error {
  override readonly name = "KeyError";
}

/** What an error says, without the function's name before it. */
const details = new WeakMap<Error, string>();
const NAME = /^\w+(\(\))?: /;

/**
 * An error on its way out of a function of the library: it gets the name of the function that was called, whatever that is made
 * of, and the shapes that were given, where it does not tell them.
 */
export function inCall(error: unknown, op: string, shapes: () => readonly string[]): unknown {
  const own = error instanceof RuntimeError || error instanceof ValueError || error instanceof IndexError;
  if (!own && !(error instanceof TypeError && NAME.test(error.message))) return error;
  const detail = details.get(error) ?? error.message.replace(NAME, "");
  details.set(error, detail);
  const told = shapes();
  const known = told.every((shape) => detail.includes(shape.slice(shape.indexOf("["))));
  const message = `${op}: ${detail}${known ? "" : ` (${told.join(", ")})`}`;
  // V8 keeps the message in the stack too, which is what consoles show.
  if (error.stack) error.stack = error.stack.replace(error.message, () => message);
  error.message = message;
  return error;
}

/** A shape as PyTorch prints it: [2, 3]. */
export function showShape(shape: readonly number[]): string {
  return `[${shape.join(", ")}]`;
}
