import type { SchedulerLike } from 'rxjs';
import type { AttemptResult, WrittenResult } from '../fleet/attempt-results.js';
import { JobCancelledError, JobLostError, type JobFailure } from '../fleet/errors.js';
import type { Claim } from '../fleet/job-store.js';
import { fromStored, type StoredOptions } from '../fleet/queue-options.js';
import { toPolicy, type QueuePolicy } from '../fleet/queue-policy.js';
import type { GroupState, JobEvent, JobState } from '../fleet/queue-types.js';
import type { QueueState } from '../fleet/types.js';
import type { WorkerLimits } from '../fleet/worker-options.js';
import { MemoryClaims } from './memory-claims.js';
import { MemoryInsertions, type Insertion } from './memory-insertions.js';
import { MemoryJob } from './memory-job.js';

/** The time for which the state of a queue counts ended jobs, in ms. */
const endedMs = 60_000;

/** The part of a fleet in memory that its tables use. */
export interface MemoryTables {
  readonly scheduler: SchedulerLike;
  /** The name of the first process. */
  readonly name: string;
  /** The number of the next job. */
  nextNumber(): number;
  /** Returns the table of a queue. */
  table(queue: string): MemoryTable;
  emit(event: JobEvent): void;
}

/** A job whose last attempt has failed. */
export interface MemoryDeadLetter {
  readonly id: string;
  readonly job: MemoryJob;
  readonly failure: JobFailure;
  readonly at: number;
}

/** The jobs of a queue, for all processes. */
export class MemoryTable {
  readonly name: string;
  /** The policy that holds for all processes. */
  policy: QueuePolicy = toPolicy({});
  readonly claims: MemoryClaims;
  readonly insertions: MemoryInsertions = new MemoryInsertions(this);
  readonly dead: Map<string, MemoryDeadLetter> = new Map<string, MemoryDeadLetter>();
  private readonly tables: MemoryTables;
  private stored: StoredOptions = {};
  private readonly jobs = new Map<string, MemoryJob>();
  /** The jobs that have not ended. */
  private readonly open = new Set<MemoryJob>();

  constructor(tables: MemoryTables, name: string) {
    this.tables = tables;
    this.name = name;
    this.claims = new MemoryClaims(tables.scheduler, this.open);
  }

  /** Stores the options that are given. */
  apply(options: StoredOptions): void {
    this.stored = { ...this.stored, ...options };
    this.policy = toPolicy(fromStored(this.stored));
    this.insertions.admit();
  }

  /** The jobs that may start. */
  get dueJobs(): readonly MemoryJob[] {
    const now = this.now();
    return [...this.open].filter((job) => job.isDue(now));
  }

  /** Returns the last of the waiting jobs with a key. */
  waitingJob(key: string): MemoryJob | undefined {
    let last: MemoryJob | undefined;
    for (const job of this.open)
      if (job.waits && job.parts.options.key === key && !(last && last.parts.number > job.parts.number)) last = job;
    return last;
  }

  now(): number {
    return this.tables.scheduler.now();
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

  create({ data, options, dependencies }: Pick<Insertion, 'data' | 'options' | 'dependencies'>): MemoryJob {
    const { delay = 0 } = options;
    const [number, createdAt] = [this.tables.nextNumber(), this.now()];
    const dueAt = delay instanceof Date ? delay.getTime() : createdAt + delay;
    const { name: queue, policy } = this;
    const id = toJobId(number);
    const job = new MemoryJob({ id, number, queue, data, options, policy, createdAt, dueAt, dependencies });
    this.jobs.set(id, job);
    this.open.add(job);
    return job;
  }

  onCreated(job: MemoryJob): void {
    this.publish(job);
    this.failIfUnmet(job);
  }

  /** Claims the job that starts next, if there is one. */
  claim(limits: WorkerLimits): MemoryJob | undefined {
    const job = this.claims.claim(limits);
    if (job) this.insertions.admit();
    return job;
  }

  /**
   * Settles an attempt.
   *
   * @param onWritten gets the result before all that the end of the job causes, or undefined if the job has another
   * claim.
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

  /** Cancels a job for a process. Returns whether the job had not ended. */
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
    if (!job?.waits || job.blocked || job.dueAt <= now) return false;
    job.dueAt = now;
    this.publish(job);
    return true;
  }

  retry(id: string): boolean {
    const job = this.get(id);
    if (job?.state !== 'failed' && job?.state !== 'cancelled') return false;
    for (const letter of this.dead.values()) if (letter.job === job) this.dead.delete(letter.id);
    job.retry(this.now());
    this.open.add(job);
    this.publish(job);
    this.onDependency(job);
    return true;
  }

