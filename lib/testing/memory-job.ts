import { JobCancelledError, JobDeletedError, JobError, type JobFailure } from '../fleet/errors.js';
import { toJobFailure } from '../fleet/job-failure.js';
import { parseJobData, parseOutput, type JobData } from '../fleet/job-row.js';
import type { QueuePolicy } from '../fleet/queue-policy.js';
import type { JobState, SubmitOptions } from '../fleet/queue-types.js';
import { LinkedSubject } from '../util/linked-subject.js';

/** Parts of a job that its insertion decides. Times are in ms since 1970. */
export interface MemoryJobParts {
  readonly id: string;
  readonly number: number;
  readonly queue: string;
  /** JSON of its {@link JobData}. */
  readonly data: string;
  readonly options: SubmitOptions;
  readonly policy: QueuePolicy;
  readonly createdAt: number;
  readonly dueAt: number;
  /** The jobs that it waits for. */
  readonly dependencies: readonly MemoryJob[];
}

/** The run of a job in a process. */
export interface JobHolder {
  /** Cancels the run, whose process no longer owns the job. */
  abandon(cause: Error): void;
}

/** A job of a fleet in memory. */
export class MemoryJob {
  state: 'created' | 'retry' | 'active' | 'completed' | 'failed' | 'cancelled' = 'created';
  deleted = false;
  /** Whether it waits for another job. It stays so if the job ends meanwhile, so that a retry waits again. */
  blocked: boolean;
  /** The number of the claim, from 0. */
  retryCount = 0;
  dueAt: number;
  /** JSON of the output, as `{ value }`. */
  output = '{}';
  /** The error of the last attempt. */
  failure: JobFailure | undefined = undefined;
  /** JSON of the last progress. */
  progress: string | undefined = undefined;
  holder: JobHolder | undefined = undefined;
  /** The jobs that wait for this one. */
  readonly dependents: Set<MemoryJob> = new Set<MemoryJob>();
  /** Emits at the end of the job, and when it is deleted. */
  readonly end: LinkedSubject<undefined> = new LinkedSubject<undefined>();
  readonly parts: MemoryJobParts;
  private retryLimit: number;
  private startedAt: number | undefined = undefined;
  private endedAt: number | undefined = undefined;

  constructor(parts: MemoryJobParts) {
    this.parts = parts;
    this.retryLimit = parts.options.retries ?? parts.policy.retries;
    this.dueAt = parts.dueAt;
    for (const job of parts.dependencies) job.dependents.add(this);
    this.blocked = parts.dependencies.some(isUnfinished);
  }

  get id(): string {
    return this.parts.id;
  }

  get group(): string | undefined {
    return this.parts.options.group;
  }

  /** The time after which the job is deleted, once it has ended. */
  get keptUntil(): number {
    const { endedAt = Infinity, parts } = this;
    return endedAt + Math.max(1, Math.ceil(parts.policy.retention / 1000)) * 1000;
  }

  /** Whether no attempt is active, and one will follow. */
  get waits(): boolean {
    return this.state === 'created' || this.state === 'retry';
  }

  /** Whether the job may start. */
  isDue(now: number): boolean {
    return this.waits && this.dueAt <= now && !this.blocked;
  }

  /** Whether the job starts before another one that may start, too. */
  startsBefore(other: MemoryJob): boolean {
    const difference = this.priority - other.priority;
    return difference === 0 ? this.parts.number < other.parts.number : difference > 0;
  }

  /** Begins an attempt. */
  claim(now: number): void {
    this.state = 'active';
    if (this.startedAt !== undefined) this.retryCount++;
    this.startedAt = now;
  }

  /** Lets another attempt follow that does not count. */
  release(now: number): void {
    this.retryLimit++;
    this.waitUntil(now);
  }

  /** Fails an attempt. Returns whether another follows. */
  fail(failure: JobFailure, isFinal: boolean, now: number): boolean {
    this.failure = failure;
    if (isFinal || this.retryCount >= this.retryLimit) return false;
    this.waitUntil(now + this.backoffMs);
    return true;
  }

  /** Lets a job that has ended run again, with one attempt. One that is still blocked has begun none. */
  retry(now: number): void {
    this.endedAt = undefined;
    if (this.blocked) {
      this.state = 'created';
      return;
    }
    this.retryLimit = this.retryCount;
    this.waitUntil(now);
  }

