import { Subscription } from 'rxjs';
import type { QueuePolicy } from '../fleet/queue-policy.js';
import type { SubmitOptions } from '../fleet/queue-types.js';
import type { MemoryJob } from './memory-job.js';

/** A job to insert. */
export interface Insertion {
  /** JSON of the job's data. */
  readonly data: string;
  readonly options: SubmitOptions;
  readonly dependencies: readonly MemoryJob[];
  /** Called with the job, or the one with its key that is in its place. */
  readonly onInserted: (job: MemoryJob, isNew: boolean) => void;
}

/** The part of a queue that the insertions of its jobs use. */
interface InsertionTable {
  readonly policy: QueuePolicy;
  readonly dueJobs: readonly MemoryJob[];
  now(): number;
  /** Returns a waiting job with a key. */
  waitingJob(key: string): MemoryJob | undefined;
  create(insertion: Pick<Insertion, 'data' | 'options' | 'dependencies'>): MemoryJob;
  /** Notifies all that a new job concerns. */
  onCreated(job: MemoryJob): void;
}

/** The insertions of a queue's jobs: each as soon as there is room, and one with a key only while no other has it. */
export class MemoryInsertions {
  private readonly table: InsertionTable;
  private readonly waiting = new Set<Insertion>();
  private readonly lastOfKey = new Map<string, MemoryJob>();

  constructor(table: InsertionTable) {
    this.table = table;
  }

  /** Inserts a job as soon as there is room. Unsubscribing gives up waiting for that. */
  add(insertion: Insertion): Subscription {
    this.waiting.add(insertion);
    this.admit();
    return new Subscription(() => this.waiting.delete(insertion));
  }

  /** Whether more jobs may wait. */
  hasRoom(count = 1): boolean {
    const { maxWaiting } = this.table.policy;
    return maxWaiting === Infinity || this.table.dueJobs.length + count <= maxWaiting;
  }

  /** Inserts the jobs for which there is room. */
  admit(): void {
    for (const insertion of this.waiting) {
      if (!this.hasRoom()) return;
      this.waiting.delete(insertion);
      this.insert(insertion);
    }
  }

  private insert(insertion: Insertion): void {
    const { options, onInserted } = insertion;
    const known = this.knownJob(options);
    if (known) return onInserted(known, false);
    const job = this.table.create(insertion);
    if (options.key !== undefined) this.lastOfKey.set(options.key, job);
    onInserted(job, true);
    this.table.onCreated(job);
  }

  /** Returns the job that keeps another one with its key from being inserted. */
  private knownJob({ key, keyWindow }: SubmitOptions): MemoryJob | undefined {
    if (key === undefined) return undefined;
    const last = this.lastOfKey.get(key);
    const isWithinWindow = last && keyWindow && last.parts.createdAt > this.table.now() - keyWindow;
    return this.table.waitingJob(key) ?? (isWithinWindow ? last : undefined);
  }
}
