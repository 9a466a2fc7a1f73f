import { randomUUID } from 'node:crypto';
import { exhaustMap, Observable, timer, type Subscriber, type Subscription } from 'rxjs';
import type { Coordinator } from '../cron/cron-options.js';
import { unlessLost, type Connection } from './connection.js';

/** For how long a lease holds without a sign of life, in ms; how often one is given; and for how long an answer is waited for. */
const [leaseFor, renewEvery, answerWithin] = [10_000, 3000, 2000];

/** By how many ms a slot may come before its time by the database's clock: one that came far ahead would keep all others from running. */
const mostAhead = 5000;

/** Grants each slot of a cron to one process: the slot's row in the database decides which. */
export class Leases implements Coordinator {
  private readonly held = new Map<string, { readonly task: string; readonly holder: Subscriber<boolean> }>();
  private readonly connection: Connection;
  private readonly holder: string;
  /** Of this process, whatever it is called. */
  private readonly member = randomUUID();
  private readonly renewing: Subscription;
  /** When all leases were last seen to be held. */
  private seen = 0;

  constructor(connection: Connection, holder: string) {
    this.connection = connection;
    this.holder = holder;
    this.renewing = timer(renewEvery, renewEvery)
      .pipe(exhaustMap(() => this.renew()))
      .subscribe();
  }

  lease(task: string, slot: number): Observable<boolean> {
    return new Observable((subscriber) => {
      const lease = randomUUID();
      this.acquire(task, slot, lease).then(
        (granted) => {
          if (!granted) return subscriber.next(false);
          if (subscriber.closed) return this.release(task, lease);
          this.held.set(lease, { task, holder: subscriber });
          subscriber.add(() => this.release(task, lease));
          subscriber.next(true);
        },
        (error: unknown) => subscriber.error(error),
      );
    });
  }

  /** The last slot that any process was granted. */
  async lastSlot(task: string): Promise<number | undefined> {
    const { connection } = this;
    const [row] = await connection.ask<{ slot: number }>(
      `select slot from "${connection.schema}".cron where task = $1`,
      [task],
    );
    return row?.slot;
  }

  async close(): Promise<void> {
    this.renewing.unsubscribe();
    for (const lease of this.held.keys()) this.connection.aside(this.free(lease, null));
    this.held.clear();
    await this.connection.hurry();
  }

  /** Strictly after the last slot, and while no other process is at one. A second try finds the lease of the first. */
  private async acquire(task: string, slot: number, lease: string): Promise<boolean> {
    const { connection, member, holder } = this;
    const { schema } = connection;
    const asked = performance.now();
    const rows = await connection.patiently(
      () =>
        connection.promptly(
          connection.query(
            `insert into "${schema}".cron as last (task, slot, lease, member, holder, seen)
           select $1, $2::float8, $3::uuid, $4::uuid, $5, now()
           where not exists (select from "${schema}".fleet where reason is not null)
           and $2::float8 < extract(epoch from now()) * 1000 + $7
           on conflict (task) do update
           set slot = excluded.slot, lease = excluded.lease, member = excluded.member, holder = excluded.holder, seen = now()
           where last.lease = excluded.lease
           or last.slot < excluded.slot
           and (last.lease is null or last.member = excluded.member or last.seen < now() - $6 * interval '1 ms')
           returning slot`,
            [task, slot, lease, member, holder, leaseFor, mostAhead],
          ),
          answerWithin,
        ),
      leaseFor,
    );
    if (this.held.size === 0) this.seen = asked;
    return rows.length > 0;
  }

  /** Leases that were not seen for too long may be another's: whoever holds one must think so. */
  private async renew(): Promise<void> {
    const { connection, held } = this;
    if (held.size === 0) return;
    const leases = [...held];
    const asked = performance.now();
    try {
      const renewed = connection.query<{ task: string }>(
        `update "${connection.schema}".cron set seen = now() where member = $1::uuid and task = any($2) returning task`,
        [this.member, leases.map(([, { task }]) => task)],
      );
      const rows = await connection.promptly(renewed, answerWithin);
      this.seen = asked;
      const kept = new Set(rows.map(({ task }) => task));
      for (const [lease, { task }] of leases) if (!kept.has(task)) this.takeBack(lease);
    } catch (error) {
      unlessLost(error);
      // The next try might come when another has it.
      if (performance.now() - this.seen > leaseFor - renewEvery) for (const [lease] of leases) this.takeBack(lease);
    }
  }

  private takeBack(lease: string): void {
    const { holder } = this.held.get(lease) ?? {};
    this.held.delete(lease);
    holder?.next(false);
  }

  private release(task: string, lease: string): void {
    this.held.delete(lease);
    // The cron stays this process's while it is at another of its slots.
    const [heir = null] = [...this.held].find(([, other]) => other.task === task) ?? [];
    this.connection.aside(this.free(lease, heir));
  }

  private async free(lease: string, heir: string | null): Promise<void> {
    const { connection } = this;
    await connection.ask(
      `update "${connection.schema}".cron set lease = $2::uuid where lease = $1::uuid`,
      [lease, heir],
      leaseFor,
    );
  }
}
