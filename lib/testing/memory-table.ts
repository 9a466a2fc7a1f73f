import { Subscription, type SchedulerLike } from 'rxjs';
import type { AttemptResult, WrittenResult } from '../fleet/attempt-results.js';
import { JobCancelledError, JobDeletedError, JobLostError, type JobFailure } from '../fleet/errors.js';
import { toJobFailure } from '../fleet/job-failure.js';
import type { Claim } from '../fleet/job-store.js';
import { fromStored, mergeOptions, type StoredOptions } from '../fleet/queue-options.js';
import { toPolicy, type QueuePolicy } from '../fleet/queue-policy.js';
import type { JobEvent, QueueOptions, SubmitOptions } from '../fleet/queue-types.js';
import type { QueueState } from '../fleet/types.js';
import type { WorkerLimits } from '../fleet/worker-options.js';
import { MemoryClaims } from './memory-claims.js';
import { MemoryJob } from './memory-job.js';

/** The part of a fleet in memory that its tables use. */
export interface MemoryTables {
  readonly scheduler: SchedulerLike;
  /** The name of the first process. */
  readonly name: string;
  /** The number of the next job. */
  nextNumber(): number;
  /** Returns the queue of a job. */
  table(queue: string): MemoryTable;
  /** Returns a job of any queue. */
  find(job: string): MemoryJob | undefined;
  emit(event: JobEvent): void;
}

/** A job whose last attempt has failed. */
export interface MemoryDeadLetter {
  readonly id: string;
  readonly job: MemoryJob;
  readonly failure: JobFailure;
  readonly at: number;
}

/** A job that waits for room in a full queue. */
interface Insertion {
  readonly data: string;
  readonly options: SubmitOptions;
  /** Called with the job, or the one with its key that is in its place. */
  readonly onInserted: (job: MemoryJob, isNew: boolean) => void;
}

/** The jobs of a queue, for all processes. */
export class MemoryTable {
  readonly name: string;
  readonly claims: MemoryClaims;
  readonly dead: Map<string, MemoryDeadLetter> = new Map<string, MemoryDeadLetter>();
  /** The policy that holds for all processes. */
  policy: QueuePolicy = toPolicy({});
  private readonly tables: MemoryTables;
  private stored: StoredOptions = {};
  private readonly jobs = new Map<string, MemoryJob>();
  /** The jobs that have not ended. */
  private readonly open = new Set<MemoryJob>();
  private readonly lastOfKey = new Map<string, MemoryJob>();
  private readonly insertions = new Set<Insertion>();

  constructor(tables: MemoryTables, name: string) {
    this.tables = tables;
    this.name = name;
    this.claims = new MemoryClaims(tables.scheduler, this.open);
  }

  /** Stores the options that are given. */
  apply(options: QueueOptions): void {
    this.stored = mergeOptions(this.stored, options);
    this.policy = toPolicy(fromStored(this.stored));
    this.admit();
  }

  /** Whether more jobs may wait, those with a delay not counted. */
  hasRoom(count = 1): boolean {
    const { maxWaiting } = this.policy;
    if (maxWaiting === Infinity) return true;
    const now = this.now();
    return [...this.open].filter((job) => job.isDue(now)).length + count <= maxWaiting;
  }

  /** Inserts a job as soon as there is room. */
  insert(insertion: Insertion): Subscription {
    this.insertions.add(insertion);
    this.admit();
    return new Subscription(() => this.insertions.delete(insertion));
  }

  get(id: string): MemoryJob | undefined {
    const job = this.jobs.get(id);
    if (job && job.keptUntil <= this.now()) this.delete(job);
    return this.jobs.get(id);
  }

  /** Returns the jobs, the oldest first. */
  all(): MemoryJob[] {
    return [...this.jobs.keys()].map((id) => this.get(id)).filter((job) => job !== undefined);
  }

  /** Claims the job that starts next, if there is one. */
  claim(limits: WorkerLimits): MemoryJob | undefined {
    const job = this.claims.claim(limits);
    if (job) this.admit();
    return job;
  }