  /** Lets a blocked job start if all jobs that it waits for have completed. Returns whether they have. */
  unblock(now: number): boolean {
    if (this.parts.dependencies.some(isUnfinished)) return false;
    this.blocked = false;
    this.dueAt = Math.max(this.dueAt, now);
    return true;
  }

  setEnd(state: 'completed' | 'failed' | 'cancelled', now: number): void {
    this.state = state;
    this.endedAt = now;
    this.holder = undefined;
  }

  /** Returns the parts of a new job that does the same, with the same outputs of the jobs that this one waited for. */
  copy(): Pick<MemoryJobParts, 'data' | 'options' | 'dependencies'> {
    const { priority, key, group, after } = this.parts.options;
    const outputs = this.data().outputs?.map((value) => ({ value }));
    const data = JSON.stringify({ ...(JSON.parse(this.parts.data) as object), outputs });
    return { data, options: { priority, key, group, after }, dependencies: [] };
  }

  /** The data, parsed for one reader. */
  data<In>(): JobData<In> {
    const data = parseJobData<In>(JSON.parse(this.parts.data));
    const { dependencies } = this.parts;
    return dependencies.length === 0 ? data : { ...data, outputs: dependencies.map((job) => job.value()) };
  }

  /** The result, parsed for one reader. */
  value(): unknown {
    return parseOutput(JSON.parse(this.output)).value;
  }

  /** The error of those that wait for the result of the job. */
  get error(): Error | undefined {
    const { id, state, failure } = this;
    const { queue } = this.parts;
    if (state === 'failed' && failure) return new JobError(queue, id, failure);
    if (state === 'cancelled') return new JobCancelledError(queue, id);
    return state !== 'completed' && this.deleted ? new JobDeletedError(queue, id) : undefined;
  }

  /** The failure of the jobs that wait for this one, if it has ended without completing. */
  get failureOfDependents(): JobFailure | undefined {
    if (this.state === 'failed') return this.failure;
    return this.error && toJobFailure(this.error);
  }

  /** Whether it has ended after a time. */
  endedSince(time: number): boolean {
    return this.endedAt !== undefined && this.endedAt > time;
  }

  stateAt(now: number): JobState['state'] {
    if (!this.waits) return this.state as JobState['state'];
    if (this.blocked) return 'blocked';
    if (this.state === 'retry') return 'retrying';
    return this.dueAt > now ? 'delayed' : 'waiting';
  }

  toState<In, Out>(now: number): JobState<In, Out> {
    const { id, priority, dueAt, startedAt, endedAt, failure, progress } = this;
    const { key, group, after = [] } = this.parts.options;
    const state = this.stateAt(now);
    return {
      id,
      state,
      input: this.data<In>().input,
      ...(state === 'completed' && { output: this.value() as Out }),
      ...(failure && (state === 'failed' || state === 'retrying') && { failure }),
      ...(progress !== undefined && { progress: JSON.parse(progress) as unknown }),
      attempt: startedAt === undefined ? 0 : this.retryCount + 1,
      priority,
      ...(key !== undefined && { key }),
      ...(group !== undefined && { group }),
      ...(after.length > 0 && { after: [...after] }),
      createdAt: new Date(this.parts.createdAt),
      ...((state === 'delayed' || state === 'retrying') && { dueAt: new Date(dueAt) }),
      ...(startedAt !== undefined && { startedAt: new Date(startedAt) }),
      ...(endedAt !== undefined && { endedAt: new Date(endedAt) }),
    };
  }

  private get priority(): number {
    return this.parts.options.priority ?? 0;
  }

  /** The wait before the next attempt, in ms. As in a database, of whole seconds. */
  private get backoffMs(): number {
    const { initial, max } = this.parts.policy.backoff;
    const [initialSeconds, maxSeconds] = [Math.ceil(initial / 1000), Math.ceil(max / 1000)];
    return Math.min(initialSeconds * 2 ** this.retryCount, maxSeconds) * 1000;
  }

  private waitUntil(time: number): void {
    this.state = 'retry';
    this.dueAt = time;
    this.holder = undefined;
  }
}

function isUnfinished({ state }: MemoryJob): boolean {
  return state !== 'completed';
}
