import type { AppState, TaskState } from '../server/app-state.js';
import type { TaskRow } from '../task-timeline.js';
import { parentOf } from '../task-tree.js';
import type { Timeline } from '../timeline.js';

/** A task on the page. */
export interface PageRow {
  readonly task: string;
  readonly label: string;
  readonly depth: number;
  readonly status: string;
  readonly restarts: number;
  readonly row: TaskRow | undefined;
  readonly state: TaskState | undefined;
}

export type StatusFilter = 'all' | 'active' | 'failed' | 'ended';

/**
 * Returns all tasks in the order of their tree. Of some tasks only events are known, such as the ended runs that
 * another task has started: they come last below it.
 */
export function pageRows(timeline: Timeline, state: AppState): PageRow[] {
  const entries = new Map<string, Entry>();
  const addAll = (tasks: readonly TaskState[], parent: string | undefined) => {
    for (const each of tasks) {
      // Tasks with the same path share a row, as in the timeline.
      if (!entries.has(each.task)) entries.set(each.task, { label: each.name, parent, state: each });
      addAll(each.members ?? [], each.task);
    }
  };
  addAll(state.tasks, undefined);
  const known = new Set([...entries.keys(), ...timeline.rows.keys()]);
  for (const task of timeline.rows.keys()) {
    if (entries.has(task)) continue;
    const parent = parentOf(task, known);
    entries.set(task, { label: parent === undefined ? task : task.slice(parent.length + 1), parent, state: undefined });
  }
  const below = new Map<string | undefined, string[]>();
  for (const [task, { parent }] of entries) {
    const siblings = below.get(parent);
    if (siblings) siblings.push(task);
    else below.set(parent, [task]);
  }
  const rows: PageRow[] = [];
  // No recursion, because a tree may be of any depth.
  const stack = (below.get(undefined) ?? []).map((task) => ({ task, depth: 0 })).reverse();
  for (let next; (next = stack.pop());) {
    const { task, depth } = next;
    const { label = task, state: taskState } = entries.get(task) ?? {};
    const row = timeline.rows.get(task);
    rows.push({
      task,
      label,
      depth,
      status: row?.status ?? taskState?.status ?? 'idle',
      restarts: taskState?.restarts ?? row?.restarts ?? 0,
      row,
      state: taskState,
    });
    stack.push(...(below.get(task) ?? []).map((each) => ({ task: each, depth: depth + 1 })).reverse());
  }
  return rows;
}

interface Entry {
  readonly label: string;
  readonly parent: string | undefined;
  readonly state: TaskState | undefined;
}

/** Returns the rows that match all words of a text and a status, with the groups that contain them. */
export function filterRows(rows: readonly PageRow[], text: string, filter: StatusFilter): PageRow[] {
  const words = text.toLowerCase().split(/\s+/).filter(Boolean);
  if (words.length === 0 && filter === 'all') return [...rows];
  const kept = new Set<PageRow>();
  const path: PageRow[] = [];
  for (const row of rows) {
    path.length = row.depth;
    path.push(row);
    const name = row.task.toLowerCase();
    if (words.every((word) => name.includes(word)) && matches(filter, row)) for (const each of path) kept.add(each);
  }
  return rows.filter((row) => kept.has(row));
}

export function hasFailed({ status }: PageRow): boolean {
  return status === 'failed' || status === 'timed-out';
}

function matches(filter: StatusFilter, pageRow: PageRow): boolean {
  const { status, row, state } = pageRow;
  switch (filter) {
    case 'all':
      return true;
    case 'active':
      return ['initializing', 'running', 'finalizing', 'waiting'].includes(status);
    case 'failed':
      return row?.lastError !== undefined || state?.lastError !== undefined || hasFailed(pageRow);
    case 'ended':
      return ['completed', 'cancelled', 'failed', 'timed-out', 'done'].includes(status);
  }
}
