/** Appends an entry to a list that keeps at least its last `limit` entries; returns how many entries it dropped. */
export function keepLast<T>(list: T[], entry: T, limit: number): number {
  // Drops many entries at a time, because each drop costs as much as the whole list.
  if (list.push(entry) < 2 * limit) return 0;
  return list.splice(0, list.length - limit).length;
}
