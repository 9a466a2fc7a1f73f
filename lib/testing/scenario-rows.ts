import { inspectRunner } from '../task/runner-access.js';
import type { TaskRunner } from '../task/types.js';
import { pathsAbove } from '../util/paths-above.js';
import { invalid } from '../util/validate.js';
import { taskRows, type TaskRow } from './task-rows.js';
import { applicationRow, readinessRow, rowName, signalsRow } from './to-marbles.js';

/** Rows of the scenario itself. */
const reservedRows = [signalsRow, readinessRow, applicationRow];

/**
 * The rows of an application's tasks, and of the runs that they start. Reports the values, which events do not carry.
 */
export class ScenarioRows {
  /** The names of all rows so far. */
  readonly names: Set<string> = new Set<string>(reservedRows);
  private readonly rows = new Map<string, Set<RunningRow>>();
  private readonly known = new WeakSet<TaskRunner>();
  private readonly onValue: (task: string, value: unknown) => void;

  /** @throws TypeError when two tasks have the same name, or one has that of a row of the scenario itself. */
  constructor(runners: readonly TaskRunner[], onValue: (task: string, value: unknown) => void) {
    this.onValue = onValue;
    for (const row of runners.flatMap((runner) => taskRows(runner))) {
      if (this.names.has(rowName(row.path))) throw new TypeError(takenName(row.path));
      this.add(row);
    }
  }

  /** Whether a task may have a row of this name: it may start runs whose names are not known in advance. */
  mayHave(name: string): boolean {
    return this.names.has(name) || this.rowsAbove(name).some(({ isOpen }) => isOpen);
  }

  /** Adds the rows of the runs that other tasks have started, before a run emits its first value. */
  addChildren(path: string): void {
    for (const parent of this.rowsAbove(path)) {
      const { members = [], memberName, children = [] } = inspectRunner(parent.task);
      for (const child of memberName ? [...members, ...children] : children) {
        if (this.known.has(child)) continue;
        this.known.add(child);
        const name = memberName?.(child) ?? child.toString();
        for (const row of taskRows(child, `${parent.path}/${name}`)) this.add({ ...row, root: child });
      }
    }
  }

  private add(row: RunningRow): void {
    const { path, runner, task, yieldsValues } = row;
    this.names.add(rowName(path));
    const rows = this.rows.get(path) ?? new Set();
    this.rows.set(path, rows.add(row));
    // The members that a dynamic group has now have rows, too.
    for (const member of inspectRunner(task).members ?? []) this.known.add(member);
    if (yieldsValues) runner.results$.subscribe((value) => this.onValue(path, value));
  }

  /** Returns the rows of the tasks that a path is below of, without those of started runs that have ended. */
  private rowsAbove(path: string): RunningRow[] {
    return pathsAbove(path).flatMap((parent) => {
      const rows = this.rows.get(parent) ?? new Set();
      for (const row of rows) if (row.root?.status === 'done') rows.delete(row);
      return [...rows];
    });
  }
}

interface RunningRow extends TaskRow {
  /** The runner that another task has started, if the row is that of this runner or of a part of it. */
  readonly root?: TaskRunner;
}

function takenName(path: string): string {
  const expected = `tasks with distinct names other than those of rows: ${reservedRows.join(', ')}`;
  const isReserved = (reservedRows as readonly string[]).includes(rowName(path));
  const hint = isReserved ? '' : ' twice. Launch a second application in `during`';
  return invalid('run', expected, path) + hint;
}
