import { Subscription, type Observable } from 'rxjs';
import { withCancel } from '../context/context.js';
import type { CancelFunc, Context, RunContext, RunJob } from '../context/types.js';
import { CancelledError, DeadlineError } from '../errors/errors.js';
import { taskRunner } from '../task/runner.js';
import type { Outcome, TaskOutput } from '../task/types.js';
import { plainHeadline } from '../util/describe-error.js';
import { after } from '../util/timer.js';
import type { AttemptResult, WrittenResult } from './attempt-results.js';
import { isUnrecoverable, JobLostError } from './errors.js';
import type { FleetServices } from './fleet-services.js';
import { releasedName, toJobFailure } from './job-failure.js';
import type { Claim, ClaimedJob } from './job-store.js';
import { JobTask } from './job-task.js';
import { validateJsonb } from './jsonb.js';
import type { QueueHandle } from './queue-handle.js';
import type { JobEventDetail, JobHandler } from './queue-types.js';

/** The part of a worker's run that its jobs use. */
export interface WorkerRunPort<In, Out> {
  readonly queue: Pick<QueueHandle, 'name' | 'policy'> & { readonly services: Pick<FleetServices, 'name'> };
  readonly handler: JobHandler<In, Out>;
  /** The parent context of all jobs. */
  readonly ctx: Context;
  /**
   * Writes the result of an attempt. Emits it as it was written, or undefined if the job has another claim.
   *
   * @param awaited whether the submitter of the job waits for it.
   */
  write(claim: Claim, result: AttemptResult, awaited: boolean): Observable<WrittenResult | undefined>;
  /**
   * @param awaited whether the submitter of the job waits for this event.
   * @param notified whether the other processes have got the message.
   */
  emit(job: string, detail: JobEventDetail, awaited?: boolean, notified?: boolean): void;
  /** Lets another job start in place of this one, even if its handler still runs. */
  releaseSlot(run: JobRun<In, Out>): void;
  /** Fails the worker, because of an error that a retry cannot fix. */
  fail(error: unknown): void;
  /** Called once for each job, when its handler has ended and its result is written. */
  ended(): void;
}

/** The cause of the cancel of a job's context after its end. Created once, because a stack trace is expensive. */
const jobEnded = /* @__PURE__ */ new CancelledError('The job has ended');
/** The value of a promise that is not resolved. */
const unresolved = /* @__PURE__ */ Symbol('unresolved');

/** One attempt of a job in this process. */
export class JobRun<In, Out> {
  readonly id: string;
  /** Identifies this attempt in statements. */
  readonly claim: Claim;
  /** The time of the start, by `performance.now()`. */
  readonly startedAt: number = performance.now();
  private readonly worker: WorkerRunPort<In, Out>;
  private readonly job: ClaimedJob<In>;
  private cancel: CancelFunc = () => undefined;
  private timeout: Subscription = Subscription.EMPTY;
  private output: { value?: Out } = {};
  /** The value of the handler's promise, as soon as it is resolved. */
  private resolved: unknown = unresolved;
  /** Whether this process no longer owns the job, so that it drops the handler's result. */
  private abandoned = false;
  /** The number of steps that the end of the job waits for: its handler, and the write at its timeout. */
  private pending = 1;

  constructor(worker: WorkerRunPort<In, Out>, job: ClaimedJob<In>) {
    this.worker = worker;
    this.job = job;
    this.id = job.id;
    this.claim = job;
  }

  start(): void {
    const { worker } = this;
    worker.emit(this.id, { type: 'started', attempt: this.attempt });
    const [ctx, cancel] = withCancel(worker.ctx);
    this.cancel = cancel;
    this.timeout = after(ctx.scheduler, this.timeoutMs, () => this.expire());
    // A child of the worker's run: all jobs share a path and a row.
    const runner = taskRunner(new JobTask(this.runJob, (run) => this.handle(run)));
    runner.done$.subscribe((outcome) => this.onDone(outcome));
    runner.start(ctx).subscribe({
      next: (value) => (this.output = { value }),
      // The outcome contains the error, too.
      error: () => undefined,
    });
  }

