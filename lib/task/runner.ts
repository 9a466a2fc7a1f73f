import { Observable } from 'rxjs';
import { toContext } from '../context/abort-signal-context.js';
import type { CancelContext } from '../context/cancel-context.js';
import { background } from '../context/context.js';
import type { CancelFunc, Context } from '../context/types.js';
import { AlreadyRunningError } from '../errors/errors.js';
import { takeAll, append, Listener, notifyAll, type LinkedList, type ListNode } from '../util/linked-list.js';
import { LinkedSubject } from '../util/linked-subject.js';
import type { ChildContext } from './child.js';
import { isComposite, type CompositeTask } from './composite.js';
import type { LaunchSubscriber } from './launch-subscriber.js';
import { Run, type RunOwner, type RunObserver } from './run.js';
import { taskName, toTaskHooks, type TaskHooks } from './task-hooks.js';
import type { Outcome, SimpleTask, Task, TaskEvent, TaskEventDetail, TaskRunner } from './types.js';

/**
 * Makes the runner of a task, which runs its lifecycle, once at a time.
 *
 * @throws TypeError when it is no task, RangeError when its `grace` is negative.
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

/** What runs: a task, or a runner. */
export type Runnable<T = unknown> = SimpleTask<T> | Task<T> | TaskRunner<T>;

/** @throws TypeError when it is neither task nor runner. */
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
  return (
    typeof x === 'object' &&
    x !== null &&
    'start' in x &&
    typeof x.start === 'function' &&
    'done$' in x &&
    'events$' in x
  );
}

/** What can be seen of a runner. */
export interface RunnerView extends Pick<CompositeTask<unknown>, 'members' | 'transparent' | 'history'> {
  readonly outcome?: Outcome;
  readonly since?: number;
}

/** Those who wait for the end of its run stand in it as a chain. */
export class Runner<T> implements TaskRunner<T>, RunOwner<T>, LinkedList {
  first: ListNode | undefined = undefined;
  last: ListNode | undefined = undefined;
  readonly name: string;
  status: TaskRunner['status'] = 'idle';
  readonly hooks: TaskHooks<T>;
  private runs = 0;
  private current: Run<T> | undefined = undefined;
  private outcome: Outcome | undefined = undefined;
  private wasReady = false;
  private results: LinkedSubject<T> | undefined = undefined;
  private events: LinkedSubject<TaskEvent> | undefined = undefined;
  private awaitingReady: LinkedList | undefined = undefined;

  constructor(work: TaskHooks<T>) {
    this.hooks = work;
    this.name = taskName(work);
  }

  start(ctx: Context | AbortSignal = background, cancel?: CancelFunc): Observable<T> {
    const parent = toContext(ctx);
    return new Observable((subscriber) => {
      const run = this.createRun(subscriber, parent, cancel);
      if (!run) return;
      // Before the start, because the subscriber may leave at the first value.
      subscriber.add(() => Run.cancelUnsubscribed(run));
      run.start();
    });
  }

  startChild(member: ChildContext<T>, cancel: CancelFunc): void {
    this.createRun(member, member, cancel)?.start();
  }

  launch(launched: LaunchSubscriber, parent: CancelContext, cancel: CancelFunc): void {
    const run = this.createRun(launched, parent, cancel);
    launched.run = run;
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
    this.outcome = undefined;
    this.wasReady = false;
    return (this.current = new Run(this, ++this.runs, subscriber, parent, cancel));
  }

  get done$(): Observable<Outcome> {
    return new Observable((subscriber) => {
      const listener = new Listener<Outcome>((outcome) => {
        subscriber.next(outcome);
        subscriber.complete();
      });
      this.onDone(listener);
      return listener;
    });
  }

  get ready$(): Observable<void> {
    return new Observable((subscriber) => {
      const listener = new Listener<boolean>((ready) => {
        if (ready) subscriber.next();
        subscriber.complete();
      });
      if (this.wasReady || this.outcome) listener.notify(this.wasReady);
      else append((this.awaitingReady ??= { first: undefined, last: undefined }), listener);
      return listener;
    });
  }

