import { Observable, type Subscriber } from 'rxjs';
import type { CancelFunc, RunContext } from '../context/types.js';
import { TaskError } from '../errors/errors.js';
import { Member, type Owner } from '../task/child.js';
import { drive, type Composition, type Driven, type DrivenRun, type Status } from '../task/composite.js';
import { giveUp, startMember } from '../task/runner-access.js';
import { taskRunner, toRunner, type Runnable } from '../task/runner.js';
import type { Outcome, TaskEvent, TaskRunner } from '../task/types.js';

/** A run that consists of another's, and is seen as that. What comes after it is for those who extend this. */
export abstract class Guard<T> implements Owner<T>, Composition {
  readonly run: DrivenRun;
  protected readonly subscriber: Subscriber<T>;
  private readonly runner: TaskRunner<T>;
  protected readonly cancelAll: CancelFunc;
  private member: Member<T> | undefined = undefined;
  private last: Outcome | undefined = undefined;
  private isReady = false;

  constructor(run: DrivenRun, cancelAll: CancelFunc, runner: TaskRunner<T>, subscriber: Subscriber<T>) {
    this.run = run;
    this.cancelAll = cancelAll;
    this.runner = runner;
    this.subscriber = subscriber;
    run.composition = this;
  }

  start(): void {
    const { run, runner, cancelAll } = this;
    this.last = undefined;
    this.isReady = false;
    this.member = new Member(this, run.task, run.scheduler, run);
    startMember(runner, this.member, cancelAll);
  }

  get runId(): number | undefined {
    return this.member?.runId;
  }

  get observed(): boolean {
    return this.run.observed;
  }

  relay(event: TaskEvent, run?: RunContext): void {
    // The one end that is told is the guard's own.
    if (event.type !== 'done' || event.outcome.runner !== this.runner) this.run.relay(event, run);
  }

  next(value: T): void {
    this.subscriber.next(value);
  }

  enter(status: Status): void {
    this.run.enter(status);
  }

  ready(_: Member<T>, is: boolean): void {
    this.isReady = is;
    if (is) this.run.ready();
    else this.run.unready();
  }

  ended(member: Member<T>, outcome: Outcome): void {
    // One that has ended while `execute` was being called has been ready all the same.
    if (outcome.status === 'completed' && !this.isReady) this.ready(member, true);
    this.last = outcome;
    this.after(outcome, member);
  }

  refused(_: Member<T>, error: unknown): void {
    this.end({ status: 'failed', error: new TaskError(this.run.task, 'execute', error) });
  }

  outcome(): Pick<Outcome, 'members' | 'phase'> {
    const { members, phase } = this.last ?? {};
    return { ...(members && { members }), ...(phase && { phase }) };
  }

  giveUp(): void {
    this.last ??= giveUp(this.runner);
  }

  /** The run is over, and so is the guard's unless it is started once more. */
  protected abstract after(outcome: Outcome, member: Member<T>): void;

  protected end({ status, error }: Pick<Outcome, 'status' | 'error'>): void {
    if (status === 'completed') this.run.endedByItself();
    if (error) this.subscriber.error(error);
    else this.subscriber.complete();
  }
}

type GuardArgs<T> = ConstructorParameters<typeof Guard<T>>;

/** Makes the runner of a task whose runs delegate to those of another runner. */
export function guarded<T>(runnable: Runnable<T>, guard: (...args: GuardArgs<T>) => Guard<T>): TaskRunner<T> {
  const runner = toRunner(runnable);
  const work: Driven<T> = {
    members: [runner],
    seenThrough: true,
    history: {},
    execute: () => undefined as T,
    toString: () => runner.toString(),
    [drive]: (run, cancel) => new Observable((subscriber) => guard(run, cancel, runner, subscriber).start()),
  };
  return taskRunner(work);
}
