import { randomUUID } from 'node:crypto';
import { Observable, Subscription, timer, type Subscriber } from 'rxjs';
import type { Coordinator, PauseState, TriggerRequest } from '../cron/coordinator.js';
import { keepAsyncContext } from '../util/keep-async-context.js';
import { answerWithin } from './answer-within.js';
import type { CronPauses } from './cron-pauses.js';
import type { FleetDatabase } from './fleet-database.js';
import { answerTimeoutMs, leaseMs, revokeMarginMs } from './lease-times.js';
import { printAs } from './print-as.js';
import { RenewalTimer } from './renewal-timer.js';
import type { StatusPoller } from './status-poller.js';
import { TriggerRuns } from './trigger-runs.js';

/**
 * The largest lead of a slot over the database's clock, in ms. A process whose clock is far ahead would otherwise keep
 * all others from running the cron.
 */
const maxAheadMs = 5000;

/** A lease that this process holds. */
interface HeldLease {
  readonly task: string;
  readonly subscriber: Subscriber<boolean>;
  /** The wait for its end, which each confirmation by the database prolongs. */
  expiry: Subscription;
}

/** Grants each slot of a cron to one process: the row of the cron in the database decides which. */
export class Leases implements Coordinator {
  private readonly held = new Map<string, HeldLease>();
  private readonly database: FleetDatabase;
  private readonly pauses: CronPauses;
  private readonly triggers: TriggerRuns;
  /** The name of this process. */
  private readonly holder: string;
  /** Identifies this process, even if another has the same name. */
  private readonly member = randomUUID();
  private readonly renewing = new RenewalTimer(
    () => this.held.size > 0,
    () => this.renew(),
  );
  private closed = false;

  static {
    printAs(this.prototype, ({ holder }) => `Coordinator(${holder})`);
  }

  constructor(database: FleetDatabase, poller: StatusPoller, pauses: CronPauses, holder: string) {
    this.database = database;
    this.pauses = pauses;
    this.triggers = new TriggerRuns(database, poller, this.member, holder);
    this.holder = holder;
  }

  lease(task: string, slot: number): Observable<boolean> {
    const lease$ = new Observable<boolean>((subscriber) => {
      const lease = randomUUID();
      const answered = this.acquire(task, slot, lease).then(
        (confirmedAt) => {
          if (confirmedAt === undefined) return subscriber.next(false);
          if (this.closed || subscriber.closed) {
            subscriber.next(false);
            return this.passOn(task, lease);
          }
          this.held.set(lease, { task, subscriber, expiry: Subscription.EMPTY });
          this.confirm(lease, confirmedAt);
          this.renewing.start();
          subscriber.add(() => {
            this.forget(lease);
            this.database.runInBackground(this.passOn(task, lease));
          });
          return subscriber.next(true);
        },
        (error: unknown) => subscriber.error(error),
      );
      // The close waits for the answer, and ends a lease that it grants.
      this.database.runInBackground(answered);
    });
    // One statement renews the leases of all subscribers.
    return lease$.pipe(keepAsyncContext());
  }

  watchPause(task: string): Observable<PauseState> {
    return this.pauses.watch(task);
  }

  watchTriggers(task: string): Observable<TriggerRequest> {
    return this.triggers.watch(task);
  }

  /** Returns the last slot that any process was granted. */
  async lastSlot(task: string): Promise<number | undefined> {
    const { database } = this;
    const [row] = await database.queryWithRetry<{ slot: number }>(
      `select slot from "${database.schema}".cron where task = $1`,
      [task],
    );
    // Another program may have written a slot that is no time.
    return Number.isFinite(row?.slot) ? row?.slot : undefined;
  }

  async close(): Promise<void> {
    this.closed = true;
    this.renewing.stop();
    this.triggers.close();
    for (const lease of this.held.keys()) {
      this.forget(lease);
      this.database.runInBackground(this.clearLease(lease, null));
    }
    await this.database.stopRetrying();
  }

