import type { RecordedError, RecordedEvent, RecordedOutcome } from '../recording/recorded.js';
import { keepLast } from './keep-last.js';

/** What a task was doing for a time. */
export interface Span {
  readonly from: number;
  /** Until now, when there is none. */
  readonly to?: number;
  readonly kind: 'initializing' | 'running' | 'finalizing' | 'waiting';
}

/** What happened to a task at a moment. */
export interface Mark {
  readonly at: number;
  readonly kind:
    | 'slot-started'
    | 'slot-failed'
    | 'skipped'
    | 'missed'
    | 'overdue'
    | 'restarting'
    | 'result-dropped'
    | 'cancelling'
    | 'failed'
    | 'done';
  readonly event: RecordedEvent;
}

/** What has happened to one task; to all of them, when several have one name. */
export interface Row {
  /** Its path. */
  readonly task: string;
  /** `waiting` is between a life and its restart. */
  readonly status: 'idle' | Span['kind'] | RecordedOutcome['status'];
  /** When its status became what it is. */
  readonly since: number;
  /** In the order of time. The last ones. */
  readonly spans: readonly Span[];
  /** In the order in which they were told; a failure is told when `finalize` is over. The last ones. */
  readonly marks: readonly Mark[];
  readonly restarts: number;
  readonly ticks: number;
  /** Of the task and of the runs of a cron. */
  readonly failures: number;
  readonly lastError?: RecordedError;
}

/** A row that fills. */
export class Track implements Row {
  readonly task: string;
  status: Row['status'] = 'idle';
  since: number;
  readonly spans: { from: number; to?: number; kind: Span['kind'] }[] = [];
  readonly marks: Mark[] = [];
  restarts = 0;
  ticks = 0;
  failures = 0;
  lastError?: RecordedError;
  dropped = 0;
  private readonly limit: () => number;
  /** How many tasks of this name have begun and not ended. */
  private lives = 0;
  /** Whether the one that began last has told that it initializes. */
  private initialized = false;

  /** @param limit how many spans, and how many marks, it may keep now. */
  constructor(task: string, since: number, limit: () => number) {
    this.task = task;
    this.since = since;
    this.limit = limit;
  }

  /** @param start when it must have been under way already, should its beginning not have been told. */
  add(event: RecordedEvent, at: number, start: number): void {
    const { type, error } = event;
    if (error) this.lastError = error;
    switch (type) {
      case 'initializing':
        if (this.status !== 'waiting') this.begin(true);
        this.enter('initializing', at);
        break;
      case 'ready':
        if (this.lives > 0 && this.status === 'running') {
          // A group is ready again when a member is; what has no `initialize` begins with it, so that it is another of that name.
          if (!this.initialized) this.lives++;
          break;
        }
        if (this.lives === 0) this.begin(false);
        this.enter('running', at);
        break;
      case 'finalizing':
        this.beginBefore(start);
        this.enter('finalizing', at);
        break;
      case 'restarting':
        this.beginBefore(start);
        this.restarts++;
        this.fail(event, error, at);
        this.mark('restarting', event, at);
        this.enter('waiting', at);
        break;
      case 'done':
        this.end(event, at, start);
        break;
      case 'slot-started':
      case 'slot-failed':
      case 'skipped':
      case 'missed':
      case 'overdue':
      case 'cancelling':
        this.beginBefore(start);
        if (type === 'slot-started') this.ticks++;
        if (type === 'slot-failed') this.failures++;
        this.mark(type, event, at);
        break;
      case 'result-dropped':
        this.mark(type, event, at);
        break;
      default:
    }
  }

  /** All is over: the word of the join for one that has not ended, or not begun. */
  settle(status: RecordedOutcome['status'], error: RecordedError | undefined, at: number): void {
    const open = this.lives > 0;
    if (open || this.status === 'idle' || status === 'timed-out') {
      if (error) this.lastError = error;
      this.close(at);
      this.become(status, at);
    }
    this.lives = 0;
  }

  /** Whether it has begun and not ended. */
  get open(): boolean {
    return this.lives > 0;
  }

  private end(event: RecordedEvent, at: number, start: number): void {
    const { status = 'completed', error } = event.outcome ?? {};
    // One that was cancelled before it began was told nothing.
    if (status !== 'cancelled') this.beginBefore(start);
    this.lives = Math.max(0, this.lives - 1);
    if (error) this.fail(event, error, at);
    else this.mark('done', event, at);
    // Another of the same name goes on.
    if (this.lives > 0) return;
    this.close(at);
    this.become(status, at);
  }

  private fail(event: RecordedEvent, error: RecordedError | undefined, at: number): void {
    if (!error) return;
    this.lastError = error;
    this.failures++;
    const last = this.spans.at(-1);
    const isBefore = last?.kind === 'finalizing' && last.to === undefined && error.phase !== 'finalize';
    this.mark('failed', event, isBefore ? last.from : at);
  }

  private begin(initialized: boolean): void {
    this.lives++;
    this.initialized = initialized;
  }

  private beginBefore(start: number): void {
    if (this.status !== 'idle') return;
    // It may be a group.
    this.begin(true);
    this.enter('running', start);
  }

  private enter(kind: Span['kind'], at: number): void {
    this.close(at);
    this.dropped += keepLast(this.spans, { from: at, kind }, this.limit());
    this.become(kind, at);
  }

  private close(at: number): void {
    const last = this.spans.at(-1);
    if (last && last.to === undefined) last.to = at;
  }

  private become(status: Row['status'], at: number): void {
    this.status = status;
    this.since = at;
  }

  private mark(kind: Mark['kind'], event: RecordedEvent, at: number): void {
    this.dropped += keepLast(this.marks, { at, kind, event }, this.limit());
  }
}
