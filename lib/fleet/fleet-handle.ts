import { merge, Observable, type Subscription } from 'rxjs';
import type { CancelFunc, Context, RunContext } from '../context/types.js';
import { readBy, type ByWhom } from '../task/by-whom.js';
import { validateString } from '../util/validate.js';
import { closedError } from './closed-error.js';
import type { FleetServices } from './fleet-services.js';
import { JobQueue } from './job-queue.js';
import { Leases } from './leases.js';
import { printAs } from './print-as.js';
import type { Queue, QueueOptions } from './queue-types.js';
import { readState } from './read-state.js';
import { deletePeriodically } from './retention.js';
import type { TriggerOutcome } from './trigger-outcome.js';
import type { Fleet, FleetEvent, FleetState } from './types.js';
import { validatePath } from './validate-path.js';

/** The connected fleet that `connectFleet` returns. */
export class FleetHandle implements Fleet {
  readonly coordinator: Leases;
  readonly #services: FleetServices;
  readonly #retention: Subscription;
  #closing: Promise<void> | undefined = undefined;

  static {
    printAs(this.prototype, ({ name }) => `Fleet(${name})`);
  }

  constructor(services: FleetServices) {
    this.#services = services;
    this.#retention = deletePeriodically(services.database, services.jobs);
    this.coordinator = new Leases(services.database, services.poller, services.pauses, services.name);
  }

  get name(): string {
    return this.#services.name;
  }

  get context(): Context {
    return this.#services.master.context;
  }

  get events$(): Observable<FleetEvent> {
    const { database, events } = this.#services;
    return merge(database.events$, events.all$);
  }

  queue<In, Out>(name: string, options: QueueOptions = {}): Queue<In, Out> {
    return new JobQueue<In, Out>(this.#services, name, options);
  }

  cancel(reason: string): Promise<void> {
    validateString('reason', reason);
    return this.#services.poller.cancel(reason, this.name);
  }

  pause(path: string, options: ByWhom = {}): Promise<void> {
    validatePath(path);
    return this.#services.pauses.pause(path, this.readBy(options, 'pause'));
  }

  // A path that is undefined by mistake must not undo the cancel of the fleet.
  resume(...args: [] | [path: string, options?: ByWhom | undefined]): Promise<void> {
    const { poller, pauses } = this.#services;
    if (args.length === 0) return poller.resume();
    const [path, options = {}] = args;
    validatePath(path);
    return pauses.resume(path, this.readBy(options, 'resume'));
  }

  trigger(path: string, options: ByWhom = {}): Promise<TriggerOutcome> {
    validatePath(path);
    return this.#services.triggers.trigger(path, this.readBy(options, 'trigger'));
  }

  lastSlot(task: string): Promise<number | undefined> {
    validateString('task', task);
    return this.coordinator.lastSlot(task);
  }

  state(): Promise<FleetState> {
    return readState(this.#services.database);
  }

  initialize(): void {
    if (this.#closing) throw new Error('Expected the fleet to be connected, but it is closed');
  }

  execute(_: RunContext, cancel: CancelFunc): Observable<never> {
    return new Observable(() => this.context.cancelled$.subscribe(cancel));
  }

  finalize(): Promise<void> {
    return this.close();
  }

  close(): Promise<void> {
    return (this.#closing ??= this.disconnect());
  }

  toString(): string {
    return 'fleet';
  }

  private readBy(options: ByWhom, of: string): string {
    return readBy(options, of).by ?? this.name;
  }

  private async disconnect(): Promise<void> {
    const { poller, heartbeats, results, triggers, events, control, database } = this.#services;
    const { cause } = this.context;
    const error = closedError(cause);
    poller.stop();
    heartbeats.stop();
    this.#retention.unsubscribe();
    results.close(error);
    triggers.close(error);
    await database.close(async () => {
      await this.coordinator.close();
      await events.close();
      await control.flush();
    }, cause);
  }
}
