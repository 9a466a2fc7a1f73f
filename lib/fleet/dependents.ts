import { exhaustMap, filter } from 'rxjs';
import { Batcher } from './batcher.js';
import type { ControlMessage } from './control-message.js';
import { maxRows } from './dependents-functions.js';
import { deleteOldDependents } from './dependents-table.js';
import type { FleetDatabase } from './fleet-database.js';
import type { JobEventChannel } from './job-event-channel.js';
import { parseFailure } from './job-row.js';
import { endDependencies, findDependencies } from './job-statements.js';
import type { NotifyChannel } from './notify-channel.js';
import type { StatusPoller } from './status-poller.js';

/** A dependent that was settled, or nulls if there are more of them. */
type SettledRow = {
  readonly failed: boolean | null;
  readonly failure: unknown;
  readonly awaited: boolean | null;
} & ({ readonly queue: string; readonly job: string } | { readonly queue: null; readonly job: null });

/** A dependency that has ended, or the last one that was looked at. */
interface FoundRow {
  readonly job: string;
  readonly ended: boolean;
  readonly number: number;
}

/** The maximum number of dependencies in one statement. */
const maxBatch = 500;
/** The id before all others. */
const firstId = '00000000-0000-0000-0000-000000000000';
/** The shortest time between two deletions of old rows, in ms. */
const deleteMs = 60_000;

/**
 * Settles the jobs that wait for other jobs. The process that ends a job settles its dependents. All processes look for
 * the ends that were missed, at the polls of the status, while any job waits for another.
 */
export class Dependents {
  private readonly database: FleetDatabase;
  private readonly control: NotifyChannel<ControlMessage>;
  private readonly events: JobEventChannel;
  private readonly batcher = new Batcher<string, undefined>((jobs) => this.settleAll(jobs), {
    maxCount: maxBatch,
    // A job with many dependents takes long.
    maxConcurrent: 2,
  });
  /** The last dependency that was looked at. */
  private lastId = firstId;
  private lastDeleteAt = -Infinity;

  constructor(
    database: FleetDatabase,
    control: NotifyChannel<ControlMessage>,
    events: JobEventChannel,
    poller: StatusPoller,
  ) {
    this.database = database;
    this.control = control;
    this.events = events;
    poller.status$
      .pipe(
        filter(({ hasDependents }) => hasDependents),
        exhaustMap(() => this.sweep().catch((error: unknown) => database.report(error))),
      )
      .subscribe();
  }

  /** Settles the dependents of those of some jobs that have ended. */
  async settle(jobs: readonly string[]): Promise<void> {
    await Promise.all(jobs.map((job) => this.batcher.add(job)));
  }

  /** Settles them while the caller goes on. An error is reported, and the next poll tries again. */
  settleInBackground(jobs: readonly string[]): void {
    if (jobs.length > 0) this.database.runInBackground(this.settle(jobs));
  }

  /** Notifies all processes that a job has failed because of a dependency. It has begun no attempt. */
  emitFailed(queue: string, job: string, failure: unknown, awaited: boolean): void {
    this.events.emit(queue, job, { type: 'failed', attempt: 1, failure: parseFailure(failure) }, awaited);
  }

  private async settleAll(jobs: readonly string[]): Promise<undefined[]> {
    // Each turn is a transaction: that of the jobs that wait for the jobs that failed in the last one.
    for (let ended = [...new Set(jobs)]; ended.length > 0;) ended = await this.settleNext(ended);
    return [];
  }

  /** Settles up to a number of dependents. Returns the jobs whose dependents come next. */
  private async settleNext(ended: readonly string[]): Promise<string[]> {
    const { database, control } = this;
    const rows = await database.queryWithRetry<SettledRow>(
      endDependencies(database.schema),
      [ended],
      undefined,
      // No id is refused, so that the error passes.
      false,
    );
    const next: string[] = [];
    const released = new Set<string>();
    for (const { queue, job, failed, failure, awaited } of rows)
      if (queue === null) next.push(...ended);
      else if (!failed) released.add(queue);
      else {
        next.push(job);
        this.emitFailed(queue, job, failure, awaited === true);
      }
    for (const queue of released) control.send({ type: 'work', queue });
    return next;
  }

  /** Looks at the next dependencies: they may have ended in a process that was killed, or in no process at all. */
  private async sweep(): Promise<void> {
    const { database, lastId } = this;
    const rows = await database.query<FoundRow>(findDependencies(database.schema), [lastId]);
    this.lastId = rows.find(({ number }) => number === maxRows)?.job ?? firstId;
    await this.settle(rows.filter(({ ended }) => ended).map(({ job }) => job));
    if (performance.now() - this.lastDeleteAt < deleteMs) return;
    this.lastDeleteAt = performance.now();
    await deleteOldDependents(database);
  }
}