  /**
   * Settles an attempt.
   *
   * @param onWritten gets the result before all that the end of the job causes, or undefined if the claim is no more
   * the job's current one.
   */
  settle(claim: Claim, result: AttemptResult, onWritten: (written: WrittenResult | undefined) => void): void {
    const job = this.jobs.get(claim.id);
    if (job?.state !== 'active' || job.retryCount !== claim.retryCount) return onWritten(undefined);
    onWritten(this.write(job, result));
    this.publish(job);
  }

  /** Fails an attempt whose process gives no sign of life, unless it has ended. */
  lose(job: MemoryJob, claim: Claim): void {
    const { holder } = job;
    const failure = { name: 'Error', message: 'job heartbeat timeout' };
    this.settle(claim, { failure }, (written) => written && holder?.abandon(new JobLostError(this.name, job.id)));
  }

  /** Returns whether the job had not ended. */
  cancel(id: string, by: string): boolean {
    const job = this.jobs.get(id);
    if (!job || !this.open.has(job)) return false;
    const { holder } = job;
    this.end(job, 'cancelled');
    holder?.abandon(new JobCancelledError(this.name, id));
    this.tables.emit({ queue: this.name, job: id, at: this.now(), by, type: 'cancelled' });
    this.publish(job);
    return true;
  }

  promote(id: string): boolean {
    const job = this.jobs.get(id);
    const now = this.now();
    if (!job?.waits || job.dueAt <= now) return false;
    job.dueAt = now;
    this.publish(job);
    return true;
  }

  retry(id: string): boolean {
    const job = this.get(id);
    if (job?.state !== 'failed' && job?.state !== 'cancelled') return false;
    for (const letter of this.dead.values()) if (letter.job === job) this.dead.delete(letter.id);
    // The next attempt is the last one.
    job.retryLimit = job.startedAt === undefined ? job.retryCount : job.retryCount + 1;
    Object.assign(job, { state: 'retry', dueAt: this.now(), endedAt: undefined });
    this.open.add(job);
    this.publish(job);
    this.failIfUnmet(job, (dependency) => !dependency || dependency.deleted);
    return true;
  }

  remove(id: string): boolean {
    const job = this.get(id);
    if (!job || job.state === 'active') return false;
    this.delete(job);
    return true;
  }

  /** Submits a dead letter again, as a new job. */
  redrive(id: string): boolean {
    const letter = this.dead.get(id);
    if (!letter) return false;
    this.dead.delete(id);
    const { data, options } = letter.job.parts;
    const { priority, key, group } = options;
    this.publish(this.create(data, { priority, key, group }));
    return true;
  }

  state(): QueueState {
    const now = this.now();
    const open = [...this.open];
    const due = open.filter((job) => job.isDue(now)).map(({ dueAt }) => dueAt);
    const { paused } = this.claims;
    return {
      name: this.name,
      waiting: open.filter(({ waits }) => waits).length,
      running: open.filter(({ waits }) => !waits).length,
      dead: this.dead.size,
      ...(due.length > 0 && { oldestMs: now - Math.min(...due) }),
      ...(paused && { paused }),
    };
  }

  private now(): number {
    return this.tables.scheduler.now();
  }

  private write(job: MemoryJob, result: AttemptResult): WrittenResult {
    job.holder = undefined;
    const now = this.now();
    if ('output' in result) {
      job.output = JSON.stringify(result.output);
      this.end(job, 'completed');
      return result;
    }
    if ('released' in result) {
      job.retryLimit++;
      Object.assign(job, { state: 'retry', dueAt: now });
      return { failure: result.released, outcome: 'retrying' };
    }
    const { failure, final = false } = result;
    job.failure = failure;
    if (!final && job.retryCount < job.retryLimit) {
      Object.assign(job, { state: 'retry', dueAt: now + job.backoffMs });
      return { failure, outcome: 'retrying' };
    }
    this.end(job, 'failed');
    const letter = { id: toJobId(this.tables.nextNumber()), job, failure, at: now };
    this.dead.set(letter.id, letter);
    return { failure, outcome: 'failed' };
  }