  /**
   * Acquires a slot that is later than the last one and was not due during a pause, while no other process holds a
   * lease of the cron. A retry finds the lease of the first try. A last slot that is no time, which another program may
   * have written, is replaced.
   *
   * @returns the time from which the lease lasts; `undefined` if it is refused.
   */
  private async acquire(task: string, slot: number, lease: string): Promise<number | undefined> {
    const { database, member, holder } = this;
    const { schema } = database;
    // The condition under which this lease gets the row. It is read first: `on conflict` locks the row, and writes that
    // to the disk, also for a process whose claim is refused.
    const isFree = `(last.lease = $3::uuid
        or (last.slot < $2::float8 or last.slot >= 'infinity')
        and (last.lease is null or last.member = $4::uuid or last.seen < now() - $6 * interval '1 ms'))`;
    const statement = `
      insert into "${schema}".cron as last (task, slot, lease, member, holder, seen)
        select $1, $2::float8, $3::uuid, $4::uuid, $5, now()
        where not exists (select from "${schema}".cron last where task = $1 and ${isFree} is not true)
        and not exists (select from "${schema}".fleet where reason is not null)
        and $2::float8 < extract(epoch from now()) * 1000 + $7
        and not exists (
          select from "${schema}".cron_pause
          where task = $1
          and $2::float8 >= extract(epoch from begun_at) * 1000 and $2::float8 < extract(epoch from ended_at) * 1000
        )
      on conflict (task) do update
        set slot = excluded.slot, lease = excluded.lease, member = excluded.member, holder = excluded.holder,
          seen = now()
        where ${isFree}
      returning slot`;
    const values = [task, slot, lease, member, holder, leaseMs, maxAheadMs];
    return database.retry(async () => {
      const sentAt = performance.now();
      const rows = await answerWithin(database.query(statement, values), answerTimeoutMs);
      return rows.length > 0 ? sentAt : undefined;
    }, leaseMs);
  }

  /** Renews all leases. Revokes those that another process has. */
  private async renew(): Promise<void> {
    const { database, held } = this;
    const leases = [...held];
    const sentAt = performance.now();
    try {
      const renewed = database.query<{ task: string }>(
        `update "${database.schema}".cron set seen = now() where member = $1::uuid and task = any($2) returning task`,
        [this.member, leases.map(([, { task }]) => task)],
      );
      const rows = await answerWithin(renewed, answerTimeoutMs);
      const ownTasks = new Set(rows.map(({ task }) => task));
      for (const [lease, { task }] of leases) {
        if (ownTasks.has(task)) this.confirm(lease, sentAt);
        else this.revoke(lease);
      }
    } catch (error) {
      database.report(error);
      for (const [lease, { expiry }] of leases) if (expiry.closed) this.revoke(lease);
    }
  }

  /** Lets a lease last from a time on. It is revoked before another process can acquire it. */
  private confirm(lease: string, confirmedAt: number): void {
    const held = this.held.get(lease);
    if (!held) return;
    held.expiry.unsubscribe();
    const end = confirmedAt + leaseMs;
    held.expiry = timer(Math.max(0, end - revokeMarginMs - performance.now())).subscribe(() => {
      // A process that was stopped, or blocked, comes too late. The renewal that is due reads who has the lease.
      if (performance.now() < end) this.revoke(lease);
    });
  }

  private revoke(lease: string): void {
    const { subscriber } = this.held.get(lease) ?? {};
    this.forget(lease);
    subscriber?.next(false);
  }

  private forget(lease: string): void {
    this.held.get(lease)?.expiry.unsubscribe();
    this.held.delete(lease);
  }

  /**
   * Ends a lease. If this process runs another slot of the same cron, the row passes to the lease of that one, so that
   * no other process gets it.
   */
  private passOn(task: string, lease: string): Promise<void> {
    const [successor = null] = [...this.held].find(([, other]) => other.task === task) ?? [];
    return this.clearLease(lease, successor);
  }

  private async clearLease(lease: string, successor: string | null): Promise<void> {
    const { database } = this;
    await database.queryWithRetry(
      `update "${database.schema}".cron set lease = $2::uuid where lease = $1::uuid`,
      [lease, successor],
      leaseMs,
    );
  }
}
