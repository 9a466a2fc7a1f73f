import { pathsAbove } from '../util/paths-above.js';
import { printable } from '../util/printable.js';
import type { TaskRow } from './task-timeline.js';

/** A row at its place in the tree of paths. */
export interface Branch {
  readonly row: TaskRow;
  readonly depth: number;
  /** The task's path relative to its parent, as printable text. */
  readonly label: string;
}

/** Returns the rows as a tree, each after its parent. A name may contain a `/`: only a path with a row is a parent. */
export function taskTree(rows: ReadonlyMap<string, TaskRow>): Branch[] {
  const children = new Map<string | undefined, TaskRow[]>();
  for (const row of rows.values()) {
    const parent = parentOf(row.task, rows);
    const siblings = children.get(parent);
    if (siblings) siblings.push(row);
    else children.set(parent, [row]);
  }
  const branches: Branch[] = [];
  const stack = (children.get(undefined) ?? []).map((row) => ({ row, depth: 0, label: printable(row.task) })).reverse();
  // No recursion, because a tree may be of any depth.
  for (let branch; (branch = stack.pop());) {
    branches.push(branch);
    const { row, depth } = branch;
    const below = (children.get(row.task) ?? []).map((child) => ({
      row: child,
      depth: depth + 1,
      label: printable(child.task.slice(row.task.length + 1)),
    }));
    stack.push(...below.reverse());
  }
  return branches;
}

/** Returns the path of the nearest task above that has a row. */
export function parentOf(task: string, rows: Pick<ReadonlySet<string>, 'has'>): string | undefined {
  return pathsAbove(task).find((path) => rows.has(path));
}
