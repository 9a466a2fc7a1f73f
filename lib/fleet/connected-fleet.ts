import { merge, Observable } from 'rxjs';
import type { CancelFunc, Context, RunContext } from '../context/types.js';
import { CancelledError } from '../errors/errors.js';
import { validateString } from '../util/validate.js';
import type { FleetState } from './fleet-state.js';
import type { Fleet } from './fleet.js';
import type { FleetEvent } from './job-event.js';
import { JobQueue } from './job-queue.js';
import { Leases } from './leases.js';
import type { Queue, QueueOptions } from './queue.js';
import type { Ship } from './ship.js';
import { stateOf } from './state.js';

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
    validateString('reason', reason);
    return this.ship.row.cancel(reason, this.name);
  }

  resume(): Promise<void> {
    return this.ship.row.resume();
  }

  lastSlot(task: string): Promise<number | undefined> {
    validateString('task', task);
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
