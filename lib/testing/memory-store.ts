import type { SchedulerLike } from 'rxjs';
import { withCancel } from '../context/context.js';
import type { CancelFunc, Context } from '../context/types.js';
import { FleetCancelledError } from '../fleet/errors.js';
import { toEventText } from '../fleet/event-text.js';
import type { JobEvent } from '../fleet/queue-types.js';
import type { FleetEvent, FleetMember, FleetState } from '../fleet/types.js';
import { LinkedSubject } from '../util/linked-subject.js';
import type { MemoryFaults } from './memory-faults.js';
import type { MemoryJob } from './memory-job.js';
import { MemoryLeases } from './memory-leases.js';
import { MemoryTable, type MemoryTables } from './memory-table.js';

/** All that the processes of a fleet in memory share. */
export class MemoryStore implements MemoryTables {
  readonly scheduler: SchedulerLike;
  readonly name: string;
  readonly faults: MemoryFaults | undefined;
  readonly leases: MemoryLeases;
  readonly events: LinkedSubject<FleetEvent> = new LinkedSubject<FleetEvent>();
  readonly members: Set<FleetMember> = new Set<FleetMember>();
  private readonly tables = new Map<string, MemoryTable>();
  private master: readonly [Context, CancelFunc];
  private cancelled: FleetState['cancelled'];
  private lastNumber = 0;
  private lastPid = 0;

  constructor(scheduler: SchedulerLike, name: string, faults: MemoryFaults | undefined) {
    this.faults = faults;
    this.name = name;
    this.scheduler = scheduler;
    this.master = withCancel(undefined, { scheduler });
    this.leases = new MemoryLeases(
      () => this.now(),
      () => !this.context.cancelled,
    );
  }

  /** The context that the cancel of the fleet cancels. */
  get context(): Context {
    return this.master[0];
  }

  now(): number {
    return this.scheduler.now();
  }

  nextNumber(): number {
    return ++this.lastNumber;
  }

  nextPid(): number {
    return ++this.lastPid;
  }

  table(queue: string): MemoryTable {
    const table = this.tables.get(queue) ?? new MemoryTable(this, queue);
    this.tables.set(queue, table);
    return table;
  }

  find(job: string): MemoryJob | undefined {
    for (const table of this.tables.values()) {
      const found = table.get(job);
      if (found) return found;
    }
    return undefined;
  }

  /** Emits an event as the JSON that other processes would get. */
  emit(event: JobEvent): void {
    if (this.events.observed) this.events.next(JSON.parse(toEventText(event)) as JobEvent);
  }

  cancel(reason: string, by: string): void {
    if (this.cancelled) return;
    const at = this.now();
    this.cancelled = { reason, by, at };
    const cause = new FleetCancelledError(reason, by, at);
    // A listener of the event may resume the fleet, which creates another context.
    const [, cancel] = this.master;
    this.events.next({ type: 'fleet-cancelled', at, cause });
    cancel(cause);
  }

  resume(): void {
    if (!this.cancelled) return;
    this.cancelled = undefined;
    this.master = withCancel(undefined, { scheduler: this.scheduler });
    this.events.next({ type: 'fleet-resumed', at: this.now() });
  }

  state(): FleetState {
    const names = [...this.tables.keys()].sort();
    return {
      schema: 'memory',
      ...(this.cancelled && { cancelled: this.cancelled }),
      members: Array.from(this.members, (member) => ({ ...member, seen: this.now() })),
      queues: names.map((name) => this.table(name).state()),
      crons: this.leases.crons(),
      paused: this.leases.pausedCrons(),
    };
  }
}
