import { randomUUID } from 'node:crypto';
import { defer, exhaustMap, filter, firstValueFrom, ignoreElements, merge, Subject } from 'rxjs';
import { NotRunningError } from '../errors/errors.js';
import type { FleetDatabase } from './fleet-database.js';
import type { StatusPoller } from './status-poller.js';
import { readTriggerOutcome, type TriggerOutcome } from './trigger-outcome.js';
import { insertTrigger, type StoredTrigger } from './trigger-table.js';

/** The outcome of a call that no process may claim any more. */
const withdrawn = 'withdrawn';

/** The calls of `trigger` in this process, and their outcomes. */
export class TriggerCalls {
  private readonly database: FleetDatabase;
  private readonly poller: StatusPoller;
  private readonly closed$ = new Subject<never>();

  constructor(database: FleetDatabase, poller: StatusPoller) {
    this.database = database;
    this.poller = poller;
  }

  /** Stores a call for the process that runs the cron, and waits for its outcome. */
  async trigger(task: string, by: string): Promise<TriggerOutcome> {
    const { database, poller } = this;
    const id = randomUUID();
    // Not sent again while it is unanswered: executed after the call has ended, it would be another call.
    await database.retry(() => database.query(insertTrigger(database.schema), [id, task, by]));
    const announced$ = defer(() => poller.announce()).pipe(ignoreElements());
    const outcome$ = merge(poller.trigger(id), announced$, this.closed$).pipe(
      exhaustMap((trigger) => this.settle(task, trigger)),
      filter((outcome) => outcome !== undefined),
    );
    return firstValueFrom(outcome$);
  }

  /** Rejects the calls that wait. */
  close(error: Error): void {
    this.closed$.error(error);
  }

  /** Returns the outcome of a call, if there is one. A call that no process claims is withdrawn. */
  private async settle(task: string, trigger: StoredTrigger): Promise<TriggerOutcome | undefined> {
    const { id, unclaimed, lost, ended, holder, outcome } = trigger;
    if (unclaimed) return this.withdraw(id);
    if (!lost && !ended) return undefined;
    this.database.runInBackground(this.delete(id));
    if (outcome === withdrawn) throw new NotRunningError(task);
    return readTriggerOutcome(holder, outcome);
  }

  /** Withdraws a call, unless a process has claimed it by now. The next poll reads which of the two has happened. */
  private async withdraw(id: string): Promise<undefined> {
    const { database } = this;
    await database.queryWithRetry(
      `update "${database.schema}".cron_trigger set outcome = to_jsonb($2::text) where id = $1 and lease is null`,
      [id, withdrawn],
    );
  }

  private async delete(id: string): Promise<void> {
    const { database } = this;
    await database.queryWithRetry(`delete from "${database.schema}".cron_trigger where id = $1`, [id]);
  }
}
