import { Observable, type Subscriber } from 'rxjs';
import type { Coordinator } from '../cron/cron-options.js';

/** A coordinator in memory, for the processes that a test simulates. */
export interface MemoryCoordinator extends Coordinator {
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
    revoke: (task, slot) => holders.get(`${task}@${slot}`)?.next(false),
    get held() {
      return [...holders.keys()];
    },
  };
}
