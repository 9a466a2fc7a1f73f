import type { Subscriber } from 'rxjs';
import type { CancelFunc, RunContext } from '../context/types.js';
import { TaskError } from '../errors/errors.js';
import type { Outcome, TaskEvent, TaskRunner } from '../task/types.js';
import { abandonRunner, notStartedOutcome, startChild } from '../task/runner-access.js';
import type { RunParts, CompositeRun } from '../task/composite.js';
import { ChildContext, type ParentRun } from '../task/child.js';
import { CancelContext } from '../context/cancel-context.js';

/** One run of a group: its members become ready, end, and are stopped together. */
abstract class GroupRun<T> implements ParentRun<T>, RunParts {
  protected readonly members: readonly GroupMember<T>[];
  protected startedCount = 0;
  readonly run: CompositeRun;
  private readonly cancelApp: CancelFunc;
  private readonly subscriber: Subscriber<T>;
  private endedCount = 0;
  /** How many have yet to become ready. */
  private notReadyCount: number;
  private isReady = false;
  private starting = false;
  private stopping: { readonly cause: unknown } | undefined = undefined;
  private failure: TaskError | undefined = undefined;

  /** @param parent what the contexts of the members hang on. */
  constructor(
    run: CompositeRun,
    cancelAll: CancelFunc,
    runners: readonly TaskRunner<T>[],
    subscriber: Subscriber<T>,
    parent?: CancelContext,
  ) {
    this.run = run;
    this.cancelApp = cancelAll;
    this.subscriber = subscriber;
    this.members = runners.map((runner) => new GroupMember(this, runner, run, parent));
    this.notReadyCount = runners.length;
    run.parts = this;
  }

  start(): void {
    this.subscriber.add(this.run.onCancel((cause) => this.stop(cause)));
    this.advance();
  }

  get observed(): boolean {
    return this.run.observed;
  }

  forward(event: TaskEvent, run?: RunContext): void {
    this.run.forward(event, run);
  }

  next(value: T): void {
    this.subscriber.next(value);
  }

  readyChanged(seat: GroupMember<T>, is: boolean): void {
    this.setReady(seat, is);
    this.advance();
  }

  onEnd(seat: GroupMember<T>, outcome: Outcome): void {
    const { error } = outcome;
    seat.running = false;
    seat.outcome = outcome;
    this.endedCount++;
    if (error) {
      if (this.failure) this.failure.suppressed.push(error);
      else this.failure = error;
      return this.stop(error);
    }
    // One that has ended well keeps nobody waiting, ready or not.
    this.setReady(seat, true);
    this.advance();
  }

  startFailed(seat: GroupMember<T>, reason: unknown): void {
    const error = new TaskError(seat.path, 'execute', reason);
    this.onEnd(seat, { task: seat.path, runner: seat.runner, status: 'failed', error });
  }

  outcome(): Pick<Outcome, 'members'> {
    return {
      members: this.members.map(
        ({ outcome, abandonedOutcome, runner, path }) => outcome ?? abandonedOutcome ?? notStartedOutcome(runner, path),
      ),
    };
  }

  abandon(): void {
    for (const seat of this.members) {
      if (!seat.running) continue;
      const { path: task, stoppingAt, runner } = seat;
      seat.abandonedOutcome = { ...abandonRunner(runner), task, ...(stoppingAt !== undefined && { stoppingAt }) };
    }
  }

  /** Whether one may start after this. */
  protected abstract canStartAfter(seat: GroupMember<T>): boolean;

  /** Cancels whoever is to end now. Comes again when that one has ended. */
  protected abstract cancel(cause: unknown): void;

  private get stopped(): boolean {
    return this.stopping !== undefined || this.run.cancelled;
  }

  private setReady(seat: GroupMember<T>, ready: boolean): void {
    if (seat.isReady === ready) return;
    seat.isReady = ready;
    this.notReadyCount += ready ? -1 : 1;
  }

  private stop(cause: unknown): void {
    if (!this.stopping && this.isReady && !this.run.cancelled) this.run.notReady();
    this.stopping ??= { cause };
    this.advance();
  }

  private advance(): void {
    if (this.stopping) this.cancel(this.stopping.cause);
    else this.startNext();
    const { startedCount, endedCount, notReadyCount, members, subscriber, run } = this;
    const ready = notReadyCount === 0;
    if (!this.stopped && ready !== this.isReady) {
      this.isReady = ready;
      if (ready) run.ready();
      else {
        run.setStatus('initializing');
        run.notReady();
      }
    }
    if (endedCount < startedCount || (startedCount < members.length && !this.stopped)) return;
    if (this.failure) subscriber.error(this.failure);
    else subscriber.complete();
  }

  /** Starts all whose turn it is. A loop, because they may be ready before they have returned. */
  private startNext(): void {
    if (this.starting) return;
    this.starting = true;
    for (;;) {
      const previous = this.members[this.startedCount - 1];
      const seat = this.members[this.startedCount];
      if (!seat || this.stopped || (previous && !this.canStartAfter(previous))) break;
      this.startedCount++;
      seat.running = true;
      startChild(seat.runner, seat, this.cancelApp);
    }
    this.starting = false;
  }
}

/** Each starts when the one before is ready; they stop in reverse, one at a time. */
export class OrderedRun<T> extends GroupRun<T> {
  private cancelling = false;
  private stopIndex: number | undefined = undefined;

  protected override canStartAfter(seat: GroupMember<T>): boolean {
    return seat.isReady;
  }

  /** A loop, because they may end before they have returned. */
  protected override cancel(cause: unknown): void {
    if (this.cancelling) return;
    this.cancelling = true;
    // Nobody after this one is left.
    for (this.stopIndex ??= this.startedCount - 1; this.stopIndex >= 0; this.stopIndex--) {
      const seat = this.members[this.stopIndex];
      if (!seat?.running) continue;
      CancelContext.cancel(seat, cause);
      if (this.waitsFor(seat)) break;
    }
    this.cancelling = false;
  }

  /** Asked anew after a cancel, which may have ended it: the compiler would hold on to what it was before. */
  private waitsFor(seat: GroupMember<T>): boolean {
    return seat.running;
  }
}

/** All start at once and all stop at once. */
export class ParallelRun<T> extends GroupRun<T> {
  private readonly scope: CancelContext;

  constructor(run: CompositeRun, cancelAll: CancelFunc, runners: readonly TaskRunner<T>[], subscriber: Subscriber<T>) {
    const scope = new CancelContext(run.scheduler, run);
    super(run, cancelAll, runners, subscriber, scope);
    this.scope = scope;
  }

  protected override canStartAfter(): boolean {
    return true;
  }

  protected override cancel(cause: unknown): void {
    CancelContext.cancel(this.scope, cause);
  }
}

/** A member in one run of its group. */
class GroupMember<T> extends ChildContext<T> {
  readonly runner: TaskRunner<T>;
  running = false;
  isReady = false;
  outcome: Outcome | undefined = undefined;
  /** What is said of it when nobody waits for it any longer. */
  abandonedOutcome: Outcome | undefined = undefined;

  constructor(owner: ParentRun<T>, runner: TaskRunner<T>, run: CompositeRun, parent?: CancelContext) {
    super(owner, `${run.task}/${runner.toString()}`, run.scheduler, parent, run.runHooks);
    this.runner = runner;
  }
}
