import { Observable, type Subscriber } from 'rxjs';
import type { CancelFunc, RunContext } from '../context/types.js';
import { TaskError } from '../errors/errors.js';
import { ChildContext, type ParentRun } from '../task/child.js';
import { runComposite, type RunParts, type CompositeTask, type CompositeRun, type Status } from '../task/composite.js';
import { abandonRunner, startChild } from '../task/runner-access.js';
import { taskRunner, toRunner, type Runnable } from '../task/runner.js';
import type { Outcome, TaskEvent, TaskRunner } from '../task/types.js';

/** A run that delegates to the runs of one child and reports them as its own. Subclasses decide what follows a run. */
export abstract class DelegatingRun<T> implements ParentRun<T>, RunParts {
  readonly run: CompositeRun;
  protected readonly subscriber: Subscriber<T>;
  protected readonly cancelApp: CancelFunc;
  private readonly runner: TaskRunner<T>;
  private child: ChildContext<T> | undefined = undefined;
  private lastOutcome: Outcome | undefined = undefined;
  private isReady = false;

  constructor(run: CompositeRun, cancelApp: CancelFunc, runner: TaskRunner<T>, subscriber: Subscriber<T>) {
    this.run = run;
    this.cancelApp = cancelApp;
    this.runner = runner;
    this.subscriber = subscriber;
    run.parts = this;
  }

  start(): void {
    const { run, runner, cancelApp } = this;
    this.lastOutcome = undefined;
    this.isReady = false;
    this.child = new ChildContext(this, run.task, run.scheduler, run);
    startChild(runner, this.child, cancelApp);
  }

  get runId(): number | undefined {
    return this.child?.runId;
  }

  get observed(): boolean {
    return this.run.observed;
  }

  forward(event: TaskEvent, run?: RunContext): void {
    // The child's own `done` is dropped: this run emits one `done` after the last run of the child.
    if (event.type !== 'done' || event.outcome.runner !== this.runner) this.run.forward(event, run);
  }

  next(value: T): void {
    this.subscriber.next(value);
  }

  setStatus(status: Status): void {
    this.run.setStatus(status);
  }

  readyChanged(_: ChildContext<T>, ready: boolean): void {
    this.isReady = ready;
    if (ready) this.run.ready();
    else this.run.notReady();
  }

  onEnd(child: ChildContext<T>, outcome: Outcome): void {
    // A run that completes during the call of `execute` was ready, but has not reported it.
    if (outcome.status === 'completed' && !this.isReady) this.readyChanged(child, true);
    this.lastOutcome = outcome;
    this.onRunEnded(outcome, child);
  }

  startFailed(_: ChildContext<T>, error: unknown): void {
    this.endWith({ status: 'failed', error: new TaskError(this.run.task, 'execute', error) });
  }

  outcome(): Pick<Outcome, 'members' | 'phase'> {
    const { members, phase } = this.lastOutcome ?? {};
    return { ...(members && { members }), ...(phase && { phase }) };
  }

  abandon(): void {
    this.lastOutcome ??= abandonRunner(this.runner);
  }

  /** Handles the end of a run of the child: ends this run, or starts the child again. */
  protected abstract onRunEnded(outcome: Outcome, child: ChildContext<T>): void;

  protected endWith({ status, error }: Pick<Outcome, 'status' | 'error'>): void {
    if (status === 'completed') this.run.markExecuteEnded();
    if (error) this.subscriber.error(error);
    else this.subscriber.complete();
  }
}

type CreateRun<T> = (...args: ConstructorParameters<typeof DelegatingRun<T>>) => DelegatingRun<T>;

/** Creates a runner whose runs delegate to those of another runner. */
export function delegate<T>(runnable: Runnable<T>, createRun: CreateRun<T>): TaskRunner<T> {
  const runner = toRunner(runnable);
  const composite: CompositeTask<T> = {
    members: [runner],
    transparent: true,
    history: {},
    execute: () => undefined as T,
    toString: () => runner.toString(),
    [runComposite]: (run, cancelApp) =>
      new Observable((subscriber) => createRun(run, cancelApp, runner, subscriber).start()),
  };
  return taskRunner(composite);
}
