import { merge, Observable } from 'rxjs';
import type { CancelFunc, Context } from '../context.js';
import type { Coordinator } from '../cron.js';
import { CancelledError } from '../errors.js';
import { expectString } from '../internal/expect.js';
import type { RunContext, Task } from '../task.js';
import type { FleetState } from './fleet-state.js';
import type { FleetEvent } from './job-event.js';
import { JobQueue } from './job-queue.js';
import { Leases } from './leases.js';
import type { Queue, QueueOptions } from './queue.js';
import type { Ship } from './ship.js';
import { stateOf } from './state.js';

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

export class ConnectedFleet implements Fleet {
  readonly coordinator: Leases;
  private readonly ship: Ship;
  private closing: Promise<void> | undefined = undefined;

  constructor(ship: Ship) {
    this.ship = ship;
    this.coordinator = new Leases(ship.connection, ship.name);
  }

  get name(): string {
    return this.ship.name;
  }

  get context(): Context {
    return this.ship.master.context;
  }

  get events$(): Observable<FleetEvent> {
    const { connection, events } = this.ship;
    return merge(connection.events.stream, events.all$);
  }

  queue<In, Out>(name: string, options: QueueOptions = {}): Queue<In, Out> {
    return new JobQueue<In, Out>(this.ship, name, options);
  }

  cancel(reason: string): Promise<void> {
    expectString('reason', reason);
    return this.ship.row.cancel(reason, this.name);
  }

  resume(): Promise<void> {
    return this.ship.row.resume();
  }

  lastSlot(task: string): Promise<number | undefined> {
    expectString('task', task);
    return this.coordinator.lastSlot(task);
  }

  state(): Promise<FleetState> {
    return stateOf(this.ship.connection);
  }

  initialize(): void {
    if (this.closing) throw new Error('Expected a fleet that is connected, got one that is closed');
  }

  execute(_: RunContext, cancel: CancelFunc): Observable<never> {
    return new Observable(() => this.context.cancelled$.subscribe(cancel));
  }

  finalize(): Promise<void> {
    return this.close();
  }

  close(): Promise<void> {
    return (this.closing ??= this.end());
  }

  toString(): string {
    return 'fleet';
  }

  private async end(): Promise<void> {
    const { row, results, events, calls, connection } = this.ship;
    row.stop();
    results.close(new CancelledError('The fleet is closed'));
    try {
      await this.coordinator.close();
      await events.close();
      await calls.flush();
    } finally {
      await connection.close();
    }
  }
}
