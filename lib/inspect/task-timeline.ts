import type { RecordedError, RecordedEvent, RecordedOutcome } from '../recording/types.js';
import { keepLast } from './keep-last.js';

/** A period in the life of a task. */
export interface Span {
  readonly from: number;
  /** Absent while the span lasts. */
  readonly to?: number;
  readonly kind: 'initializing' | 'running' | 'finalizing' | 'waiting';
}

/** A moment in the life of a task. */
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

/** The history of one task, or of all tasks with the same path. */
export interface TaskRow {
  /** The task's path. */
  readonly task: string;
  /** `waiting` is the time between a failed run and its restart. */
  readonly status: 'idle' | Span['kind'] | RecordedOutcome['status'];
  /** When `status` last changed. */
  readonly since: number;
  /** The last spans, in the order of time. */
  readonly spans: readonly Span[];
  /** The last marks, in the order of their events. A failure is reported after `finalize`. */
  readonly marks: readonly Mark[];
  readonly restarts: number;
  readonly slotsStarted: number;
  /** Failures of the task and of the runs of a cron. */
  readonly failures: number;
  readonly lastError?: RecordedError;
}

/** Builds the row of one task from its events. */
export class TaskTimeline implements TaskRow {
  readonly task: string;
  status: TaskRow['status'] = 'idle';
  since: number;
  readonly spans: { from: number; to?: number; kind: Span['kind'] }[] = [];
  readonly marks: Mark[] = [];
  restarts = 0;
  slotsStarted = 0;
  failures = 0;
  lastError?: RecordedError;
  dropped = 0;
  private readonly limit: () => number;
  /** The number of tasks with this path that have begun and not ended. */
  private activeTasks = 0;
  /** Whether the task that began last has emitted `initializing`. */
  private hasInitialize = false;

  /** @param limit returns the number of spans, and of marks, to keep. */
  constructor(task: string, since: number, limit: () => number) {
    this.task = task;
    this.since = since;
    this.limit = limit;
  }

  /** @param start when the task began, if the events of its beginning are missing. */
  add(event: RecordedEvent, at: number, start: number): void {
    const { type, error } = event;
    if (error) this.lastError = error;
    switch (type) {
      case 'initializing':
        if (this.status !== 'waiting') this.begin(true);
        this.startSpan('initializing', at);
        break;
      case 'ready':
        if (this.activeTasks > 0 && this.status === 'running') {
          // A group emits `ready` again when a member does. A task without `initialize` begins with `ready`,
          // so this is a second task with the same path.
          if (!this.hasInitialize) this.activeTasks++;
          break;
        }
        if (this.activeTasks === 0) this.begin(false);
        this.startSpan('running', at);
        break;
      case 'finalizing':
        this.beginIfIdle(start);
        this.startSpan('finalizing', at);
        break;
      case 'restarting':
        this.beginIfIdle(start);
        this.restarts++;
        this.addFailure(event, error, at);
        this.addMark('restarting', event, at);
        this.startSpan('waiting', at);
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
        this.beginIfIdle(start);
        if (type === 'slot-started') this.slotsStarted++;
        if (type === 'slot-failed') this.failures++;
        this.addMark(type, event, at);
        break;
      case 'result-dropped':
        this.addMark(type, event, at);
        break;
      default:
    }
  }

  /** Applies the outcome of the shutdown if the task has not ended, or has not begun. */
  applyOutcome(status: RecordedOutcome['status'], error: RecordedError | undefined, at: number): void {
    if (this.isActive || this.status === 'idle' || status === 'timed-out') {
      if (error) this.lastError = error;
      this.endSpan(at);
      this.setStatus(status, at);
    }
    this.activeTasks = 0;
  }

  /** Whether the task has begun and not ended. */
  get isActive(): boolean {
    return this.activeTasks > 0;
  }

  private end(event: RecordedEvent, at: number, start: number): void {
    const { status = 'completed', error } = event.outcome ?? {};
    // A task that was cancelled before its start emits no other event.
    if (status !== 'cancelled') this.beginIfIdle(start);
    this.activeTasks = Math.max(0, this.activeTasks - 1);
    if (error) this.addFailure(event, error, at);
    else this.addMark('done', event, at);
    // Another task with this path is still active.
    if (this.activeTasks > 0) return;
    this.endSpan(at);
    this.setStatus(status, at);
  }

  private addFailure(event: RecordedEvent, error: RecordedError | undefined, at: number): void {
    if (!error) return;
    this.lastError = error;
    this.failures++;
    const last = this.spans.at(-1);
    const isBeforeFinalize = last?.kind === 'finalizing' && last.to === undefined && error.phase !== 'finalize';
    this.addMark('failed', event, isBeforeFinalize ? last.from : at);
  }

  private begin(hasInitialize: boolean): void {
    this.activeTasks++;
    this.hasInitialize = hasInitialize;
  }

  private beginIfIdle(start: number): void {
    if (this.status !== 'idle') return;
    // The task may be a group, which emits `ready` more than once.
    this.begin(true);
    this.startSpan('running', start);
  }

  private startSpan(kind: Span['kind'], at: number): void {
    this.endSpan(at);
    this.dropped += keepLast(this.spans, { from: at, kind }, this.limit());
    this.setStatus(kind, at);
  }

  private endSpan(at: number): void {
    const last = this.spans.at(-1);
    if (last && last.to === undefined) last.to = at;
  }

  private setStatus(status: TaskRow['status'], at: number): void {
    this.status = status;
    this.since = at;
  }

  private addMark(kind: Mark['kind'], event: RecordedEvent, at: number): void {
    this.dropped += keepLast(this.marks, { at, kind, event }, this.limit());
  }
}
