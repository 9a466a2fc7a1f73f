import { Observable, type Subscriber } from 'rxjs';
import type { CancelFunc } from '../context/types.js';
import { TaskError } from '../errors/errors.js';
import { ChildContext, type ParentRun } from '../task/child.js';
import {
  runComposite,
  type MemberRole,
  type RunParts,
  type CompositeTask,
  type CompositeRun,
} from '../task/composite.js';
import { forwardControls } from '../task/forward-controls.js';
import { abandonRunner, startChild } from '../task/runner-access.js';
import { abandonedOutcome, taskRunner, toRunner, type Runnable } from '../task/runner.js';
import type { Outcome, TaskEvent, TaskRunner } from '../task/types.js';

/**
 * A run that delegates to the run of one child and reports it as its own. Subclasses may decide what follows that run.
 */
export class DelegatingRun<T> implements ParentRun<T>, RunParts {
  readonly run: CompositeRun;
  protected readonly subscriber: Subscriber<T>;
  protected readonly cancelApp: CancelFunc;
  protected readonly runner: TaskRunner<T>;
  /** The context of the child's current or last run; `undefined` once that run was abandoned. */
  protected child: ChildContext<T> | undefined = undefined;
  /** The outcome of that run. */
  protected lastOutcome: Outcome | undefined = undefined;
  /** The failure that the child's current run has reported. */
  protected failure: TaskError | undefined = undefined;
  private isReady!: boolean;
  private lastRunId: number | undefined = undefined;

  constructor(run: CompositeRun, cancelApp: CancelFunc, runner: TaskRunner<T>, subscriber: Subscriber<T>) {
    this.run = run;
    this.cancelApp = cancelApp;
    this.runner = runner;
    this.subscriber = subscriber;
    run.parts = this;
  }

  start(): void {
    const { run, runner, cancelApp } = this;
    this.lastOutcome = this.failure = undefined;
    this.isReady = false;
    this.lastRunId = this.runId;
    this.child = new ChildContext(this, run.task, run.scheduler, run);
    startChild(runner, this.child, cancelApp);
  }

  get runId(): number | undefined {
    return this.child?.runId ?? this.lastRunId;
  }

  get transparent(): boolean {
    return this.child !== undefined;
  }

  forward(event: TaskEvent): boolean {
    // An abandoned run is of no interest any more, but its errors must not be lost.
    if (!this.child) return 'error' in event;
    // The child's own `done` is dropped: this run emits one `done` after the last run of the child.
    return event.type !== 'done' || event.outcome.runner !== this.runner;
  }

  next(value: T): void {
    this.subscriber.next(value);
  }

  readyChanged(child: ChildContext<T>, ready: boolean): void {
    if (child !== this.child) return;
    this.isReady = ready;
    if (ready) this.run.ready();
    else this.run.notReady();
  }

  onFailure(child: ChildContext<T>, error: TaskError): void {
    if (child !== this.child) return;
    this.failure = error;
    if (this.onRunFailed) this.onRunFailed(error, child);
    else this.run.fail(error);
  }

  onEnding(child: ChildContext<T>): void {
    if (child === this.child) this.run.ending();
  }

  onEnd(child: ChildContext<T>, outcome: Outcome): void {
    if (child !== this.child) return;
    // A run that completes during the call of `execute` was ready, but has not reported it.
    if (outcome.status === 'completed' && !this.isReady) this.readyChanged(child, true);
    this.lastOutcome = outcome;
    // Only an error of `finalize` was not reported before, or that of a custom runner.
    if (outcome.error && !this.failure) this.onFailure(child, outcome.error);
    if (this.onRunEnded) this.onRunEnded(outcome, child);
    else this.endWith(outcome);
  }

  startFailed(child: ChildContext<T>, reason: unknown): void {
    const error = new TaskError(this.run.task, 'execute', reason);
    this.onStartFailed?.(error);
    this.onEnd(child, { task: this.run.task, runner: this.runner, status: 'failed', error });
  }

  outcome(): ReturnType<RunParts['outcome']> {
    return this.lastOutcome ?? {};
  }

  get runners(): readonly TaskRunner[] {
    return this.child && !this.lastOutcome ? [this.runner] : [];
  }

  abandon(): void {
    this.lastOutcome ??= abandonedOutcome(this.runner);
  }

  /** Stops waiting for the child's current run. Returns its outcome at this time. */
  protected abandonChild(): Outcome {
    this.lastOutcome = abandonRunner(this.runner);
    this.lastRunId = this.runId;
    this.child = undefined;
    return this.lastOutcome;
  }

  /** Handles the error of a child that could not start, before it counts as a failure and an end. */
  protected onStartFailed?(error: TaskError): void;

  /** Handles the failure of a run of the child, which finalizes before it ends. Default: this run fails as well. */
  protected onRunFailed?(error: TaskError, child: ChildContext<T>): void;

  /** Handles the end of a run of the child: ends this run, or starts the child again. Default: ends it. */
  protected onRunEnded?(outcome: Outcome, child: ChildContext<T>): void;

  protected endWith({ status, error }: Outcome): void {
    if (status === 'completed') this.run.markEndedByItself();
    if (error) this.subscriber.error(error);
    else this.subscriber.complete();
  }
}

type CreateRun<T> = (...args: ConstructorParameters<typeof DelegatingRun<T>>) => DelegatingRun<T>;

/** Creates a runner whose runs delegate to those of another runner, and that has its controls. */
export function delegate<T>(runnable: Runnable<T>, createRun: CreateRun<T>, role?: MemberRole): TaskRunner<T> {
  const runner = toRunner(runnable);
  const composite: CompositeTask<T> = {
    members: [runner],
    transparent: true,
    ...(role && { role }),
    history: {},
    execute: () => undefined as T,
    toString: () => runner.toString(),
    [runComposite]: (run, cancelApp) =>
      new Observable((subscriber) => createRun(run, cancelApp, runner, subscriber).start()),
  };
  return forwardControls(taskRunner(composite), runner);
}
