import type { Observable } from 'rxjs';
import type { Context } from '../context/types.js';
import type { Coordinator } from '../cron/cron-options.js';
import type { Task } from '../task/types.js';
import type { FleetState } from './fleet-state.js';
import type { FleetEvent } from './job-event.js';
import type { Queue, QueueOptions } from './queue.js';

/**
 * One process of a fleet, connected. As a task of an application, the first of an `ordered` group, it cancels the application
 * when the fleet is cancelled, and closes the connection when all others have ended.
 */
export interface Fleet extends Task<never> {
  /** The name of this process. */
  readonly name: string;
  /** Cancelled, with a `FleetCancelledError`, while the fleet is; after a `resume` it is another. */
  readonly context: Context;
  /** For crons by an expression, or by {@link every}: each slot is run by one process. The slots of a mere number are each process's own. */
  readonly coordinator: Coordinator;
  /** A queue of jobs, made in the database when it is first used. */
  queue<In, Out = unknown>(name: string, options?: QueueOptions): Queue<In, Out>;
  /** Cancels all processes: those that run now, and those that start before a `resume`. */
  cancel(reason: string): Promise<void>;
  /** Takes the cancel back, for whoever starts from now on. */
  resume(): Promise<void>;
  /** The last slot that any process has run of a cron, for its `lastRun`. It is asked for by its path, such as `app/report`. */
  lastSlot(task: string): Promise<number | undefined>;
  /** What happens to the fleet, and to jobs in all processes. */
  readonly events$: Observable<FleetEvent>;
  /** How the whole fleet stands. */
  state(): Promise<FleetState>;
  /** Closes the connection. Whoever still waits for a result gets a `CancelledError`. */
  close(): Promise<void>;
}
