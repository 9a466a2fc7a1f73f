import type { RecordedError, RecordedEvent, RecordedOutcome } from '../recording/types.js';
import { ActiveRuns, type ActiveRun, type RunKind } from './active-runs.js';
import { keepLast } from './keep-last.js';

/** A period in the life of a task. */
export interface Span {
  readonly from: number;
  /** Absent while the span lasts. */
  readonly to?: number;
  readonly kind: RunKind;
}

/** A moment in the life of a task. */
export interface Mark {
  readonly at: number;
  readonly kind:
    | 'slot-started'
    | 'slot-failed'
    | 'skipped'
    | 'missed'
    | 'added'
    | 'removed'
    | 'triggered'
    | 'paused'
    | 'resumed'
    | 'rescheduled'
    | 'restart-requested'
    | 'operated'
    | 'overdue'
    | 'restarting'
    | 'result-dropped'
    | 'teardown-failed'
    | 'option-failed'
    | 'future-failed'
    | 'cancelling'
    | 'failed'
    | 'done';
  readonly event: RecordedEvent;
}

/** The history of one task, or of all tasks with the same path. */
export interface TaskRow {
  /** The task's path. */
  readonly task: string;
  /**
   * `waiting` is the time between a failed run and its restart. Of several active runs, a running one decides, then
   * one that is initializing.
   */
  readonly status: 'idle' | Span['kind'] | RecordedOutcome['status'];
  /** When `status` last changed. */
  readonly since: number;
  /** The last spans, in the order of time. */
  readonly spans: readonly Span[];
  /** The last marks, in the order of their events. Older recordings have a failure only after `finalize`. */
  readonly marks: readonly Mark[];
  /** The number of runs that have begun. A restart is no other run. */
  readonly runs: number;
  /** The number of runs that have begun and not ended. A task may start several of one path. */
  readonly active: number;
  readonly restarts: number;
  readonly slotsStarted: number;
  /** Failures of the task and of the runs of a cron. */
  readonly failures: number;
  readonly lastError?: RecordedError;
}

/** Builds a row from the events of its path. */
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
  runs = 0;
  private readonly limit: () => number;
  private readonly activeRuns = new ActiveRuns();

  /** @param limit returns the number of spans, and of marks, to keep. */
  constructor(task: string, since: number, limit: () => number) {
    this.task = task;
    this.since = since;
    this.limit = limit;
  }

  get active(): number {
    return this.activeRuns.size;
  }

  /** @param start when the task began, if the events of its beginning are missing. */
  add(event: RecordedEvent, at: number, start: number): void {
    const { type, error } = event;
    if (error) this.lastError = error;
    switch (type) {
      case 'initializing':
      case 'ready':
        this.begin(type, event.runId, at);
        break;
      case 'finalizing':
        this.enter('finalizing', this.runOf(event, at, start), at);
        break;
      case 'failed':
        this.addFailure(event, this.runOf(event, at, start), at);
        break;
      case 'restarting':
        this.restart(event, this.runOf(event, at, start), at);
        break;
      case 'done':
        this.end(event, at, start);
        break;
      case 'slot-started':
      case 'slot-failed':
      case 'skipped':
      case 'missed':
      case 'added':
      case 'removed':
      case 'triggered':
      case 'paused':
      case 'resumed':
      case 'rescheduled':
      case 'restart-requested':
      case 'operated':
      case 'overdue':
      case 'cancelling':
        if (this.status === 'idle') this.runOf(event, at, start);
        if (type === 'slot-started') this.slotsStarted++;
        if (type === 'slot-failed') this.failures++;
        this.addMark(type, event, at);
        break;
      case 'result-dropped':
      case 'teardown-failed':
      case 'option-failed':
      case 'future-failed':
        this.addMark(type, event, at);
        break;
      default:
    }
  }

  /** Applies the outcome of the shutdown if the task has not ended, or has not begun. */
  applyOutcome(status: RecordedOutcome['status'], error: RecordedError | undefined, at: number): void {
    if (this.active > 0 || this.status === 'idle' || status === 'timed-out') {
      if (error) this.lastError = error;
      this.endSpan(at);
      this.setStatus(status, at);
    }
    this.activeRuns.clear();
  }

  private begin(type: 'initializing' | 'ready', runId: number | undefined, at: number): void {
    const kind = type === 'ready' ? 'running' : 'initializing';
    const run = this.activeRuns.waitingFor(type, runId);
    if (run) {
      this.activeRuns.renumber(run, runId);
      return this.enter(kind, run, at);
    }
    this.runs++;
    this.activeRuns.begin(runId, kind, type === 'initializing');
    this.updateSpan(at);
  }

  /** Returns the run of an event. Begins it if the events of its beginning are missing. */
  private runOf({ runId }: RecordedEvent, at: number, start: number): ActiveRun {
    const run = this.activeRuns.of(runId);
    if (run) return run;
    this.runs++;
    // It may be a group, which emits `ready` more than once.
    const begun = this.activeRuns.begin(runId, 'running', true);
    this.updateSpan(this.status === 'idle' ? start : at);
    return begun;
  }

  private enter(kind: Span['kind'], run: ActiveRun, at: number): void {
    this.activeRuns.enter(run, kind);
    this.updateSpan(at);
  }

  private restart(event: RecordedEvent, run: ActiveRun, at: number): void {
    this.restarts++;
    if (event.error) this.addFailure(event, run, at);
    run.hasFailed = false;
    this.addMark('restarting', event, at);
    this.enter('waiting', run, at);
  }

  private end(event: RecordedEvent, at: number, start: number): void {
    const { status = 'completed', error } = event.outcome ?? {};
    if (error) this.lastError = error;
    // A task that was cancelled before its start emits no other event.
    const isUnknown = this.active === 0 && (status === 'cancelled' || this.status !== 'idle');
    const run = isUnknown ? undefined : this.runOf(event, at, start);
    if (error) this.addFailure(event, run, at);
    else this.addMark('done', event, at);
    if (run) this.activeRuns.end(run);
    if (this.active > 0) return this.updateSpan(at);
    this.endSpan(at);
    this.setStatus(status, at);
  }

  /** Adds the failure of a run, once: at its `failed` or, in older recordings, before its `finalize`. */
  private addFailure(event: RecordedEvent, run: ActiveRun | undefined, at: number): void {
    if (run?.hasFailed) return;
    if (run) run.hasFailed = true;
    this.failures++;
    const { phase } = event.error ?? event.outcome?.error ?? {};
    const last = this.spans.at(-1);
    const isBeforeFinalize = last?.kind === 'finalizing' && last.to === undefined && phase !== 'finalize';
    this.addMark('failed', event, isBeforeFinalize ? last.from : at);
  }

  /** Begins another span if the active runs together have another kind. */
  private updateSpan(at: number): void {
    const { kind } = this.activeRuns;
    if (kind && kind !== this.status) this.startSpan(kind, at);
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
