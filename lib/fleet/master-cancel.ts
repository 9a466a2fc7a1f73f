import { exhaustMap, filter, merge, Subscription, timer } from 'rxjs';
import { withCancel, type CancelFunc, type Context } from '../context.js';
import { reportUnhandled } from '../internal/unhandled.js';
import { FleetCancelledError } from './errors.js';
import { isLost, type Connection } from './connection.js';
import type { Messages } from './messages.js';

/** How often it is looked at without being told, in ms. */
const lookEvery = 1000;

interface Row {
  readonly reason: string | null;
  readonly by: string;
  readonly at: number;
}

/** The cancel of all processes: a row that stays, a message as the hint, and a look each second. */
export class MasterCancel {
  private readonly connection: Connection;
  private readonly messages: Messages;
  private looking = Subscription.EMPTY;
  /** The number of the last look that was begun, and of the one whose answer holds. */
  private begun = 0;
  private seen = 0;
  private current: readonly [Context, CancelFunc] = withCancel();

  constructor(connection: Connection, messages: Messages) {
    this.connection = connection;
    this.messages = messages;
  }

  start(): void {
    const { messages } = this;
    const told$ = messages.calls$.pipe(filter(({ type }) => type === 'fleet'));
    this.looking = merge(timer(lookEvery, lookEvery), told$, messages.missed$)
      .pipe(exhaustMap(() => this.look().catch((error: unknown) => isLost(error) || reportUnhandled(error))))
      .subscribe();
  }

  /** Cancelled while the fleet is; after a resume it is another. */
  get context(): Context {
    return this.current[0];
  }

  async cancel(reason: string, by: string): Promise<void> {
    await this.write(
      `update "${this.connection.schema}".fleet set reason = $1, cancelled_by = $2, cancelled_at = now() where reason is null`,
      [reason, by],
    );
  }

  async resume(): Promise<void> {
    await this.write(
      `update "${this.connection.schema}".fleet set reason = null, cancelled_by = null, cancelled_at = null`,
      [],
    );
  }

  /** Sees what the row says. */
  async look(): Promise<void> {
    const { connection } = this;
    const look = ++this.begun;
    const [row] = await connection.patiently(() =>
      connection.query<Row>(
        `select reason, cancelled_by as by, (extract(epoch from cancelled_at) * 1000)::float8 as at from "${connection.schema}".fleet`,
      ),
    );
    // On another connection, what was asked before a cancel may be answered after it.
    if (look < this.seen) return;
    this.seen = look;
    const [context, cancel] = this.current;
    const at = Date.now();
    if (row?.reason != null && !context.cancelled) {
      const cause = new FleetCancelledError(row.reason, row.by, row.at);
      connection.events.next({ type: 'fleet-cancelled', at, cause });
      cancel(cause);
    } else if (row?.reason === null && context.cancelled) {
      this.current = withCancel();
      connection.events.next({ type: 'fleet-resumed', at });
    }
  }

  stop(): void {
    this.looking.unsubscribe();
  }

  private async write(sql: string, values: readonly unknown[]): Promise<void> {
    await this.connection.patiently(() => this.connection.query(sql, values));
    this.messages.tellFleet();
    await this.look();
  }
}
