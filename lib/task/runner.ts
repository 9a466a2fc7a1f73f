import { Observable } from 'rxjs';
import { toScope } from '../context/abort-signal-context.js';
import type { Scope } from '../context/cancel-context.js';
import { background } from '../context/context.js';
import type { CancelFunc, Context } from '../context/types.js';
import { AlreadyRunningError } from '../errors/errors.js';
import { detach, join, Listener, tellAll, type Chain, type Link } from '../util/linked-list.js';
import { Hub } from '../util/linked-subject.js';
import type { Member } from './child.js';
import { isDriven, type Driven } from './composite.js';
import type { Launched } from './launch-subscriber.js';
import { Run, type RunHost, type RunObserver } from './run.js';
import { nameOf, toWork, type Work } from './task-hooks.js';
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
  return new Runner(toWork(task));
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
export interface Sight extends Pick<Driven<unknown>, 'members' | 'seenThrough' | 'history'> {
  readonly outcome?: Outcome;
  readonly since?: number;
}

/** Those who wait for the end of its run stand in it as a chain. */
export class Runner<T> implements TaskRunner<T>, RunHost<T>, Chain {
  first: Link | undefined = undefined;
  last: Link | undefined = undefined;
  readonly name: string;
  status: TaskRunner['status'] = 'idle';
  readonly work: Work<T>;
  private runs = 0;
  private current: Run<T> | undefined = undefined;
  private outcome: Outcome | undefined = undefined;
  private wasReady = false;
  private results: Hub<T> | undefined = undefined;
  private events: Hub<TaskEvent> | undefined = undefined;
  private awaitingReady: Chain | undefined = undefined;

  constructor(work: Work<T>) {
    this.work = work;
    this.name = nameOf(work);
  }

  start(ctx: Context | AbortSignal = background, cancel?: CancelFunc): Observable<T> {
    const parent = toScope(ctx);
    return new Observable((subscriber) => {
      const run = this.prepare(subscriber, parent, cancel);
      if (!run) return;
      // Before the start, because the subscriber may leave at the first value.
      subscriber.add(() => Run.leave(run));
      run.start();
    });
  }

  startMember(member: Member<T>, cancel: CancelFunc): void {
    this.prepare(member, member, cancel)?.start();
  }

  launch(launched: Launched, parent: Scope, cancel: CancelFunc): void {
    const run = this.prepare(launched, parent, cancel);
    launched.run = run;
    run?.start();
  }

  private prepare(subscriber: RunObserver<T>, parent: Scope, cancel: CancelFunc | undefined): Run<T> | undefined {
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
      this.whenDone(listener);
      return listener;
    });
  }

  get ready$(): Observable<void> {
    return new Observable((subscriber) => {
      const listener = new Listener<boolean>((ready) => {
        if (ready) subscriber.next();
        subscriber.complete();
      });
      if (this.wasReady || this.outcome) listener.tell(this.wasReady);
      else join((this.awaitingReady ??= { first: undefined, last: undefined }), listener);
      return listener;
    });
  }

  get results$(): Observable<T> {
    return (this.results ??= new Hub()).stream;
  }

  get events$(): Observable<TaskEvent> {
    return (this.events ??= new Hub()).stream;
  }

  get observed(): boolean {
    return this.events?.observed ?? false;
  }

  emit(run: Run<T>, detail: TaskEventDetail): void {
    if (run.observed) {
      // Completed in place, because it was made for this alone, and copying it would take longer than all the rest.
      const runId = run.composition?.runId ?? run.runId;
      run.relay(Object.assign(detail, { task: run.task, runId, at: run.scheduler.now() }), run);
    }
    // The error of an event is nowhere else: with nobody listening it must not be lost.
    else if ('error' in detail) console.error(detail.error);
  }

  relay(event: TaskEvent): void {
    this.events?.next(event);
  }

  enter(status: TaskRunner['status']): void {
    this.status = status;
  }

  unready(): void {
    this.wasReady = false;
  }

  ready(): void {
    this.wasReady = true;
    const { awaitingReady } = this;
    this.awaitingReady = undefined;
    if (awaitingReady) tellAll(awaitingReady, true);
  }

  next(value: T): void {
    this.results?.next(value);
  }

  ended(run: Run<T>, status: Outcome['status']): void {
    const { error, startedAt } = run;
    const endedAt = run.scheduler.now();
    const outcome: Outcome = error
      ? { task: run.task, runner: this, status, error, startedAt, endedAt, ...partsOf(run, endedAt) }
      : run.member || run.composition
        ? { task: run.task, runner: this, status, startedAt, endedAt, ...partsOf(run, endedAt) }
        : { task: this.name, runner: this, status, startedAt, endedAt };
    const { awaitingReady } = this;
    const awaitingEnd = this.first && detach(this);
    // All is in its last state before anyone is told: whoever is told may start the next run, and wait for that one.
    this.outcome = outcome;
    this.wasReady = run.wasReady;
    this.status = 'done';
    this.current = this.awaitingReady = undefined;
    if (run.observed) this.emit(run, { type: 'done', outcome });
    // Behind a subscriber who has left, an error that nobody else waits for must not be lost.
    else if (error && !awaitingEnd && run.left) console.error(error);
    if (awaitingReady) tellAll(awaitingReady, false);
    if (awaitingEnd) tellAll(awaitingEnd, outcome);
    run.member?.ended(outcome);
  }

  whenDone(link: Link): void {
    if (this.outcome) link.tell?.(this.outcome);
    else join(this, link);
  }

  look(): Sight {
    const { current: run, outcome, work } = this;
    const since = outcome ? outcome.endedAt : (run?.member?.since ?? run?.startedAt);
    const { members, seenThrough, history } = isDriven(work) ? work : ({} as Partial<Driven<T>>);
    return {
      ...(members && { members }),
      ...(seenThrough && { seenThrough }),
      ...(history && { history }),
      ...(outcome && { outcome }),
      ...(since !== undefined && { since }),
    };
  }

  giveUp(): Outcome {
    const { current: run, name } = this;
    // It has ended in the same instant: whoever was told of the end first has given it up.
    if (!run) return this.outcome ?? { task: name, runner: this, status: 'timed-out' };
    const phase = run.giveUp();
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
function partsOf<T>({ member, composition }: Run<T>, endedAt?: number): Partial<Outcome> {
  // A run that ends at once when it is cancelled has ended before its context has told the member.
  const stoppingAt = member?.stoppingAt ?? (member?.cancelled ? endedAt : undefined);
  return { ...(stoppingAt !== undefined && { stoppingAt }), ...composition?.outcome() };
}
