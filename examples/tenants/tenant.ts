import { setTimeout as delay } from 'node:timers/promises';
import { NEVER } from 'rxjs';
import { cron, ordered, supervise, task, type CronRunner, type TaskRunner } from 'rxjs-tasks';
import type { TenantRow } from './table.js';

/** Imports the data of a tenant, and returns the number of its imports so far. */
export type ImportData = (tenant: string, signal: AbortSignal) => Promise<number>;

/** The name of this program in events. */
export const by = 'table';

/** A tenant that runs by its row: a connection to its region, and a cron that imports its data. */
export class Tenant {
  readonly runner: TaskRunner<string>;
  private readonly imports: CronRunner<string>;
  private row: TenantRow;

  /** @throws RangeError if the schedule or the time zone is invalid. */
  constructor(row: TenantRow, importData: ImportData) {
    const { id, region, schedule, timezone, paused } = row;
    const connection = task<never>('connection', {
      initialize: () => delay(20),
      execute: () => NEVER,
      finalize: () => delay(20),
    });
    const work = task('import', async ({ signal }) => `${id} in ${region}: import ${await importData(id, signal)}`);
    this.row = row;
    this.imports = cron(work, schedule, { timezone });
    if (paused) this.imports.pause({ by });
    this.runner = supervise(ordered('tenant', connection, this.imports), { maxRestarts: Infinity });
  }

  /** Whether a change of the row needs a new connection, so that another tenant has to replace this one. */
  isReplacedBy({ region }: TenantRow): boolean {
    return region !== this.row.region;
  }

  /**
   * Goes by a changed row, without interrupting a current import. Returns what has changed.
   *
   * @throws RangeError if the schedule or the time zone is invalid. Nothing is changed then.
   */
  update(row: TenantRow): readonly string[] {
    const { schedule, timezone, paused } = this.row;
    const isRescheduled = row.schedule !== schedule || row.timezone !== timezone;
    if (isRescheduled) this.imports.reschedule(row.schedule, { timezone: row.timezone, by });
    if (row.paused) this.imports.pause({ by });
    else this.imports.resume({ by });
    this.row = row;
    return [
      ...(isRescheduled ? [`is rescheduled to ${row.schedule}, ${row.timezone}`] : []),
      ...(row.paused === paused ? [] : [row.paused ? 'is paused' : 'is resumed']),
    ];
  }
}
