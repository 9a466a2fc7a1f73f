import { Observable } from 'rxjs';
import { toContext } from '../context/abort-signal-context.js';
import type { CancelContext } from '../context/cancel-context.js';
import { background } from '../context/context.js';
import type { CancelFunc, Context } from '../context/types.js';
import { AlreadyRunningError, TaskError } from '../errors/errors.js';
import { hasMembers, hasMethod } from '../util/has-members.js';
import { append, notifyAll, takeAll, type LinkedList, type ListNode } from '../util/linked-list.js';
import { LinkedSubject } from '../util/linked-subject.js';
import { logError, logErrorOnce } from '../util/log-error.js';
import { SubscriberListener } from '../util/subscriber-listener.js';
import { ChildContext } from './child.js';
import { enclosingRun } from './enclosing-run.js';
import { countSubscribers } from './event-listeners.js';
import { isComposite, type CompositeTask, type MemberRole } from './composite.js';
import type { LaunchSubscriber } from './launch-subscriber.js';
import { RunIds } from './run-ids.js';
import { Run, type RunOwner, type RunObserver } from './run.js';
import { makeReadable, type RunnerView } from './runner-protocol.js';
import { taskName, toTaskHooks, type TaskHooks } from './task-hooks.js';
import type { Outcome, SimpleTask, Task, TaskEvent, TaskEventDetail, TaskRunner } from './types.js';

/**
 * Creates a runner for a task. It runs the task's lifecycle, one run at a time.
 *
 * @throws TypeError when it is not a task, or a hook is not a function; RangeError for a negative `grace` or
 * `startTimeout`.
 *
 * @example
 * ```ts
 * import { task, taskRunner } from 'rxjs-tasks';
 *
 * const runner = taskRunner(
 *   task('db', {
 *     initialize: () => console.log('connect'), // → connect
 *     execute: async () => 42,
 *     finalize: () => console.log('disconnect'),
 *   }),
 * );
 * runner.done$.subscribe((outcome) => console.log(outcome.task, outcome.status));
 * runner.start().subscribe((value) => console.log(value)); // → 42
 * // → disconnect
 * // → db completed
 * ```
 */
export function taskRunner<T>(task: SimpleTask<T> | Task<T>): TaskRunner<T> {
  return new Runner(toTaskHooks(task));
}

/** A task or a runner. */
export type Runnable<T = unknown> = SimpleTask<T> | Task<T> | TaskRunner<T>;

/**
 * Returns a runner as it is, and a new runner for a task.
 *
 * @throws TypeError when it is neither.
 */
export function toRunner<T>(runnable: Runnable<T>): TaskRunner<T> {
  return isTaskRunner(runnable) ? runnable : taskRunner(runnable);
}

/**
 * Whether a value is a {@link TaskRunner}.
 *
 * @example
 * ```ts
 * import { isTaskRunner, task, taskRunner } from 'rxjs-tasks';
 *
 * const poller = task('poller', () => fetch('http://localhost'));
 * console.log(isTaskRunner(poller), isTaskRunner(taskRunner(poller))); // → false true
 * ```
 */
export function isTaskRunner(x: unknown): x is TaskRunner {
  if (x instanceof Runner) return true;
  return hasMembers(x, 'start', 'done$', 'events$') && hasMethod(x, 'start');
}

/** The runner of one task. It is also the list of the listeners for the end of its run. */
export class Runner<T> implements TaskRunner<T>, RunOwner<T>, LinkedList {
  first: ListNode | undefined = undefined;
  last: ListNode | undefined = undefined;
  readonly name: string;
  status: TaskRunner['status'] = 'idle';
  readonly hooks: TaskHooks<T>;
  // `declare` creates no field, because most runners have neither children nor listeners of values and events.
  declare private ids?: RunIds;
  declare private results?: LinkedSubject<T>;
  declare private events?: LinkedSubject<TaskEvent>;
  private runs = 0;
  private current: Run<T> | undefined = undefined;
  private outcome: Outcome | undefined = undefined;
  /** Whether the run is or was ready; `undefined` for as long as it may become ready. */
  private isReady: boolean | undefined = undefined;
  private awaitingReady: LinkedList | undefined = undefined;

  static {
    makeReadable(this.prototype);
  }

  constructor(hooks: TaskHooks<T>) {
    this.hooks = hooks;
    this.name = taskName(hooks);
  }

  start(ctx: Context | AbortSignal = background, cancel?: CancelFunc): Observable<T> {
    const parent = toContext(ctx);
    return new Observable((subscriber) => {
      const run = this.createRun(subscriber, parent, cancel);
      if (!run) return;
      // Before the start, because the subscriber may unsubscribe at the first value.
      subscriber.add(() => Run.cancelUnsubscribed(run));
      run.start();
    });
  }

  startChild(child: ChildContext<T>, cancel: CancelFunc): void {
    this.createRun(child, child, cancel)?.start();
  }