  /** Notifies all that a change of a job concerns. */
  private publish(job: MemoryJob): void {
    if (job.waits && !job.deleted) this.claims.notifyOf(job);
    else job.end.next(undefined);
    for (const dependent of job.dependents) this.tables.table(dependent.parts.queue).onDependency(dependent, job);
    // The job may have kept others of its group waiting.
    if (job.group !== undefined) this.claims.notify();
    this.admit();
  }

  /** Inserts the jobs for which there is room. */
  private admit(): void {
    for (const insertion of this.insertions) {
      if (!this.hasRoom()) return;
      this.insertions.delete(insertion);
      const { data, options, onInserted } = insertion;
      const known = this.knownJob(options);
      if (known) {
        onInserted(known, false);
        continue;
      }
      const job = this.create(data, options);
      onInserted(job, true);
      this.publish(job);
      this.failIfUnmet(job, (dependency) => !dependency || dependency.error !== undefined);
    }
  }

  /** Returns the job that keeps another one with its key from being inserted. */
  private knownJob({ key, keyWindow = 0 }: SubmitOptions): MemoryJob | undefined {
    const last = key === undefined ? undefined : this.lastOfKey.get(key);
    if (!last) return undefined;
    const isWithinWindow = last.parts.createdAt > this.now() - keyWindow;
    return isWithinWindow || (last.waits && !last.deleted) ? last : undefined;
  }

  private create(data: string, options: SubmitOptions): MemoryJob {
    const { delay = 0, after = [], key } = options;
    const createdAt = this.now();
    const number = this.tables.nextNumber();
    const job = new MemoryJob({
      id: toJobId(number),
      number,
      queue: this.name,
      data,
      options,
      policy: this.policy,
      createdAt,
      dueAt: delay instanceof Date ? delay.getTime() : createdAt + delay,
      dependencies: after.map((id) => this.tables.find(id)),
    });
    this.jobs.set(job.id, job);
    this.open.add(job);
    if (key !== undefined) this.lastOfKey.set(key, job);
    return job;
  }

  private end(job: MemoryJob, state: 'completed' | 'failed' | 'cancelled'): void {
    Object.assign(job, { state, endedAt: this.now(), holder: undefined });
    this.open.delete(job);
  }

  private delete(job: MemoryJob): void {
    job.deleted = true;
    this.jobs.delete(job.id);
    this.open.delete(job);
    this.publish(job);
  }

  private onDependency(dependent: MemoryJob, dependency: MemoryJob): void {
    if (!dependent.waits || dependent.deleted) return;
    if (dependency.state === 'completed') this.claims.notifyOf(dependent);
    else if (dependency.error) this.fail(dependent, dependency.failureOfDependents);
  }

  /** Fails a job one of whose dependencies will not complete. */
  private failIfUnmet(job: MemoryJob, isUnmet: (dependency: MemoryJob | undefined) => boolean): void {
    const index = job.parts.dependencies.findIndex(isUnmet);
    if (index === -1 || !job.waits) return;
    const missing = new JobDeletedError(this.name, job.parts.options.after?.[index] ?? '');
    this.fail(job, job.parts.dependencies[index]?.failureOfDependents ?? toJobFailure(missing));
  }

  /** Fails a job that has not started. */
  private fail(job: MemoryJob, failure: JobFailure): void {
    job.failure = failure;
    this.end(job, 'failed');
    this.tables.emit({
      queue: this.name,
      job: job.id,
      at: this.now(),
      by: this.tables.name,
      type: 'failed',
      attempt: 0,
      failure,
    });
    this.publish(job);
  }
}

/** Returns the id of a job with a number: the same in each run of a test. */
function toJobId(number: number): string {
  return `00000000-0000-4000-8000-${String(number).padStart(12, '0')}`;
}
