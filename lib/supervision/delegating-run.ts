import { Observable, type Subscriber } from 'rxjs';
import type { CancelFunc, RunContext } from '../context/types.js';
import { TaskError } from '../errors/errors.js';
import { ChildContext, type ParentRun } from '../task/child.js';
import { runComposite, type RunParts, type CompositeTask, type CompositeRun, type Status } from '../task/composite.js';
import { abandonRunner, startChild } from '../task/runner-access.js';
import { taskRunner, toRunner, type Runnable } from '../task/runner.js';
import type { Outcome, TaskEvent, TaskRunner } from '../task/types.js';

/** A run that consists of another's, and is seen as that. What comes after it is for those who extend this. */
export abstract class DelegatingRun<T> implements ParentRun<T>, RunParts {
  readonly run: CompositeRun;
  protected readonly subscriber: Subscriber<T>;
  private readonly runner: TaskRunner<T>;
  protected readonly cancelApp: CancelFunc;
  private child: ChildContext<T> | undefined = undefined;
  private last: Outcome | undefined = undefined;
  private isReady = false;

  constructor(run: CompositeRun, cancelAll: CancelFunc, runner: TaskRunner<T>, subscriber: Subscriber<T>) {
    this.run = run;
    this.cancelApp = cancelAll;
    this.runner = runner;
    this.subscriber = subscriber;
    run.parts = this;
  }

  start(): void {
    const { run, runner, cancelApp } = this;
    this.last = undefined;
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
    // The one end that is told is the guard's own.
    if (event.type !== 'done' || event.outcome.runner !== this.runner) this.run.forward(event, run);
  }

  next(value: T): void {
    this.subscriber.next(value);
  }

  setStatus(status: Status): void {
    this.run.setStatus(status);
  }

  readyChanged(_: ChildContext<T>, is: boolean): void {
    this.isReady = is;
    if (is) this.run.ready();
    else this.run.notReady();
  }

  onEnd(member: ChildContext<T>, outcome: Outcome): void {
    // One that has ended while `execute` was being called has been ready all the same.
    if (outcome.status === 'completed' && !this.isReady) this.readyChanged(member, true);
    this.last = outcome;
    this.onRunEnded(outcome, member);
  }

  startFailed(_: ChildContext<T>, error: unknown): void {
    this.endWith({ status: 'failed', error: new TaskError(this.run.task, 'execute', error) });
  }

  outcome(): Pick<Outcome, 'members' | 'phase'> {
    const { members, phase } = this.last ?? {};
    return { ...(members && { members }), ...(phase && { phase }) };
  }

  abandon(): void {
    this.last ??= abandonRunner(this.runner);
  }

  /** The run is over, and so is the guard's unless it is started once more. */
  protected abstract onRunEnded(outcome: Outcome, member: ChildContext<T>): void;

  protected endWith({ status, error }: Pick<Outcome, 'status' | 'error'>): void {
    if (status === 'completed') this.run.markCompleted();
    if (error) this.subscriber.error(error);
    else this.subscriber.complete();
  }
}

type GuardArgs<T> = ConstructorParameters<typeof DelegatingRun<T>>;

/** Makes the runner of a task whose runs delegate to those of another runner. */
export function delegate<T>(runnable: Runnable<T>, guard: (...args: GuardArgs<T>) => DelegatingRun<T>): TaskRunner<T> {
  const runner = toRunner(runnable);
  const work: CompositeTask<T> = {
    members: [runner],
    transparent: true,
    history: {},
    execute: () => undefined as T,
    toString: () => runner.toString(),
    [runComposite]: (run, cancel) => new Observable((subscriber) => guard(run, cancel, runner, subscriber).start()),
  };
  return taskRunner(work);
}
