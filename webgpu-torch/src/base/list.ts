/** Access to lists where the element is there, and a mistake should be loud. */

/** Element `i`. */
export function at<T>(list: readonly T[], i: number): T {
  const element = list[i];
  if (element === undefined) throw new RangeError(`a list of ${list.length} has no element ${i}`);
  return element;
}
