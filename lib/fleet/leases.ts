import { randomUUID } from 'node:crypto';
import { exhaustMap, Observable, timer, type Subscriber, type Subscription } from 'rxjs';
import type { Coordinator, PauseState, TriggerRequest } from '../cron/coordinator.js';
import { keepAsyncContext } from '../util/keep-async-context.js';
import type { CronPauses } from './cron-pauses.js';
import type { FleetDatabase } from './fleet-database.js';
import { answerTimeoutMs, leaseMs, renewMs } from './lease-times.js';
import { printAs } from './print-as.js';
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
  private readonly renewing: Subscription;
  /** When the database last confirmed all leases. */
  private lastConfirmedAt = 0;

  static {
    printAs(this.prototype, ({ holder }) => `Coordinator(${holder})`);
  }

  constructor(database: FleetDatabase, poller: StatusPoller, pauses: CronPauses, holder: string) {
    this.database = database;
    this.pauses = pauses;
    this.triggers = new TriggerRuns(database, poller, this.member, holder);
    this.holder = holder;
    this.renewing = timer(renewMs, renewMs)
      .pipe(exhaustMap(() => this.renew()))
      .subscribe();
  }

  lease(task: string, slot: number): Observable<boolean> {
    const lease$ = new Observable<boolean>((subscriber) => {
      const lease = randomUUID();
      this.acquire(task, slot, lease).then(
        (granted) => {
          if (!granted) return subscriber.next(false);
          if (subscriber.closed) return this.release(task, lease);
          this.held.set(lease, { task, subscriber });
          subscriber.add(() => this.release(task, lease));
          subscriber.next(true);
        },
        (error: unknown) => subscriber.error(error),
      );
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
    this.renewing.unsubscribe();
    this.triggers.close();
    for (const lease of this.held.keys()) this.database.runInBackground(this.clearLease(lease, null));
    this.held.clear();
    await this.database.stopRetrying();
  }

  /**
   * Acquires a slot that is later than the last one and was not due during a pause, while no other process holds a
   * lease of the cron. A retry finds the lease of the first try. A last slot that is no time, which another program may
   * have written, is replaced.
   */
  private async acquire(task: string, slot: number, lease: string): Promise<boolean> {
    const { database, member, holder } = this;
    const { schema } = database;
    const sentAt = performance.now();
    const statement = `
      insert into "${schema}".cron as last (task, slot, lease, member, holder, seen)
        select $1, $2::float8, $3::uuid, $4::uuid, $5, now()
        where not exists (select from "${schema}".fleet where reason is not null)
        and $2::float8 < extract(epoch from now()) * 1000 + $7
        and not exists (
          select from "${schema}".cron_pause
          where task = $1
          and $2::float8 >= extract(epoch from begun_at) * 1000 and $2::float8 < extract(epoch from ended_at) * 1000
        )
      on conflict (task) do update
        set slot = excluded.slot, lease = excluded.lease, member = excluded.member, holder = excluded.holder,
          seen = now()
        where last.lease = excluded.lease
        or (last.slot < excluded.slot or last.slot >= 'infinity')
        and (last.lease is null or last.member = excluded.member or last.seen < now() - $6 * interval '1 ms')
      returning slot`;
    const values = [task, slot, lease, member, holder, leaseMs, maxAheadMs];
    const rows = await database.retry(
      () => database.withTimeout(database.query(statement, values), answerTimeoutMs),
      leaseMs,
    );
    if (this.held.size === 0) this.lastConfirmedAt = sentAt;
    return rows.length > 0;
  }

  /** Renews all leases. Revokes those that another process has, or may have after too long without a renewal. */
  private async renew(): Promise<void> {
    const { database, held } = this;
    if (held.size === 0) return;
    const leases = [...held];
    const sentAt = performance.now();
    try {
      const renewed = database.query<{ task: string }>(
        `update "${database.schema}".cron set seen = now() where member = $1::uuid and task = any($2) returning task`,
        [this.member, leases.map(([, { task }]) => task)],
      );
      const rows = await database.withTimeout(renewed, answerTimeoutMs);
      this.lastConfirmedAt = sentAt;
      const ownTasks = new Set(rows.map(({ task }) => task));
      for (const [lease, { task }] of leases) if (!ownTasks.has(task)) this.revoke(lease);
    } catch (error) {
      database.report(error);
      // The leases may expire before the next renewal, and another process could then acquire them.
      if (performance.now() - this.lastConfirmedAt > leaseMs - renewMs)
        for (const [lease] of leases) this.revoke(lease);
    }
  }

  private revoke(lease: string): void {
    const { subscriber } = this.held.get(lease) ?? {};
    this.held.delete(lease);
    subscriber?.next(false);
  }

  private release(task: string, lease: string): void {
    this.held.delete(lease);
    // If this process runs another slot of the same cron, the row passes to that lease, so that no other process gets
    // it.
    const [successor = null] = [...this.held].find(([, other]) => other.task === task) ?? [];
    this.database.runInBackground(this.clearLease(lease, successor));
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
