import type { AppState, TaskState } from '../server/app-state.js';
import type { TaskRow } from '../task-timeline.js';
import type { Timeline } from '../timeline.js';

/** A task on the page. */
export interface PageRow {
  readonly task: string;
  readonly label: string;
  readonly depth: number;
  readonly status: string;
  readonly restarts: number;
  readonly nextAt: number | undefined;
  readonly row: TaskRow | undefined;
  readonly state: TaskState | undefined;
}

export type StatusFilter = 'all' | 'active' | 'failed' | 'ended';

/** Returns all tasks in the order of their tree. Tasks without a state, of which only events are known, come last. */
export function pageRows(timeline: Timeline, state: AppState): PageRow[] {
  const rows: PageRow[] = [];
  const added = new Set<string>();
  const addAll = (tasks: readonly TaskState[], depth: number) => {
    for (const each of tasks) {
      const row = timeline.rows.get(each.task);
      // Tasks with the same path share a row, as in the timeline.
      if (!added.has(each.task))
        rows.push({
          task: each.task,
          label: each.name,
          depth,
          status: row?.status ?? each.status,
          restarts: each.restarts,
          nextAt: each.nextAt,
          row,
          state: each,
        });
      added.add(each.task);
      if (each.members) addAll(each.members, depth + 1);
    }
  };
  addAll(state.tasks, 0);
  for (const [task, row] of timeline.rows) {
    if (added.has(task)) continue;
    const { status, restarts } = row;
    rows.push({ task, label: task, depth: 0, status, restarts, nextAt: undefined, row, state: undefined });
  }
  return rows;
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
