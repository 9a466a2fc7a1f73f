import type { Job } from 'pg-boss';
import { Subscription } from 'rxjs';
import { withCancel } from '../context/context.js';
import type { CancelFunc, RunContext } from '../context/types.js';
import { CancelledError, DeadlineError } from '../errors/errors.js';
import { after } from '../util/timer.js';
import type { Outcome, TaskOutput } from '../task/types.js';
import { taskRunner } from '../task/runner.js';
import { task } from '../task/task.js';
import type { JobData } from './job.js';
import { JobLostError, type JobFailure } from './errors.js';
import type { End } from './settlement.js';
import type { Shift } from './shift.js';
import { expectStorable, storable } from './storable.js';

/** How much of a failure's name is told, and of its message. */
const [longestName, longestMessage] = [100, 1000];
/** What a job's context is cancelled with when its handler is long over: made once, because a stack trace is dear. */
const over = new CancelledError('The job is over');

/** One attempt of a job in this process. */
export class JobRun<In, Out> {
  readonly id: string;
  /** By which statements speak of this attempt alone. */
  readonly claim: { readonly id: string; readonly retryCount: number };
  private readonly shift: Shift<In, Out>;
  private readonly job: Job<JobData<In>>;
  private cancel: CancelFunc = () => undefined;
  private limit: Subscription = Subscription.EMPTY;
  private output: { value?: Out } = {};
  /** Its handler's promise has been kept, which a cancel does not undo. */
  private whole = false;
  /** It is no longer this process's: whatever comes of it is dropped. */
  private left = false;
  /** Written down before it has ended. */
  private settled: Promise<void> | undefined = undefined;

  constructor(shift: Shift<In, Out>, job: Job<JobData<In>>) {
    this.shift = shift;
    this.job = job;
    this.id = job.id;
    this.claim = { id: job.id, retryCount: job.retryCount };
  }

  start(): void {
    const { shift } = this;
    const { name, policy } = shift.queue;
    this.shift.tell(this.id, { type: 'started', attempt: this.attempt });
    const [ctx, cancel] = withCancel(shift.ctx);
    this.cancel = cancel;
    this.limit = after(ctx.scheduler, policy.timeout, () => this.expire());
    const runner = taskRunner(task(name, (run) => this.handle(run)));
    runner.done$.subscribe((outcome) => this.over(outcome));
    runner.start(ctx).subscribe({
      next: (value) => (this.output = { value }),
      // The outcome has it, too.
      error: () => undefined,
    });
  }

  /** The job is no longer this process's. */
  leave(cause: Error): void {
    if (this.left) return;
    this.left = true;
    // It would give up its place a second time.
    this.limit.unsubscribe();
    this.shift.vacate(this);
    if (cause instanceof JobLostError) this.shift.tell(this.id, { type: 'lost', attempt: this.attempt });
    this.cancel(cause);
  }

  private get attempt(): number {
    return this.job.retryCount + 1;
  }

  private handle(run: RunContext): TaskOutput<Out> {
    const { id, attempt, shift } = this;
    const output = shift.handler(this.job.data.input, run, {
      id,
      queue: shift.queue.name,
      attempt,
      progress: (progress) => this.left || shift.tell(id, { type: 'progress', attempt, progress }),
    });
    if (!isPromiseLike(output)) return output;
    return output.then((value) => {
      this.whole = true;
      return value;
    });
  }

  /** What cannot be cut must not keep the queue waiting for ever. */
  private expire(): void {
    const error = new DeadlineError(this.shift.queue.policy.timeout);
    this.left = true;
    this.shift.vacate(this);
    this.cancel(error);
    this.settled = this.settle({ failure: failureOf(error) });
  }

  private over({ status, error }: Outcome): void {
    this.limit.unsubscribe();
    // Nothing of it stays behind in what all jobs are under.
    this.cancel(over);
    const { left, shift } = this;
    if (left) return void Promise.resolve(this.settled).then(() => shift.ended());
    this.left = true;
    const end: End = error
      ? { failure: failureOf(error.cause) }
      : status === 'completed' || this.whole
        ? this.result()
        : {
            failure: {
              name: 'Released',
              message: `Given back by ${shift.queue.ship.name}: ${String(shift.ctx.cause)}`,
            },
          };
    // The next attempt of one that has failed begins, here, after that is told.
    const failed = 'failure' in end;
    if (!failed) shift.vacate(this);
    void this.settle(end).then(() => {
      if (failed) shift.vacate(this);
      shift.ended();
    });
  }

  private result(): End {
    try {
      // Alone, because together with others it would fail those, too.
      expectStorable('output', this.output);
      return { output: this.output };
    } catch (error) {
      return { failure: failureOf(error) };
    }
  }

  private async settle(end: End): Promise<void> {
    const { shift, claim, id, attempt } = this;
    const { awaited = false } = this.job.data;
    try {
      const became = await shift.settlement.settle(claim, end);
      if (!became) shift.tell(id, { type: 'lost', attempt });
      else if ('failure' in end)
        shift.tell(id, { type: became, attempt, failure: end.failure }, awaited && became === 'failed');
      else shift.tell(id, { type: 'completed', attempt, output: end.output }, awaited);
    } catch (error) {
      shift.fail(error);
    }
  }
}

function failureOf(error: unknown): JobFailure {
  // Whatever is thrown: its name and message may be anything, too.
  const { name, message } = (error ?? {}) as { name?: unknown; message?: unknown };
  return {
    name: storable(typeof name === 'string' ? name : typeof error, longestName),
    message: storable(typeof message === 'string' ? message : textOf(message ?? error), longestMessage),
  };
}

function textOf(value: unknown): string {
  try {
    return String(value);
  } catch {
    // An object without a prototype has no text.
    return typeof value;
  }
}

function isPromiseLike<T>(output: unknown): output is PromiseLike<T> {
  return typeof (output as Partial<PromiseLike<T>> | undefined)?.then === 'function';
}
