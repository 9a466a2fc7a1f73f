import type { SchedulerLike, Subscription } from 'rxjs';
import type { ChildContext } from '../task/child.js';
import { roleOf } from '../task/runner-access.js';
import type { TaskRunner } from '../task/types.js';
import { afterUnlessExit } from '../util/timer.js';
import type { HostHooks } from './host-hooks.js';
import { notReadyTasks, type NotReadyTask } from './not-ready-tasks.js';

const slowStartMs = 10_000;

/**
 * The readiness of an application. It is ready when all its tasks have been started and are ready, those that are
 * optional aside, and no stop is requested.
 */
export class Readiness {
  ready = false;
  /** Whether the application has ever been ready. */
  wasReady = false;
  private readonly hostHooks: HostHooks;
  private readonly scheduler: SchedulerLike;
  /** The tasks that readiness waits for, in their order. */
  private readonly runnerOf = new Map<ChildContext<unknown>, TaskRunner>();
  private readonly notReady = new Set<ChildContext<unknown>>();
  private allStarted = false;
  private stopRequested = false;
  /** The timer that ends in `onSlowStart`. */
  private slowStart: Subscription | undefined = undefined;

  constructor(hostHooks: HostHooks, scheduler: SchedulerLike) {
    this.hostHooks = hostHooks;
    this.scheduler = scheduler;
  }

  /** Adds a task before its start. */
  add(child: ChildContext<unknown>, runner: TaskRunner): void {
    if (roleOf(runner) === 'optional') return;
    this.runnerOf.set(child, runner);
    this.notReady.add(child);
  }

  set(child: ChildContext<unknown>, ready: boolean): void {
    if (!this.runnerOf.has(child)) return;
    if (ready) this.notReady.delete(child);
    else this.notReady.add(child);
    this.update();
  }

  onAllStarted(): void {
    this.allStarted = true;
    this.update();
  }

  onStopRequest(): void {
    this.stopRequested = true;
    this.slowStart?.unsubscribe();
    this.update();
  }

  /** Calls `onSlowStart` if the application is not ready for long. Returns the timer, if there is one. */
  watchSlowStart(): Subscription | undefined {
    const { hostHooks, ready, stopRequested, scheduler } = this;
    if (!hostHooks.onSlowStart || ready || stopRequested) return undefined;
    const report = () => hostHooks.onSlowStart?.(this.notReadyTasks());
    return (this.slowStart = afterUnlessExit(scheduler, slowStartMs, report));
  }

  /** Returns the tasks that are waited for. One that has failed is never ready again. */
  notReadyTasks(): readonly NotReadyTask[] {
    return Array.from(this.runnerOf).flatMap(([child, runner]) => {
      if (!this.notReady.has(child)) return [];
      const tasks = notReadyTasks(runner, child.path);
      return tasks.length > 0 ? tasks : [{ path: child.path, status: 'done' as const }];
    });
  }

  private update(): void {
    const ready = this.allStarted && this.notReady.size === 0 && !this.stopRequested;
    if (ready === this.ready) return;
    this.ready = ready;
    this.wasReady ||= ready;
    this.slowStart?.unsubscribe();
    this.hostHooks.onReadyChange?.(ready);
  }
}
