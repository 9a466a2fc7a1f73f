import { withCancel } from '../context/context.js';
import type { CancelFunc, Context } from '../context/types.js';
import type { Connection } from './connection.js';
import { FleetCancelledError } from './errors.js';
import type { FleetRow, Row } from './fleet-row.js';

/** The cancel of all processes. */
export class MasterCancel {
  private readonly connection: Connection;
  private current: readonly [Context, CancelFunc] = withCancel();

  constructor(connection: Connection, row: FleetRow) {
    this.connection = connection;
    row.seen$.subscribe((seen) => this.heed(seen));
  }

  /** Cancelled while the fleet is; after a resume it is another. */
  get context(): Context {
    return this.current[0];
  }

  private heed({ reason, by, at }: Row): void {
    const { events } = this.connection;
    const [context, cancel] = this.current;
    if (reason !== null && !context.cancelled) {
      const cause = new FleetCancelledError(reason, by, at);
      events.next({ type: 'fleet-cancelled', at: Date.now(), cause });
      cancel(cause);
    } else if (reason === null && context.cancelled) {
      this.current = withCancel();
      events.next({ type: 'fleet-resumed', at: Date.now() });
    }
  }
}
