/** Returns the types of the handles that keep the process alive, with their numbers. */
export function openHandles(): string[] {
  const counts = new Map<string, number>();
  for (const type of process.getActiveResourcesInfo()) counts.set(type, (counts.get(type) ?? 0) + 1);
  for (const stream of [process.stdout, process.stderr]) {
    // Node lists a stdout or stderr that is a terminal or a pipe, although it does not keep the process alive.
    const type = stream.isTTY ? 'TTYWrap' : stream.constructor.name === 'Socket' ? 'PipeWrap' : '';
    counts.set(type, (counts.get(type) ?? 0) - 1);
  }
  return [...counts].filter(([, count]) => count > 0).map(([type, count]) => `${type} (${count})`);
}