  launch(subscriber: LaunchSubscriber, parent: CancelContext, cancel: CancelFunc): void {
    const run = this.createRun(subscriber, parent, cancel);
    subscriber.run = run;
    run?.start();
  }

  private createRun(
    subscriber: RunObserver<T>,
    parent: CancelContext,
    cancel: CancelFunc | undefined,
  ): Run<T> | undefined {
    if (this.current) {
      subscriber.error(new AlreadyRunningError(this.name));
      return undefined;
    }
    this.outcome = this.isReady = undefined;
    // The start may be postponed, and a join must not find the runner idle until then.
    this.status = 'initializing';
    const child = parent instanceof ChildContext ? parent : this.startAsChild(parent);
    const runId = child ? this.childRunId(child) : ++this.runs;
    return (this.current = new Run(this, runId, subscriber, child ?? parent, cancel));
  }

  private childRunId(child: ChildContext<unknown>): number {
    // A transparent run takes on the number of its child's run.
    if (isComposite(this.hooks) && this.hooks.transparent) return ++this.runs;
    return child.runIds?.next(child.path) ?? ++this.runs;
  }

  /** Numbers the runs of the children that are started under a run's context. */
  get childRunIds(): RunIds {
    return (this.ids ??= new RunIds());
  }

  /** Returns the context of a new child, if the parent is, or was made from, the context of a run. */
  private startAsChild(parent: CancelContext): ChildContext<unknown> | undefined {
    return parent.cancelled ? undefined : enclosingRun(parent)?.startedChildren.start(this, parent);
  }

  get done$(): Observable<Outcome> {
    return new Observable((subscriber) => {
      const listener = new SubscriberListener<Outcome>((outcome) => {
        subscriber.next(outcome);
        subscriber.complete();
      });
      this.onDone(listener);
      return listener;
    });
  }

  get ready$(): Observable<void> {
    return new Observable((subscriber) => {
      const listener = new SubscriberListener<boolean>((ready) => {
        if (ready) subscriber.next();
        subscriber.complete();
      });
      if (this.isReady !== undefined) listener.notify(this.isReady);
      else append((this.awaitingReady ??= { first: undefined, last: undefined }), listener);
      return listener;
    });
  }

  get results$(): Observable<T> {
    return (this.results ??= new LinkedSubject()).asObservable();
  }

  get events$(): Observable<TaskEvent> {
    return countSubscribers((this.events ??= new LinkedSubject()).asObservable());
  }

  get observed(): boolean {
    return this.events?.observed ?? false;
  }

  emit(run: Run<T>, detail: TaskEventDetail, at?: number): void {
    if (run.observed) {
      // Completed in place, because the caller made the object for this call. A copy, or `Object.assign`, would be the
      // largest cost here.
      const event = detail as { -readonly [K in keyof TaskEvent]: TaskEvent[K] };
      event.task = run.task;
      event.runId = run.parts?.runId ?? run.runId;
      event.at = at ?? run.scheduler.now();
      run.forward(event as TaskEvent, run);
    }
    // Without a listener the error is written. Only a TaskError may be reported elsewhere, too: as that of the outcome.
    else if ('error' in detail) (detail.error instanceof TaskError ? logErrorOnce : logError)(detail.error);
  }

  forward(event: TaskEvent): void {
    this.events?.next(event);
  }

  setStatus(status: TaskRunner['status']): void {
    this.status = status;
  }

  notReady(): void {
    this.isReady = undefined;
  }

  ready(): void {
    this.setReady(true);
  }

  onFailure(): void {
    this.setReady(false);
  }

  private setReady(ready: boolean): void {
    this.isReady = ready;
    const { awaitingReady } = this;
    this.awaitingReady = undefined;
    if (awaitingReady) notifyAll(awaitingReady, ready);
  }

  forwardValue(value: T): void {
    this.results?.next(value);
  }

  onEnd(run: Run<T>, status: Outcome['status'], endedAt: number): Outcome {
    const { error } = run;
    const outcome = this.outcomeOf(run, status, endedAt);
    if (run.child) run.child.ended = outcome;
    const { awaitingReady } = this;
    const awaitingEnd = this.first && takeAll(this);
    // Update all state first: a listener may start the next run, and wait for its end.
    this.outcome = outcome;
    this.isReady = run.wasReady;
    this.status = 'done';
    this.current = this.awaitingReady = undefined;
    if (run.observed) this.emitDone(run, { type: 'done', outcome }, endedAt);
    // The subscriber has unsubscribed and no listener waits for the outcome, so the error is written.
    else if (error && !awaitingEnd && run.unsubscribed) logErrorOnce(error);
    if (awaitingReady) notifyAll(awaitingReady, false);
    if (awaitingEnd) notifyAll(awaitingEnd, outcome);
    return outcome;
  }