  /** Cancels the handler and drops its result, because this process no longer owns the job. */
  abandon(cause: Error): void {
    if (this.abandoned) return;
    this.abandoned = true;
    // The timeout would release the slot a second time.
    this.timeout.unsubscribe();
    this.worker.releaseSlot(this);
    if (cause instanceof JobLostError) this.worker.emit(this.id, { type: 'lost', attempt: this.attempt });
    this.cancel(cause);
  }

  private get timeoutMs(): number {
    return this.job.data.timeout ?? this.worker.queue.policy.timeout;
  }

  private get attempt(): number {
    return this.job.retryCount + 1;
  }

  private get runJob(): RunJob {
    const { id, attempt } = this;
    const { awaited = false, trace } = this.job.data;
    return { id, queue: this.worker.queue.name, attempt, awaited, trace };
  }

  private handle(run: RunContext): TaskOutput<Out> {
    const { id, attempt, worker } = this;
    const output = worker.handler(this.job.data.input, run, {
      id,
      queue: worker.queue.name,
      attempt,
      outputs: this.job.data.outputs ?? [],
      progress: (progress) => this.abandoned || worker.emit(id, { type: 'progress', attempt, progress }),
    });
    if (!isPromiseLike(output)) return output;
    return output.then((value) => {
      this.resolved = value;
      return value;
    });
  }

  /** Fails the attempt at its timeout. A handler that ignores its cancel must not block the queue. */
  private expire(): void {
    const error = new DeadlineError(this.timeoutMs);
    this.abandoned = true;
    this.worker.releaseSlot(this);
    this.pending++;
    this.cancel(error);
    this.writeResult({ failure: toJobFailure(error) }, () => this.endIfDone());
  }

  private onDone(outcome: Outcome): void {
    this.timeout.unsubscribe();
    // Removes the job's context from its parent.
    this.cancel(jobEnded);
    const { abandoned, worker } = this;
    if (abandoned) return this.endIfDone();
    this.abandoned = true;
    const result = this.resultOf(outcome);
    // The next attempt of a failed job may start in this process, and must start after the event of the failure.
    const completed = 'output' in result;
    if (completed) worker.releaseSlot(this);
    this.writeResult(result, () => {
      if (!completed) worker.releaseSlot(this);
      this.endIfDone();
    });
  }

  private endIfDone(): void {
    if (--this.pending === 0) this.worker.ended();
  }

  /** Whether the handler's promise was resolved with the output, rather than with a stream. No cancel undoes that. */
  private get isResolved(): boolean {
    return 'value' in this.output && Object.is(this.output.value, this.resolved);
  }

  private resultOf({ status, error }: Outcome): AttemptResult {
    const { queue, ctx } = this.worker;
    if (error) {
      const failure = toJobFailure(error.cause);
      return isUnrecoverable(error.cause) ? { failure, final: true } : { failure };
    }
    if (status !== 'completed' && !this.isResolved) {
      const message = `Released by ${queue.services.name}: ${plainHeadline(ctx.cause)}`;
      return { released: { name: releasedName, message } };
    }
    try {
      // Before the result joins a batch, because an invalid output would fail the whole batch.
      return { output: this.output, json: validateJsonb('output', this.output) };
    } catch (invalid) {
      return { failure: toJobFailure(invalid) };
    }
  }

  private writeResult(result: AttemptResult, onEnd: () => void): void {
    const { worker, job } = this;
    worker.write(this.claim, result, job.data.awaited ?? false).subscribe({
      next: (written) => this.emitResult(written),
      error: (error: unknown) => {
        worker.fail(error);
        onEnd();
      },
      complete: onEnd,
    });
  }

  private emitResult(written: WrittenResult | undefined): void {
    const { worker, id, attempt } = this;
    const { awaited = false } = this.job.data;
    if (!written) worker.emit(id, { type: 'lost', attempt });
    else if ('output' in written)
      worker.emit(id, { type: 'completed', attempt, output: written.output }, awaited, written.notified);
    else {
      const { outcome, failure } = written;
      worker.emit(id, { type: outcome, attempt, failure }, awaited && outcome === 'failed');
    }
  }
}

function isPromiseLike<T>(output: unknown): output is PromiseLike<T> {
  return typeof (output as Partial<PromiseLike<T>> | undefined)?.then === 'function';
}
