import type { Row } from '../row.js';
import type { AppState, TaskState } from '../state.js';
import type { Timeline } from '../timeline.js';

/** A task as it is shown. */
export interface Shown {
  readonly task: string;
  readonly label: string;
  readonly depth: number;
  readonly status: string;
  readonly restarts: number;
  readonly nextAt: number | undefined;
  readonly row: Row | undefined;
  readonly state: TaskState | undefined;
}

export type Which = 'all' | 'going' | 'troubled' | 'ended';

/** All tasks in the order of their tree; those that are known from events alone come last. */
export function rowsOf(timeline: Timeline, state: AppState): Shown[] {
  const shown: Shown[] = [];
  const told = new Set<string>();
  const put = (tasks: readonly TaskState[], depth: number) => {
    for (const one of tasks) {
      const row = timeline.rows.get(one.task);
      // Those of one name have one row, as in the timeline.
      if (!told.has(one.task))
        shown.push({
          task: one.task,
          label: one.name,
          depth,
          status: row?.status ?? one.status,
          restarts: one.restarts,
          nextAt: one.nextAt,
          row,
          state: one,
        });
      told.add(one.task);
      if (one.members) put(one.members, depth + 1);
    }
  };
  put(state.tasks, 0);
  for (const [task, row] of timeline.rows) {
    if (told.has(task)) continue;
    const { status, restarts } = row;
    shown.push({ task, label: task, depth: 0, status, restarts, nextAt: undefined, row, state: undefined });
  }
  return shown;
}

/** Those that are asked for, and the groups that they are in. */
export function chosen(rows: readonly Shown[], text: string, which: Which): Shown[] {
  const words = text.toLowerCase().split(/\s+/).filter(Boolean);
  if (words.length === 0 && which === 'all') return [...rows];
  const kept = new Set<Shown>();
  const above: Shown[] = [];
  for (const one of rows) {
    above.length = one.depth;
    above.push(one);
    const name = one.task.toLowerCase();
    if (words.every((word) => name.includes(word)) && is(which, one)) for (const each of above) kept.add(each);
  }
  return rows.filter((one) => kept.has(one));
}

function is(which: Which, { status, row, state }: Shown): boolean {
  switch (which) {
    case 'all':
      return true;
    case 'going':
      return ['initializing', 'running', 'finalizing', 'waiting'].includes(status);
    case 'troubled':
      return (
        row?.lastError !== undefined || state?.lastError !== undefined || status === 'failed' || status === 'timed-out'
      );
    case 'ended':
      return ['completed', 'cancelled', 'failed', 'timed-out', 'done'].includes(status);
  }
}
