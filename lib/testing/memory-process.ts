import { Observable } from 'rxjs';
import type { CancelFunc, Context, RunContext } from '../context/types.js';
import type { Coordinator } from '../cron/coordinator.js';
import { NotRunningError } from '../errors/errors.js';
import { printAs } from '../fleet/print-as.js';
import type { Queue, QueueOptions } from '../fleet/queue-types.js';
import type { TriggerOutcome } from '../fleet/trigger-outcome.js';
import type { FleetEvent, FleetMember, FleetState } from '../fleet/types.js';
import { validatePath } from '../fleet/validate-path.js';
import { readBy, type ByWhom } from '../task/by-whom.js';
import { invalid, validateString } from '../util/validate.js';
import { MemoryConnection } from './memory-connection.js';
import type { MemoryFleet } from './memory-fleet-types.js';
import { MemoryQueue } from './memory-queue.js';
import type { MemoryStore } from './memory-store.js';

/** The maximum length of the name of a process, in characters. */
const maxName = 200;

/** The connection of a process to a fleet in memory, as the process sees it. */
export class MemoryProcess implements MemoryFleet {
  readonly name: string;
  readonly coordinator: Coordinator;
  readonly #connection: MemoryConnection;
  readonly #member: FleetMember;

  static {
    printAs(this.prototype, ({ name }) => `Fleet(${name})`);
  }

  constructor(store: MemoryStore, name: string) {
    validateString('name', name);
    if (name.length > maxName) throw new RangeError(invalid('name', `up to ${maxName} characters`, name));
    this.name = name;
    this.coordinator = store.leases.coordinatorOf(name);
    this.#connection = new MemoryConnection(store, name);
    const now = store.now();
    this.#member = { name, host: 'memory', pid: store.nextPid(), since: now, seen: now, live: true };
    store.members.add(this.#member);
  }

  get context(): Context {
    return this.#store.context;
  }

  get events$(): Observable<FleetEvent> {
    return this.#store.events.asObservable();
  }

  process(name: string): MemoryFleet {
    return new MemoryProcess(this.#store, name);
  }

  queue<In, Out>(name: string, options: QueueOptions = {}): Queue<In, Out> {
    return new MemoryQueue<In, Out>(this.#connection, name, options);
  }

  cancel(reason: string): Promise<void> {
    validateString('reason', reason);
    return this.#connection.call(() => this.#store.cancel(reason, this.name));
  }

  pause(path: string, options: ByWhom = {}): Promise<void> {
    validatePath(path);
    const by = this.#readBy(options, 'pause');
    return this.#connection.call(() => this.#store.leases.pause(path, by));
  }

  // A path that is undefined by mistake must not undo the cancel of the fleet.
  resume(...args: [] | [path: string, options?: ByWhom | undefined]): Promise<void> {
    if (args.length === 0) return this.#connection.call(() => this.#store.resume());
    const [path, options = {}] = args;
    validatePath(path);
    const by = this.#readBy(options, 'resume');
    return this.#connection.call(() => this.#store.leases.resume(path, by));
  }

  /** A real fleet waits for 5 s before it refuses. */
  trigger(path: string, options: ByWhom = {}): Promise<TriggerOutcome> {
    validatePath(path);
    const by = this.#readBy(options, 'trigger');
    return this.#connection.call(() => {
      const outcome = this.#store.leases.trigger(path, by);
      if (!outcome) throw new NotRunningError(path);
      return outcome;
    });
  }

  lastSlot(task: string): Promise<number | undefined> {
    validateString('task', task);
    return this.#connection.call(() => this.#store.leases.lastSlot(task));
  }

  state(): Promise<FleetState> {
    return this.#connection.call(() => this.#store.state());
  }

  initialize(): void {
    if (this.#connection.isClosed) throw new Error('Expected the fleet to be connected, but it is closed');
  }

  execute(_: RunContext, cancel: CancelFunc): Observable<never> {
    return new Observable(() => this.context.cancelled$.subscribe(cancel));
  }

  finalize(): void {
    this.#disconnect();
  }

  close(): Promise<void> {
    this.#disconnect();
    return Promise.resolve();
  }

  toString(): string {
    return 'fleet';
  }

  get #store(): MemoryStore {
    return this.#connection.store;
  }

  #readBy(options: ByWhom, of: string): string {
    return readBy(options, of).by ?? this.name;
  }

  #disconnect(): void {
    this.#store.members.delete(this.#member);
    this.#store.leases.release(this.coordinator);
    this.#connection.close();
  }
}
