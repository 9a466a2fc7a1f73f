import { randomUUID } from 'node:crypto';
import { exhaustMap, Observable, type Subscriber } from 'rxjs';
import type { TriggerRequest } from '../cron/coordinator.js';
import type { SlotOutcome } from '../task/types.js';
import { answerWithin } from './answer-within.js';
import type { FleetDatabase } from './fleet-database.js';
import { answerTimeoutMs, leaseMs } from './lease-times.js';
import { RenewalTimer } from './renewal-timer.js';
import type { StatusPoller } from './status-poller.js';
import { writeTriggerOutcome } from './trigger-outcome.js';
import { claimTrigger } from './trigger-table.js';

/** Claims the calls of `trigger` for the crons of this process. Each call is a row, which one process claims. */
export class TriggerRuns {
  private readonly database: FleetDatabase;
  private readonly poller: StatusPoller;
  /** Identifies this process, and its name. */
  private readonly member: string;
  private readonly holder: string;
  /** The leases of the calls whose outcomes are not stored yet. */
  private readonly held = new Set<string>();
  private readonly renewing = new RenewalTimer(
    () => this.held.size > 0,
    () => this.renew(),
  );

  constructor(database: FleetDatabase, poller: StatusPoller, member: string, holder: string) {
    this.database = database;
    this.poller = poller;
    this.member = member;
    this.holder = holder;
  }

  /** Emits the calls that this process has claimed for a cron. */
  watch(task: string): Observable<TriggerRequest> {
    return new Observable((subscriber) =>
      this.poller
        .triggered(task)
        .pipe(exhaustMap(() => this.claimAll(task, subscriber)))
        .subscribe(),
    );
  }

  close(): void {
    this.renewing.stop();
  }

  /** Claims calls until there is none, or the cron has ended. */
  private async claimAll(task: string, subscriber: Subscriber<TriggerRequest>): Promise<void> {
    // A function, because a claim or a run may end the cron.
    const hasEnded = () => subscriber.closed;
    while (!hasEnded()) {
      const lease = randomUUID();
      const call = await this.claim(task, lease);
      if (!call) return;
      if (hasEnded()) return this.database.runInBackground(this.giveBack(lease));
      this.held.add(lease);
      this.renewing.start();
      subscriber.next({
        by: call.by,
        onOutcome: (outcome) => this.database.runInBackground(this.store(lease, outcome)),
      });
    }
  }

  private async claim(task: string, lease: string): Promise<{ readonly by: string } | undefined> {
    const { database, member, holder } = this;
    const statement = claimTrigger(database.schema);
    const claim = () => database.query<{ by: string }>(statement, [task, lease, member, holder]);
    try {
      // After an answer that comes later, the caller may have been told that the run is lost.
      const [call] = await database.retry(() => answerWithin(claim(), answerTimeoutMs), leaseMs);
      return call;
    } catch (error) {
      database.report(error);
      return undefined;
    }
  }

  /** Gives a call back whose cron has ended before it received the call. */
  private async giveBack(lease: string): Promise<void> {
    await this.database.queryWithRetry(
      `update "${this.database.schema}".cron_trigger set lease = null, member = null, holder = null, seen = null
       where lease = $1::uuid`,
      [lease],
    );
    await this.poller.announce();
  }

  private async store(lease: string, outcome: SlotOutcome): Promise<void> {
    try {
      await this.database.queryWithRetry(
        `update "${this.database.schema}".cron_trigger set outcome = $2::jsonb, seen = now() where lease = $1::uuid`,
        [lease, writeTriggerOutcome(outcome)],
      );
    } finally {
      // After a refusal, the run is soon taken for lost. With a renewed lease, its caller would wait for ever.
      this.held.delete(lease);
    }
    await this.poller.announce();
  }

  private async renew(): Promise<void> {
    const { database, held } = this;
    try {
      const renewed = database.query(
        `update "${database.schema}".cron_trigger set seen = now() where lease = any($1::uuid[])`,
        [[...held]],
      );
      await answerWithin(renewed, answerTimeoutMs);
    } catch (error) {
      database.report(error);
    }
  }
}
