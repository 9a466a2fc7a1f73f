import type { CancelContext } from '../context/cancel-context.js';
import { append, ListNode, remove, toArray, type LinkedList } from '../util/linked-list.js';
import type { ChildTotals } from './child-totals.js';
import { ChildContext, type ParentRun } from './child.js';
import type { CompositeRun } from './composite.js';
import type { RunIds } from './run-ids.js';
import type { Outcome, TaskRunner } from './types.js';

/** A child of a run until its end has been handled. */
class RunningChild extends ListNode {
  readonly child: ChildContext<unknown>;
  readonly runner: TaskRunner;

  constructor(child: ChildContext<unknown>, runner: TaskRunner) {
    super();
    this.child = child;
    this.runner = runner;
  }
}

/** The children of one run: the runs that were started under its context. An ended child is counted and removed. */
export class RunChildren implements ParentRun<unknown> {
  readonly run: CompositeRun;
  private readonly totals: ChildTotals;
  private readonly runIds: RunIds;
  /** The child that was started last. */
  private latest: { readonly name: string; readonly path: string } | undefined = undefined;
  private readonly onAllEnded: () => void;
  /**
   * A list, because children come and go. A Map, whenever it discards its deleted entries, leaves a copy of the others,
   * which keeps them in memory until the next full garbage collection.
   */
  private readonly running: LinkedList<RunningChild> = { first: undefined, last: undefined };

  constructor(run: CompositeRun, totals: ChildTotals, runIds: RunIds, onAllEnded: () => void) {
    this.run = run;
    this.totals = totals;
    this.runIds = runIds;
    this.onAllEnded = onAllEnded;
  }

  get allEnded(): boolean {
    return !this.running.first;
  }

  /** The runners of the children that have not ended. */
  get runners(): TaskRunner[] {
    return toArray(this.running).flatMap(({ child, runner }) => (child.ended ? [] : [runner]));
  }

  /**
   * Returns the outcomes of the children whose end has not been handled.
   *
   * @param outcomeOf returns the outcome of a child that has not ended. The runner of one that has ended may be running
   * again, for another owner.
   */
  outcomes(outcomeOf: (runner: TaskRunner) => Outcome): Outcome[] {
    // A listener of one child's outcome may end another child.
    return toArray(this.running).flatMap(({ list, child, runner }) => (list ? [child.ended ?? outcomeOf(runner)] : []));
  }

  /** Returns the context for a child that is started under the run's context, or under one that was made from it. */
  start(runner: TaskRunner, parent: CancelContext): ChildContext<unknown> {
    const child = new ChildContext(this, this.pathOf(runner), parent.scheduler, parent);
    this.add(child, runner);
    return child;
  }

  pathOf(runner: TaskRunner): string {
    const name = runner.toString();
    // Most runs start children of one name. The hash of a string is kept with it, and a new string has none.
    if (name !== this.latest?.name) this.latest = { name, path: `${this.run.task}/${name}` };
    return this.latest.path;
  }

  /** Adds a child whose context has another parent: an application that was started under the run's context. */
  add(child: ChildContext<unknown>, runner: TaskRunner): void {
    this.totals.countStart();
    child.runIds = this.runIds;
    append(this.running, (child.entry = new RunningChild(child, runner)));
  }

  next(): void {
    // Values are for the child's own subscriber.
  }

  onFailure(): void {
    // The error is for the child's own subscriber.
  }

  startFailed(child: ChildContext<unknown>): void {
    // Only that of an application: a runner checks whether it can start before it becomes a child.
    if (this.remove(child)) this.totals.undoStart();
  }

  onEnd(child: ChildContext<unknown>, outcome: Outcome): void {
    // A join may have abandoned it before.
    if (!this.remove(child)) return;
    this.totals.countEnd(outcome);
    if (this.allEnded) this.onAllEnded();
  }

  onAbandoned(child: ChildContext<unknown>, outcome: Outcome): void {
    this.onEnd(child, outcome);
  }

  /** Returns whether the child was still in the list. */
  private remove({ entry }: ChildContext<unknown>): boolean {
    if (!entry?.list) return false;
    remove(entry);
    return true;
  }
}
