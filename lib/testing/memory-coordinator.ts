import { BehaviorSubject, defer, map, Observable, type Subscriber } from 'rxjs';
import type { Coordinator, PauseState, TriggerRequest } from '../cron/coordinator.js';
import { NotRunningError } from '../errors/errors.js';
import { readBy, type ByWhom } from '../task/by-whom.js';
import type { SlotOutcome } from '../task/types.js';

/** A coordinator in memory, for the processes that a test simulates. */
export interface MemoryCoordinator extends Coordinator {
  /** Emits whether a task is paused, at the subscription and at each change. */
  watchPause(task: string): Observable<PauseState>;
  /** Pauses the crons of a task, current and later ones, as `fleet.pause` does. Slots that wait are still granted. */
  pause(task: string, options?: ByWhom): void;
  /** Ends the pause of a task. Does nothing if it is not paused. */
  resume(task: string, options?: ByWhom): void;
  /** Emits the calls of {@link trigger}: each to the first of the current subscribers. */
  watchTriggers(task: string): Observable<TriggerRequest>;
  /**
   * Runs a cron of a task now, in the first process that runs one, as `fleet.trigger` does. Rejects with a
   * `NotRunningError` if there is none.
   */
  trigger(task: string, options?: ByWhom): Promise<SlotOutcome>;
  /** Revokes the lease of a slot from its holder. */
  revoke(task: string, slot: number): void;
  /** Slots with a lease, as `task@slot`. */
  readonly held: readonly string[];
}

/**
 * Creates a coordinator that grants each slot of a task once, to the first process that requests it. It grants only
 * slots later than the last one it granted.
 *
 * @example
 * ```ts
 * import { VirtualTimeScheduler } from 'rxjs';
 * import { cron, task, withCancel } from 'rxjs-tasks';
 * import { memoryCoordinator } from 'rxjs-tasks/testing';
 *
 * const scheduler = new VirtualTimeScheduler();
 * const [ctx] = withCancel(undefined, { scheduler });
 * const coordinator = memoryCoordinator();
 * for (const server of ['a', 'b']) {
 *   const report = task('report', () => console.log(server, 'reports'));
 *   cron(report, '@hourly', { coordinator, maxRuns: 1, stopAt: 5_400_000 }).start(ctx).subscribe();
 * }
 * scheduler.flush(); // → a reports
 * ```
 */
export function memoryCoordinator(): MemoryCoordinator {
  const granted = new Map<string, number>();
  const holders = new Map<string, Subscriber<boolean>>();
  const pauses = new Map<string, BehaviorSubject<PauseState>>();
  const triggered = new Map<string, Set<Subscriber<TriggerRequest>>>();
  const pauseOf = (task: string) => {
    const pause = pauses.get(task) ?? new BehaviorSubject<PauseState>({ paused: false });
    pauses.set(task, pause);
    return pause;
  };
  const setPause = (task: string, paused: boolean, options: ByWhom) => {
    const by = readBy(options, paused ? 'pause' : 'resume');
    const pause = pauseOf(task);
    if (pause.value.paused !== paused) pause.next({ paused, ...by });
  };
  return {
    lease: (task, slot) =>
      new Observable((subscriber) => {
        const lease = `${task}@${slot}`;
        if (slot <= (granted.get(task) ?? -Infinity)) return subscriber.next(false);
        granted.set(task, slot);
        holders.set(lease, subscriber);
        subscriber.add(() => holders.delete(lease));
        subscriber.next(true);
      }),
    watchPause: (task) =>
      defer(() => {
        const pause = pauseOf(task);
        // A subscriber may change the pause. Those after it then receive the change twice, and not the value before it.
        return pause.pipe(map(() => pause.value));
      }),
    pause: (task, options = {}) => setPause(task, true, options),
    resume: (task, options = {}) => setPause(task, false, options),
    watchTriggers: (task) =>
      new Observable((subscriber) => {
        const subscribers = triggered.get(task) ?? new Set();
        triggered.set(task, subscribers.add(subscriber));
        return () => void subscribers.delete(subscriber);
      }),
    trigger: async (task, options = {}) => {
      const by = readBy(options, 'trigger');
      const [first] = triggered.get(task) ?? [];
      if (!first) throw new NotRunningError(task);
      return new Promise((onOutcome) => first.next({ ...by, onOutcome }));
    },
    revoke: (task, slot) => holders.get(`${task}@${slot}`)?.next(false),
    get held() {
      return [...holders.keys()];
    },
  };
}
