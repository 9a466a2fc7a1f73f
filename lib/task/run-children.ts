import type { CancelContext } from '../context/cancel-context.js';
import type { ChildTotals } from './child-totals.js';
import { ChildContext, type ParentRun } from './child.js';
import type { CompositeRun } from './composite.js';
import type { RunIds } from './run-ids.js';
import type { Outcome, TaskRunner } from './types.js';

/** The children of one run: the runs that were started under its context. An ended child is counted and forgotten. */
export class RunChildren implements ParentRun<unknown> {
  readonly run: CompositeRun;
  private readonly totals: ChildTotals;
  private readonly runIds: RunIds;
  private readonly onAllEnded: () => void;
  private readonly running = new Map<ChildContext<unknown>, TaskRunner>();

  constructor(run: CompositeRun, totals: ChildTotals, runIds: RunIds, onAllEnded: () => void) {
    this.run = run;
    this.totals = totals;
    this.runIds = runIds;
    this.onAllEnded = onAllEnded;
  }

  get allEnded(): boolean {
    return this.running.size === 0;
  }

  /** The runners of the children that have not ended. */
  get runners(): TaskRunner[] {
    return [...this.running].flatMap(([child, runner]) => (child.ended ? [] : [runner]));
  }

  /**
   * Returns the outcomes of the children whose end has not been handled.
   *
   * @param outcomeOf returns the outcome of a child that has not ended. The runner of one that has ended may be running
   * again, for another owner.
   */
  outcomes(outcomeOf: (runner: TaskRunner) => Outcome): Outcome[] {
    return Array.from(this.running, ([child, runner]) => child.ended ?? outcomeOf(runner));
  }

  /** Returns the context for a child that is started under the run's context, or under one that was made from it. */
  start(runner: TaskRunner, parent: CancelContext): ChildContext<unknown> {
    const child = new ChildContext(this, this.pathOf(runner), parent.scheduler, parent);
    this.add(child, runner);
    return child;
  }

  pathOf(runner: TaskRunner): string {
    return `${this.run.task}/${runner.toString()}`;
  }

  /** Adds a child whose context has another parent: an application that was started under the run's context. */
  add(child: ChildContext<unknown>, runner: TaskRunner): void {
    this.totals.countStart();
    child.runIds = this.runIds;
    this.running.set(child, runner);
  }

  next(): void {
    // Values are for the child's own subscriber.
  }

  readyChanged(): void {
    // The parent does not wait for its children to be ready.
  }

  onFailure(): void {
    // The error is for the child's own subscriber.
  }

  startFailed(child: ChildContext<unknown>): void {
    // Only that of an application: a runner checks whether it can start before it becomes a child.
    if (this.running.delete(child)) this.totals.undoStart();
  }

  onEnd(child: ChildContext<unknown>, outcome: Outcome): void {
    // A join may have abandoned it before.
    if (!this.running.delete(child)) return;
    this.totals.countEnd(outcome);
    if (this.allEnded) this.onAllEnded();
  }

  onAbandoned(child: ChildContext<unknown>, outcome: Outcome): void {
    this.onEnd(child, outcome);
  }
}
