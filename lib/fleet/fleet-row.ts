import { filter, merge, Subscription, type Observable } from 'rxjs';
import { LinkedSubject } from '../util/linked-subject.js';
import type { Call } from './call.js';
import type { Channel } from './channel.js';
import type { Connection } from './connection.js';

/** How often it is looked at without being told, in ms. */
const lookEvery = 1000;

/** What all processes of a fleet have in common. */
export interface Row {
  /** Why the fleet is cancelled: null when it is not. */
  readonly reason: string | null;
  readonly by: string;
  /** In ms since 1970. */
  readonly at: number;
  /** Whether any process follows what happens to jobs. */
  readonly followed: boolean;
}

/** The row that all processes look at: a call as the hint that it has changed, and a look each second. */
export class FleetRow {
  private readonly connection: Connection;
  private readonly calls: Channel<Call>;
  private readonly rows = new LinkedSubject<Row>();
  private looking = Subscription.EMPTY;
  /** The number of the last look that was begun, and of the one whose answer holds. */
  private begun = 0;
  private seen = 0;

  constructor(connection: Connection, calls: Channel<Call>) {
    this.connection = connection;
    this.calls = calls;
  }

  /** Emits what each look sees. */
  get seen$(): Observable<Row> {
    return this.rows.stream;
  }

  start(): void {
    const { calls } = this;
    const told$ = calls.stream.pipe(filter(({ type }) => type === 'fleet'));
    this.looking = this.connection.poll(lookEvery, merge(told$, calls.missed$), () => this.look());
  }

  stop(): void {
    this.looking.unsubscribe();
  }

  async look(): Promise<void> {
    const look = ++this.begun;
    const row = await readRow(this.connection);
    // On another connection, what was asked before a change may be answered after it.
    if (!row || look < this.seen) return;
    this.seen = look;
    this.rows.next(row);
  }

  /** Cancels the fleet, unless it is. Done twice, it may cancel once more what was resumed in between: that is the safe side. */
  async cancel(reason: string, by: string): Promise<void> {
    await this.change('reason = $1, cancelled_by = $2, cancelled_at = now() where reason is null', [reason, by]);
  }

  /** Takes back the cancel that there is now: done twice, it leaves one that came in between. */
  async resume(): Promise<void> {
    const { connection } = this;
    const [row] = await connection.ask<{ at: string | null }>(
      `select cancelled_at::text as at from "${connection.schema}".fleet`,
    );
    const set = 'reason = null, cancelled_by = null, cancelled_at = null where cancelled_at = $1::timestamptz';
    await this.change(set, [row?.at ?? null]);
  }

  /** Says that this process follows what happens to jobs, which holds for 15 s. Others are told at once, or see it at their next look. */
  async follow(): Promise<void> {
    const { connection } = this;
    const [before] = await connection.ask<{ followed: boolean | null }>(
      // One process writes it for all.
      `update "${connection.schema}".fleet set followed_until = now() + interval '15 s'
       from (select followed_until > now() as followed from "${connection.schema}".fleet) before
       where followed_until is null or followed_until < now() + interval '10 s'
       returning before.followed`,
    );
    if (!before || before.followed) return;
    this.calls.send({ type: 'follow' });
    await this.calls.flush();
  }

  private async change(set: string, values: readonly unknown[]): Promise<void> {
    const { connection, calls } = this;
    await connection.ask(`update "${connection.schema}".fleet set ${set}`, values);
    calls.send({ type: 'fleet' });
    await this.look();
  }
}

export async function readRow(connection: Connection): Promise<Row | undefined> {
  const [row] = await connection.ask<Row>(
    `select reason, cancelled_by as by, (extract(epoch from cancelled_at) * 1000)::float8 as at,
       coalesce(followed_until > now(), false) as followed
     from "${connection.schema}".fleet`,
  );
  return row;
}
