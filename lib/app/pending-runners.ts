import { EMPTY, type Observable, type Subscriber } from 'rxjs';
import { abandonRunner, notStartedOutcome, onDone } from '../task/runner-access.js';
import type { Outcome, TaskRunner } from '../task/types.js';
import { ListNode, remove } from '../util/linked-list.js';

/**
 * The runners of one join whose outcome has not been emitted. Emits each outcome, and completes after the last one. One
 * source for all of them: each waits in its runner's linked list, so that unsubscribing one runner costs O(1). A `race`
 * with the deadline for each runner costs O(n²).
 */
export class PendingRunners {
  private readonly subscriber: Subscriber<Outcome>;
  private readonly entries: readonly PendingRunner[];
  /** The pending runners that had not been started at the last check. */
  private readonly idle: Set<PendingRunner>;
  private pendingCount: number;

  constructor(runners: readonly TaskRunner[], subscriber: Subscriber<Outcome>) {
    this.subscriber = subscriber;
    this.entries = runners.map((runner) => new PendingRunner(runner, this));
    this.idle = new Set();
    for (const entry of this.entries) if (entry.runner.status === 'idle') this.idle.add(entry);
    this.pendingCount = runners.length;
  }

  /**
   * Emits the outcomes of runners as they end. When all that were started have ended, emits the others as not started.
   */
  start(): void {
    for (const entry of this.entries) {
      if (this.subscriber.closed) return;
      onDone(entry.runner, entry);
    }
    this.emitIfOnlyIdle();
  }

  /** Stops waiting. */
  stop(): void {
    this.entries.forEach(remove);
  }

  /** Emits the outcome of a runner that has ended. */
  onEnd(entry: PendingRunner, outcome: Outcome): void {
    this.settle(entry, outcome);
    this.emitIfOnlyIdle();
  }

  /** Emits the runners that have not been started. */
  emitNotStarted(): Observable<never> {
    for (const entry of this.idle)
      if (entry.runner.status === 'idle') this.settle(entry, notStartedOutcome(entry.runner));
    return EMPTY;
  }

  /** Stops waiting for the runners that are still running, and emits them as timed out. */
  emitTimedOut(): Observable<never> {
    for (const entry of this.entries) {
      if (!entry.isPending()) continue;
      const outcome = abandonRunner(entry.runner);
      // A listener of the abandonment may have ended the run, whose outcome is then already emitted.
      if (entry.isPending()) this.settle(entry, outcome);
    }
    return EMPTY;
  }

  private emitIfOnlyIdle(): void {
    if (this.pendingCount > this.idle.size) return;
    for (const entry of this.idle) if (entry.runner.status !== 'idle') this.idle.delete(entry);
    if (this.pendingCount > this.idle.size) return;
    // Decided for all of them at this moment: a subscriber of the first may start the second.
    for (const entry of this.idle) this.settle(entry, notStartedOutcome(entry.runner));
  }

  private settle(entry: PendingRunner, outcome: Outcome): void {
    remove(entry);
    if (this.idle.size > 0) this.idle.delete(entry);
    this.pendingCount--;
    this.subscriber.next(outcome);
    if (this.pendingCount === 0) this.subscriber.complete();
  }
}

class PendingRunner extends ListNode {
  readonly runner: TaskRunner;
  private readonly owner: PendingRunners;

  constructor(runner: TaskRunner, owner: PendingRunners) {
    super();
    this.runner = runner;
    this.owner = owner;
  }

  /** Whether it still waits in its runner's list. */
  isPending(): boolean {
    return this.list !== undefined;
  }

  override notify(outcome: unknown): void {
    this.owner.onEnd(this, outcome as Outcome);
  }
}
