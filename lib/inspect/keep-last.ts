/** Adds to a list of which the last `limit` are kept, and gives how many it has let go. */
export function keepLast<T>(list: T[], one: T, limit: number): number {
  // Many at a time, because each time costs as much as all that is kept.
  if (list.push(one) < 2 * limit) return 0;
  return list.splice(0, list.length - limit).length;
}
