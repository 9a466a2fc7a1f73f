import { callWithoutStores } from '../util/call-in-context.js';
import type { FleetDatabase } from './fleet-database.js';
import { toKeyText, type JobKey } from './job-reader.js';
import { deleteOldProgress, storeProgress, type JobProgress } from './progress-table.js';

/** The shortest time between two writes, and between two deletions of old progress, in ms. */
const [writeMs, deleteMs] = [250, 60_000];
/** The maximum number of jobs in one statement. */
const maxBatch = 500;

/** The last progress of a job, which is not stored yet. */
interface Report {
  readonly progress: JobProgress;
  readonly onStored: () => void;
}

/** Stores the last progress of the jobs of this process: that of all jobs together, at most every 250 ms. */
export class ProgressWriter {
  private readonly database: FleetDatabase;
  private waiting = new Map<string, Report>();
  private current: readonly Report[] = [];
  private writing: Promise<void> | undefined = undefined;
  private timer: NodeJS.Timeout | undefined = undefined;
  private lastWriteAt = -Infinity;
  private lastDeleteAt = -Infinity;

  constructor(database: FleetDatabase) {
    this.database = database;
  }

  /** Stores a progress soon, unless a later one of the same job replaces it. */
  add(progress: JobProgress, onStored: () => void): void {
    this.waiting.set(toKeyText(progress), { progress, onStored });
    this.schedule();
  }

  /** Drops the progress of a job that nobody reads any more. */
  drop(key: JobKey): void {
    this.waiting.delete(toKeyText(key));
    if (this.waiting.size === 0) this.stopTimer();
  }

  /** Stores the last progress of a job now. Returns undefined if it is stored. */
  settle(key: JobKey): Promise<void> | undefined {
    const text = toKeyText(key);
    // Not until all progress is stored: other jobs may report some during each write.
    if (this.waiting.has(text)) return this.startWhile(() => this.waiting.has(text));
    return this.current.some(({ progress }) => toKeyText(progress) === text) ? this.writing : undefined;
  }

  /** Stores all progress now. */
  flush(): Promise<void> {
    return this.startWhile(() => this.waiting.size > 0 || this.writing !== undefined);
  }

  private async startWhile(isNeeded: () => boolean): Promise<void> {
    while (isNeeded()) await this.start();
  }

  private schedule(): void {
    if (this.timer || this.writing || this.waiting.size === 0) return;
    const waitMs = Math.max(0, this.lastWriteAt + writeMs - performance.now());
    this.timer = callWithoutStores(() => setTimeout(() => void this.start(), waitMs));
  }

  private start(): Promise<void> {
    this.stopTimer();
    return (this.writing ??= callWithoutStores(() => this.write()));
  }

  private stopTimer(): void {
    clearTimeout(this.timer);
    this.timer = undefined;
  }

  private async write(): Promise<void> {
    this.lastWriteAt = performance.now();
    const batch = [...this.waiting].slice(0, maxBatch);
    for (const [text] of batch) this.waiting.delete(text);
    this.current = batch.map(([, report]) => report);
    try {
      await this.store(this.current);
      if (this.lastWriteAt - this.lastDeleteAt > deleteMs) {
        this.lastDeleteAt = this.lastWriteAt;
        this.database.runInBackground(deleteOldProgress(this.database));
      }
    } finally {
      this.current = [];
      this.writing = undefined;
      this.schedule();
    }
  }

  /** Stores a batch. If the server refuses it, each half by itself. */
  private async store(reports: readonly Report[]): Promise<void> {
    try {
      await storeProgress(
        this.database,
        reports.map(({ progress }) => progress),
      );
      for (const { onStored } of reports) onStored();
    } catch (error) {
      const half = reports.length >> 1;
      if (half === 0 || this.database.closing) return this.database.report(error);
      await this.store(reports.slice(0, half));
      await this.store(reports.slice(half));
    }
  }
}
