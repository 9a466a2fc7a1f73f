import { Observable, type Subscriber } from 'rxjs';
import { abandonRunner, notStartedOutcome, onDone } from '../task/runner-access.js';
import type { Outcome, TaskRunner } from '../task/types.js';
import { ListNode, remove } from '../util/linked-list.js';

/**
 * The runners of one join whose outcome has not been emitted. One source for all of them: each waits in its runner's
 * linked list, so that unsubscribing one runner costs O(1). A `race` with the deadline for each runner costs O(n²).
 */
export class PendingRunners {
  private readonly entries: readonly PendingRunner[];
  /** The pending runners that had not been started at the last check. */
  private readonly idle: Set<PendingRunner>;
  private pendingCount: number;

  constructor(runners: readonly TaskRunner[]) {
    this.entries = runners.map((runner) => new PendingRunner(runner));
    this.idle = new Set();
    for (const entry of this.entries) if (entry.runner.status === 'idle') this.idle.add(entry);
    this.pendingCount = runners.length;
  }

  /**
   * Emits the outcomes of runners as they end. When all that were started have ended, emits the others as not started.
   */
  readonly ended$: Observable<Outcome> = new Observable<Outcome>((subscriber) => {
    const onEnd = (entry: PendingRunner, outcome: Outcome): void => {
      this.settle(entry);
      subscriber.next(outcome);
      this.emitIfOnlyIdle(subscriber);
    };
    for (const entry of this.entries) {
      if (subscriber.closed) break;
      entry.onEnd = onEnd;
      onDone(entry.runner, entry);
    }
    this.emitIfOnlyIdle(subscriber);
    return () => this.entries.forEach(remove);
  });

  *notStarted(): Iterable<Outcome> {
    for (const entry of this.idle) {
      if (entry.runner.status !== 'idle') continue;
      this.settle(entry);
      yield notStartedOutcome(entry.runner);
    }
  }

  *timedOut(): Iterable<Outcome> {
    for (const entry of this.entries) {
      if (!entry.isPending()) continue;
      const outcome = abandonRunner(entry.runner);
      // A listener of the abandonment may have ended the run, whose outcome is then already emitted.
      if (!entry.isPending()) continue;
      this.settle(entry);
      yield outcome;
    }
  }

  private emitIfOnlyIdle(subscriber: Subscriber<Outcome>): void {
    if (this.pendingCount > this.idle.size) return;
    for (const entry of this.idle) if (entry.runner.status !== 'idle') this.idle.delete(entry);
    if (this.pendingCount > this.idle.size) return;
    // Decided for all of them at this moment: a subscriber of the first may start the second.
    for (const entry of this.idle) {
      this.settle(entry);
      subscriber.next(notStartedOutcome(entry.runner));
    }
  }

  private settle(entry: PendingRunner): void {
    remove(entry);
    if (this.idle.size > 0) this.idle.delete(entry);
    this.pendingCount--;
  }
}

class PendingRunner extends ListNode {
  readonly runner: TaskRunner;
  onEnd: ((entry: PendingRunner, outcome: Outcome) => void) | undefined = undefined;

  constructor(runner: TaskRunner) {
    super();
    this.runner = runner;
  }

  /** Whether it still waits in its runner's list. */
  isPending(): boolean {
    return this.list !== undefined;
  }

  override notify(outcome: unknown): void {
    this.onEnd?.(this, outcome as Outcome);
  }
}
