/** Returns the tasks that timed out. A group is replaced by its members that timed out. */
export function unfinishedTasks<T extends { readonly status: string; readonly members?: readonly T[] }>(
  outcome: T,
): readonly T[] {
  if (outcome.status !== 'timed-out') return [];
  return outcome.members?.flatMap((member) => unfinishedTasks(member)) ?? [outcome];
}
