import { isDeepStrictEqual } from 'node:util';
import { EMPTY } from 'rxjs';
import { cron, dynamic, ordered, task, type CronRunner, type SimpleTask, type TaskRunner } from 'rxjs-tasks';

/** A row of a table of schedules, which people edit. */
export interface ScheduleRow {
  readonly id: string;
  /** A cron expression. */
  readonly schedule: string;
  /** The IANA time zone of the schedule. */
  readonly timezone: string;
  readonly paused: boolean;
  /** The input of the job: JSON. */
  readonly input: unknown;
}

export interface SchedulesOptions<T> {
  /** Reads all rows. */
  readonly read: (signal: AbortSignal) => Promise<readonly ScheduleRow[]>;
  /** Creates the job of a row. */
  readonly jobOf: (row: ScheduleRow) => SimpleTask<T>;
  /** The time between two polls of the table, in ms. */
  readonly pollMs: number;
}

/** The name of this program in events. */
const by = 'table';

/**
 * Creates a group of crons that follow a table: one for each row. A poll of the table that fails, or that finds an
 * invalid row, is a failed run of `poll`. The jobs go on. An invalid row fails one poll, and the next one that it
 * fails is after a further change.
 */
export function schedules<T>(name: string, { read, jobOf, pollMs }: SchedulesOptions<T>): TaskRunner<T> {
  const jobs = dynamic<string, T>('jobs');
  /** The rows of the last poll, invalid ones included. */
  let seen: ReadonlyMap<string, ScheduleRow> = new Map();
  /** The current job of each row, and the row that it runs by: the last valid one. */
  const current = new Map<string, { readonly job: CronRunner<T>; readonly row: ScheduleRow }>();

  /** Makes the job of a row match it. Throws if the row is invalid, and changes nothing then. */
  function apply(row: ScheduleRow): void {
    const { id, schedule, timezone, paused, input } = row;
    const last = current.get(id);
    if (!last || !isDeepStrictEqual(input, last.row.input)) return start(row);
    const { job } = last;
    if (schedule !== last.row.schedule || timezone !== last.row.timezone) job.reschedule(schedule, { timezone, by });
    if (paused) job.pause({ by });
    else job.resume({ by });
    current.set(id, { job, row });
  }

  function start(row: ScheduleRow): void {
    const { id, schedule, timezone, paused } = row;
    const job = cron(jobOf(row), schedule, { timezone });
    if (paused) job.pause({ by });
    // The last job of this id may still be ending, also if its row was deleted.
    if (jobs.get(id)) void jobs.replace(id, job, { by });
    else jobs.add(id, job, { by });
    current.set(id, { job, row });
  }

  function remove(id: string): void {
    if (current.delete(id)) void jobs.remove(id, { by });
  }

  function applyAll(rows: readonly ScheduleRow[]): void {
    const before = seen;
    seen = new Map(rows.map((row) => [row.id, row]));
    for (const id of before.keys()) if (!seen.has(id)) remove(id);
    const errors: Error[] = [];
    for (const row of rows) {
      if (isDeepStrictEqual(row, before.get(row.id))) continue;
      try {
        apply(row);
      } catch (error) {
        errors.push(new Error(`${row.id}: ${(error as Error).message}`, { cause: error }));
      }
    }
    if (errors.length > 0) throw new AggregateError(errors, errors.map(({ message }) => message).join('; '));
  }

  const poll = task<never>('poll', {
    // Started again, the group of jobs is empty.
    initialize: () => {
      seen = new Map();
      current.clear();
    },
    execute: async ({ signal }) => {
      const rows = await read(signal);
      // After its timeout a later poll may have read newer ones, and after a cancel the jobs end.
      signal.throwIfAborted();
      applyAll(rows);
      return EMPTY;
    },
  });
  return ordered(name, jobs, cron(poll, pollMs, { timeout: 10_000 }));
}