  get results$(): Observable<T> {
    return (this.results ??= new LinkedSubject()).stream;
  }

  get events$(): Observable<TaskEvent> {
    return (this.events ??= new LinkedSubject()).stream;
  }

  get observed(): boolean {
    return this.events?.observed ?? false;
  }

  emit(run: Run<T>, detail: TaskEventDetail): void {
    if (run.observed) {
      // Completed in place, because it was made for this alone, and copying it would take longer than all the rest.
      const runId = run.parts?.runId ?? run.runId;
      run.forward(Object.assign(detail, { task: run.task, runId, at: run.scheduler.now() }), run);
    }
    // The error of an event is nowhere else: with nobody listening it must not be lost.
    else if ('error' in detail) console.error(detail.error);
  }

  forward(event: TaskEvent): void {
    this.events?.next(event);
  }

  setStatus(status: TaskRunner['status']): void {
    this.status = status;
  }

  notReady(): void {
    this.wasReady = false;
  }

  ready(): void {
    this.wasReady = true;
    const { awaitingReady } = this;
    this.awaitingReady = undefined;
    if (awaitingReady) notifyAll(awaitingReady, true);
  }

  forwardValue(value: T): void {
    this.results?.next(value);
  }

  onEnd(run: Run<T>, status: Outcome['status']): void {
    const { error, startedAt } = run;
    const endedAt = run.scheduler.now();
    const outcome: Outcome = error
      ? { task: run.task, runner: this, status, error, startedAt, endedAt, ...partsOf(run, endedAt) }
      : run.child || run.parts
        ? { task: run.task, runner: this, status, startedAt, endedAt, ...partsOf(run, endedAt) }
        : { task: this.name, runner: this, status, startedAt, endedAt };
    const { awaitingReady } = this;
    const awaitingEnd = this.first && takeAll(this);
    // All is in its last state before anyone is told: whoever is told may start the next run, and wait for that one.
    this.outcome = outcome;
    this.wasReady = run.wasReady;
    this.status = 'done';
    this.current = this.awaitingReady = undefined;
    if (run.observed) this.emit(run, { type: 'done', outcome });
    // Behind a subscriber who has left, an error that nobody else waits for must not be lost.
    else if (error && !awaitingEnd && run.unsubscribed) console.error(error);
    if (awaitingReady) notifyAll(awaitingReady, false);
    if (awaitingEnd) notifyAll(awaitingEnd, outcome);
    run.child?.onEnd(outcome);
  }

  onDone(link: ListNode): void {
    if (this.outcome) link.notify?.(this.outcome);
    else append(this, link);
  }

  inspect(): RunnerView {
    const { current: run, outcome, hooks } = this;
    const since = outcome ? outcome.endedAt : (run?.child?.since ?? run?.startedAt);
    const { members, transparent, history } = isComposite(hooks) ? hooks : ({} as Partial<CompositeTask<T>>);
    return {
      ...(members && { members }),
      ...(transparent && { transparent }),
      ...(history && { history }),
      ...(outcome && { outcome }),
      ...(since !== undefined && { since }),
    };
  }

  abandon(): Outcome {
    const { current: run, name } = this;
    // It has ended in the same instant: whoever was told of the end first has given it up.
    if (!run) return this.outcome ?? { task: name, runner: this, status: 'timed-out' };
    const phase = run.abandon();
    return { task: run.task, runner: this, status: 'timed-out', phase, startedAt: run.startedAt, ...partsOf(run) };
  }

  toString(): string {
    return this.name;
  }

  /** An outcome holds its runner, and a runner its outcome: neither is for a log but by name. */
  toJSON(): string {
    return this.name;
  }
}

/** What an outcome says of a run that is part of something, or has parts. */
function partsOf<T>({ child, parts }: Run<T>, endedAt?: number): Partial<Outcome> {
  // A run that ends at once when it is cancelled has ended before its context has told the member.
  const stoppingAt = child?.stoppingAt ?? (child?.cancelled ? endedAt : undefined);
  return { ...(stoppingAt !== undefined && { stoppingAt }), ...parts?.outcome() };
}