  remove(id: string): boolean {
    const job = this.get(id);
    if (!job || job.state === 'active') return false;
    this.delete(job);
    return true;
  }

  /** Submits a dead letter again, as a new job. */
  redrive({ id, job }: MemoryDeadLetter): void {
    this.dead.delete(id);
    this.publish(this.create(job.copy()));
  }

  state(): QueueState {
    const now = this.now();
    const waiting = [...this.open].filter(({ waits }) => waits).length;
    const isIn = (state: JobState['state']) => (job: MemoryJob) => job.stateAt(now) === state;
    const open = (state: JobState['state']) => [...this.open].filter(isIn(state)).length;
    const recent = [...this.jobs.values()].filter((job) => job.endedSince(now - endedMs));
    const due = this.dueJobs.map(({ dueAt }) => dueAt);
    const { paused } = this.claims;
    return {
      name: this.name,
      waiting,
      delayed: open('delayed'),
      blocked: open('blocked'),
      retrying: open('retrying'),
      running: this.open.size - waiting,
      dead: this.dead.size,
      ended: {
        completed: recent.filter(isIn('completed')).length,
        failed: recent.filter(isIn('failed')).length,
        ms: endedMs,
      },
      ...(due.length > 0 && { oldestMs: now - Math.min(...due) }),
      ...(paused && { paused }),
    };
  }

  /** Counts the jobs of the groups that have the most of them. */
  groups(limit: number): GroupState[] {
    const groups = new Map<string, { waiting: number; running: number }>();
    for (const { group, waits, blocked } of this.open) {
      if (group === undefined || blocked) continue;
      const counts = groups.get(group) ?? { waiting: 0, running: 0 };
      counts[waits ? 'waiting' : 'running']++;
      groups.set(group, counts);
    }
    return Array.from(groups, ([group, counts]) => ({ group, ...counts }))
      .sort((a, b) => b.waiting + b.running - a.waiting - a.running || (a.group < b.group ? -1 : 1))
      .slice(0, limit);
  }

  private write(job: MemoryJob, result: AttemptResult): WrittenResult {
    const now = this.now();
    if ('output' in result) {
      job.output = result.json;
      this.end(job, 'completed');
      return result;
    }
    if ('released' in result) {
      job.release(now);
      return { failure: result.released, outcome: 'retrying' };
    }
    const { failure, final = false } = result;
    if (job.fail(failure, final, now)) return { failure, outcome: 'retrying' };
    this.end(job, 'failed');
    const letter = { id: toJobId(this.tables.nextNumber()), job, failure, at: now };
    this.dead.set(letter.id, letter);
    return { failure, outcome: 'failed' };
  }

  /** Notifies all that a change of a job concerns. */
  private publish(job: MemoryJob): void {
    if (job.waits && !job.deleted) this.claims.notifyOf(job);
    else job.end.next(undefined);
    for (const dependent of job.dependents) this.tables.table(dependent.parts.queue).onDependency(dependent);
    // The job may have kept others of its group waiting.
    if (job.group !== undefined) this.claims.notify();
    this.insertions.admit();
  }

  private end(job: MemoryJob, state: 'completed' | 'failed' | 'cancelled'): void {
    job.setEnd(state, this.now());
    this.open.delete(job);
  }

  private delete(job: MemoryJob): void {
    job.deleted = true;
    this.jobs.delete(job.id);
    this.open.delete(job);
    this.publish(job);
  }

  /** Examines a blocked job after one of its dependencies has changed. */
  private onDependency(job: MemoryJob): void {
    if (!job.waits || !job.blocked || job.deleted) return;
    if (job.unblock(this.now())) this.claims.notifyOf(job);
    else this.failIfUnmet(job);
  }

  /** Fails a job one of whose dependencies has ended without completing. */
  private failIfUnmet(job: MemoryJob): void {
    const failure = job.parts.dependencies.map((dependency) => dependency.failureOfDependents).find(Boolean);
    if (!failure || !job.waits) return;
    job.failure = failure;
    this.end(job, 'failed');
    const by = this.tables.name;
    this.tables.emit({ queue: this.name, job: job.id, at: this.now(), by, type: 'failed', attempt: 1, failure });
    this.publish(job);
  }
}

/** Returns the id of a job with a number: the same in each run of a test. */
function toJobId(number: number): string {
  return `00000000-0000-4000-8000-${String(number).padStart(12, '0')}`;
}
