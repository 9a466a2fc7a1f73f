/** The properties of an outcome that are needed here. A recorded one does not have all of them. */
interface EndedTask<T> {
  readonly status: string;
  readonly phase?: string;
  readonly children?: object;
  readonly members?: readonly T[];
}

/**
 * Returns the tasks that timed out. A group is replaced by its members that timed out, and a task that only waited for
 * its children by these.
 */
export function unfinishedTasks<T extends EndedTask<T>>(outcome: T): readonly T[] {
  const unfinished: T[] = [];
  // A loop, because groups may be nested deeper than the call stack.
  const stack = isTimedOut(outcome) ? [outcome] : [];
  for (let each = stack.pop(); each; each = stack.pop()) {
    const members: readonly T[] = each.members?.filter(isTimedOut) ?? [];
    const isInOwnHook = each.children !== undefined && each.phase !== undefined;
    if (members.length === 0 || isInOwnHook) unfinished.push(each);
    for (const member of members.toReversed()) stack.push(member);
  }
  return unfinished;
}

function isTimedOut({ status }: { readonly status: string }): boolean {
  return status === 'timed-out';
}
