import { defer, finalize, NEVER, Observable, startWith, tap, type Subscriber } from 'rxjs';
import type { Coordinator, TriggerRequest } from '../cron/coordinator.js';
import { readTriggerOutcome, writeTriggerOutcome, type TriggerOutcome } from '../fleet/trigger-outcome.js';
import type { CronState, PausedCron } from '../fleet/types.js';
import { memoryCoordinator } from './memory-coordinator.js';

/** A slot that a process runs. */
interface HeldLease {
  readonly task: string;
  /** The name of the process. */
  readonly holder: string;
  /** The coordinator of the process. */
  readonly owner: Coordinator;
}

/** A cron that a process can trigger. */
interface TriggerableCron {
  readonly task: string;
  readonly holder: string;
  readonly owner: Coordinator;
  readonly subscriber: Subscriber<TriggerRequest>;
}

/** A pause of a cron, in ms since 1970. */
interface CronPause {
  readonly by: string;
  readonly from: number;
  until: number;
}

/** The crons of a fleet in memory: the leases of their slots, and their pauses. */
export class MemoryLeases {
  private readonly coordinator = memoryCoordinator();
  private readonly held = new Set<HeldLease>();
  private readonly slots = new Map<string, number>();
  private readonly triggerable = new Set<TriggerableCron>();
  private readonly pauses = new Map<string, CronPause[]>();
  private readonly now: () => number;
  private readonly mayRun: () => boolean;

  /** @param mayRun whether any slot may run: not while the fleet is cancelled. */
  constructor(now: () => number, mayRun: () => boolean) {
    this.now = now;
    this.mayRun = mayRun;
  }

  /** Returns the coordinator of a process. */
  coordinatorOf(holder: string): Coordinator {
    const owner: Coordinator = {
      lease: (task, slot) => defer(() => this.lease({ task, holder, owner }, slot)),
      watchPause: (task) => this.coordinator.watchPause(task),
      watchTriggers: (task) =>
        new Observable((subscriber) => {
          const cron = { task, holder, owner, subscriber };
          this.triggerable.add(cron);
          return () => this.triggerable.delete(cron);
        }),
    };
    return owner;
  }

  /** Ends the leases of a process that runs no more. */
  release(owner: Coordinator): void {
    for (const lease of this.held) if (lease.owner === owner) this.held.delete(lease);
    for (const cron of this.triggerable) if (cron.owner === owner) this.triggerable.delete(cron);
  }

  /** Returns the last slot that any process was granted. */
  lastSlot(task: string): number | undefined {
    return this.slots.get(task);
  }

  /** Runs a cron now, in a process that runs it, if any has it. */
  trigger(task: string, by: string): Promise<TriggerOutcome> | undefined {
    const crons = [...this.triggerable].filter((cron) => cron.task === task);
    const running = crons.find(({ owner }) =>
      [...this.held].some((lease) => lease.owner === owner && lease.task === task),
    );
    const cron = running ?? crons[0];
    return (
      cron &&
      new Promise((resolve) =>
        cron.subscriber.next({
          by,
          onOutcome: (outcome) =>
            resolve(readTriggerOutcome(cron.holder, JSON.parse(writeTriggerOutcome(outcome)) as unknown)),
        }),
      )
    );
  }

  pause(task: string, by: string): void {
    if (this.currentPause(task)) return;
    this.pauses.set(task, [...(this.pauses.get(task) ?? []), { by, from: this.now(), until: Infinity }]);
    this.coordinator.pause(task, { by });
  }

  resume(task: string, by: string): void {
    const pause = this.currentPause(task);
    if (!pause) return;
    pause.until = this.now();
    this.coordinator.resume(task, { by });
  }

  crons(): CronState[] {
    const crons = Array.from(this.slots, ([task, slot]) => {
      const lease = [...this.held].find((each) => each.task === task);
      return { task, slot, ...(lease && { holder: lease.holder }) };
    });
    return crons.sort((a, b) => (a.task < b.task ? -1 : 1));
  }

  pausedCrons(): PausedCron[] {
    return [...this.pauses.keys()].flatMap((task) => {
      const pause = this.currentPause(task);
      return pause ? [{ task, by: pause.by, at: pause.from }] : [];
    });
  }

  private lease(lease: HeldLease, slot: number): Observable<boolean> {
    const { task, owner } = lease;
    const isHeldElsewhere = [...this.held].some((other) => other.task === task && other.owner !== owner);
    const isPaused = this.pauses.get(task)?.some(({ from, until }) => slot >= from && slot < until);
    if (!this.mayRun() || isHeldElsewhere || isPaused) return NEVER.pipe(startWith(false));
    return this.coordinator.lease(task, slot).pipe(
      tap((granted) => {
        if (!granted) return;
        this.held.add(lease);
        this.slots.set(task, slot);
      }),
      finalize(() => this.held.delete(lease)),
    );
  }

  private currentPause(task: string): CronPause | undefined {
    return this.pauses.get(task)?.find(({ until }) => until === Infinity);
  }
}