  private emitDone(run: Run<T>, done: TaskEventDetail, endedAt: number): void {
    if (run.uses(done)) this.emit(run, done, endedAt);
  }

  private outcomeOf(run: Run<T>, status: Outcome['status'], endedAt: number): Outcome {
    const { task, error, startedAt, child } = run;
    if (error || run.parts || run.totals || child?.cancelled || child?.stoppingAt !== undefined)
      return this.fullOutcomeOf(run, status, endedAt);
    return { task, runner: this, status, startedAt, endedAt };
  }

  private fullOutcomeOf(run: Run<T>, status: Outcome['status'], endedAt: number): Outcome {
    const { task, error, startedAt } = run;
    return { task, runner: this, status, ...(error && { error }), startedAt, endedAt, ...partsOf(run, endedAt) };
  }

  onDone(node: ListNode): void {
    if (this.outcome) node.notify?.(this.outcome);
    else append(this, node);
  }

  get role(): MemberRole | undefined {
    return isComposite(this.hooks) ? this.hooks.role : undefined;
  }

  inspect(): RunnerView {
    const { current: run, outcome, hooks } = this;
    const since = outcome ? outcome.endedAt : (run?.child?.since ?? run?.startedAt);
    const composite: Partial<CompositeTask<T>> = isComposite(hooks) ? hooks : {};
    const { members, transparent, history } = composite;
    const children = [...((members ? run?.children?.runners : this.runningChildren()) ?? [])];
    const childCounts = outcome ? outcome.children : run?.totals?.counts;
    return {
      ...(members && { members }),
      ...(composite.memberName && { memberName: (member) => composite.memberName?.(member) ?? member.toString() }),
      ...(children.length > 0 && { children }),
      ...(childCounts && { childCounts }),
      ...(transparent && { transparent }),
      ...(history && { history }),
      ...(outcome && { outcome }),
      ...(since !== undefined && { since }),
      ...(run && { stopping: run.cancelled }),
    };
  }

  /** Returns the runners of the members and children of the current run that have not ended. */
  *runningChildren(): Iterable<TaskRunner> {
    const { current: run } = this;
    if (run?.parts) yield* run.parts.runners;
    if (run?.children) yield* run.children.runners;
  }

  abandon(): Outcome {
    const { current: run, name } = this;
    // The run has ended in the same instant, and another listener of its end abandoned it before the join was notified.
    if (!run) return this.outcome ?? { task: name, runner: this, status: 'timed-out' };
    return (run.abandonedOutcome ??= this.abandonRun(run));
  }

  private abandonRun(run: Run<T>): Outcome {
    const { isInHook, phase: ownPhase, startedAt, task } = run;
    const children = run.children?.outcomes(abandonedOutcome);
    run.abandon();
    const parts = partsOf(run, undefined, children);
    const ofParts = run.parts?.outcome();
    // A task with members has no hook of its own that could hang.
    const hangsInHook = isInHook && !(parts.children && isComposite(this.hooks) && this.hooks.members);
    const phase = ofParts?.phase ?? (hangsInHook ? ownPhase : undefined);
    const error = run.error ?? ofParts?.error;
    return {
      task,
      runner: this,
      status: 'timed-out',
      ...(phase && { phase }),
      ...(error && { error }),
      startedAt,
      ...parts,
    };
  }

  /** Notifies the parent of the current run, if it has one, that a join no longer waits for that run. */
  reportAbandoned(outcome: Outcome): void {
    this.current?.child?.onAbandoned(outcome);
  }

  toString(): string {
    return this.name;
  }

  /** Returns the name, because a runner and its outcome refer to each other. */
  toJSON(): string {
    return this.name;
  }
}

/** Stops waiting for a runner's run, whose children are already abandoned. Returns the outcome at the first call. */
export function abandonedOutcome(runner: TaskRunner): Outcome {
  return runner instanceof Runner ? runner.abandon() : { task: runner.toString(), runner, status: 'timed-out' };
}

/** Returns the properties of an outcome that only the run of a child, or a run with parts or children, has. */
function partsOf<T>(
  { child, parts, totals }: Run<T>,
  endedAt?: number,
  unfinished: readonly Outcome[] = [],
): Partial<Outcome> {
  // A run that ends synchronously at a cancel ends before `didCancel` of the child's context.
  const stoppingAt = child?.stoppingAt ?? (child?.cancelled ? endedAt : undefined);
  const ofParts = parts?.outcome();
  const ofChildren = totals?.outcome();
  const members = [...(ofParts?.members ?? []), ...(ofChildren?.members ?? []), ...unfinished];
  const children = ofChildren?.children ?? ofParts?.children;
  return {
    ...(stoppingAt !== undefined && { stoppingAt }),
    ...((members.length > 0 || ofParts?.members) && { members }),
    ...(children && { children }),
    ...(ofParts?.slots && { slots: ofParts.slots }),
    ...(ofParts?.optional && { optional: true }),
  };
}
