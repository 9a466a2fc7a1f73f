import { withCancel } from '../context/context.js';
import type { CancelFunc, Context } from '../context/types.js';
import { FleetCancelledError } from './errors.js';
import type { FleetDatabase } from './fleet-database.js';
import type { FleetStatus, StatusPoller } from './status-poller.js';

/** The cancel of all processes of a fleet. */
export class MasterCancel {
  private readonly database: FleetDatabase;
  private current: readonly [Context, CancelFunc] = withCancel();

  constructor(database: FleetDatabase, poller: StatusPoller) {
    this.database = database;
    poller.status$.subscribe((status) => this.apply(status));
  }

  /** The context that the cancel of the fleet cancels. A resume replaces it. */
  get context(): Context {
    return this.current[0];
  }

  private apply({ reason, by, at }: FleetStatus): void {
    const [context, cancel] = this.current;
    if (reason !== null && !context.cancelled) {
      const cause = new FleetCancelledError(reason, by, at);
      this.database.emit({ type: 'fleet-cancelled', at: Date.now(), cause });
      cancel(cause);
    } else if (reason === null && context.cancelled) {
      this.current = withCancel();
      this.database.emit({ type: 'fleet-resumed', at: Date.now() });
    }
  }
}
