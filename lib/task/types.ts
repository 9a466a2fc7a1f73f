import type { InteropObservable, Observable, ReadableStreamLike } from 'rxjs';
import type { CancelFunc, Context, RunContext } from '../context/types.js';
import type { Phase, TaskError } from '../errors/errors.js';

/** What yields values over time. */
export type TaskStream<T> = Observable<T> | InteropObservable<T> | AsyncIterable<T> | ReadableStreamLike<T>;

/**
 * What a hook may give back. Whatever is asynchronous is flattened into its values, a promise of a stream into the
 * stream's; anything else, an array, a string or `undefined` included, is one value.
 */
export type TaskOutput<T> = TaskStream<T> | PromiseLike<TaskStream<T> | T> | T;

/** Work with a name. */
export interface SimpleTask<T = unknown> {
  /**
   * Does the work. An Observable is unsubscribed when the run is cancelled; anything else should heed `ctx`.
   *
   * @param cancel cancels the context the runner was started with: the whole application's, as a rule.
   */
  execute(ctx: RunContext, cancel: CancelFunc): TaskOutput<T>;
  /** Its name in reports, events and errors. */
  toString(): string;
  /**
   * For how many ms `initialize` or `execute` may go on after a cancel. Unless said, 0 for an Observable, which is then
   * unsubscribed, and for an async iterable, whose `return()` is then called and awaited; `Infinity` for a promise, which
   * cannot be cut: past its grace its result is dropped.
   */
  readonly grace?: number;
}

/** Work with a beginning and an end of its own. */
export interface Task<T = unknown> extends SimpleTask<T> {
  /** Acquires what `execute` needs. The task is ready when this has finished; its values are ignored. */
  initialize(ctx: RunContext): TaskOutput<unknown>;
  /** Releases it: called once whenever `initialize` was, awaited, and never cut by a cancel. */
  finalize(): TaskOutput<unknown>;
}

/** How a run ended, or why a join speaks of none. */
export interface Outcome {
  /** The task's name; of a group's member its path, as `app/workers/b`. */
  readonly task: string;
  /** Tells two tasks of one name apart. */
  readonly runner: TaskRunner;
  /** `timed-out` and `not-started` are said by a join alone. */
  readonly status: 'completed' | 'cancelled' | 'failed' | 'timed-out' | 'not-started';
  /** Why it failed; later errors of the same run are on its `suppressed`. */
  readonly error?: TaskError;
  /** In ms, by the context's scheduler. */
  readonly startedAt?: number;
  readonly endedAt?: number;
  /** When a part of a group or of an application was cancelled, or began to finalize. */
  readonly stoppingAt?: number;
  /** The hook in which it has timed out. */
  readonly phase?: Phase;
  /** How the members of a group have ended, in their order; those after one that failed may be `not-started`. */
  readonly members?: readonly Outcome[];
}

/** What happens to a task, as it happens. */
export type TaskEvent = {
  readonly task: string;
  readonly runId: number;
  /** In ms, by the context's scheduler. */
  readonly at: number;
} & TaskEventDetail;

/** What each type of {@link TaskEvent} says beyond its task, run and time. */
export type TaskEventDetail =
  /** `initialize` is about to be called. */
  | { readonly type: 'initializing' }
  /** `initialize` has finished; `execute` comes next. */
  | { readonly type: 'ready' }
  /** A cron runs the slot that was due at `slot` (ms). */
  | { readonly type: 'slot-started'; readonly slot: number }
  /**
   * A cron drops a slot: because of the run that still goes, because its coordinator refused it or, with an `error`, failed
   * to answer, or because the cron ended before its turn came.
   */
  | {
      readonly type: 'skipped';
      readonly slot: number;
      readonly reason: 'overlap' | 'refused' | 'coordinator' | 'ended';
      readonly error?: unknown;
    }
  /** A slot of a cron that is to be run has not started within its tolerance: `late` ms after it was due it still waits. */
  | { readonly type: 'overdue'; readonly slot: number; readonly lateBy: number }
  /** `count` slots of a cron, from `slot` on, passed while the process could not run them. */
  | { readonly type: 'missed'; readonly slot: number; readonly count: number }
  /**
   * A supervised run has ended, or, with an `error`, failed, and is started again in `delay` ms: for the `restart`th time since
   * the supervision began.
   */
  | { readonly type: 'restarting'; readonly restart: number; readonly delay: number; readonly error?: TaskError }
  /** The run of one slot failed. */
  | { readonly type: 'slot-failed'; readonly slot: number; readonly error: TaskError }
  /**
   * The run was cancelled before `execute` had ended; or, with a `slot`, the run of that slot of a cron was, because its
   * coordinator took the lease back or, with an `error`, failed.
   */
  | { readonly type: 'cancelling'; readonly cause: unknown; readonly slot?: number; readonly error?: unknown }
  /** `finalize` is about to be called. */
  | { readonly type: 'finalizing' }
  /** A hook settled, or yielded, after its grace or a join's deadline: what it gave was dropped. */
  | { readonly type: 'result-dropped'; readonly phase: Phase; readonly slot?: number; readonly error?: TaskError }
  /** The run is over. */
  | { readonly type: 'done'; readonly outcome: Outcome };

/**
 * Runs one task, one run at a time. `done$` and `ready$` speak of the run under way, else of the last one, else of the
 * next; late subscribers are told at once.
 */
export interface TaskRunner<T = unknown> {
  /**
   * The task as a cold Observable of what `execute` yields: each subscription is a run, initialize → execute → finalize,
   * and completes after `finalize`. It errors with a `TaskError` when a hook failed, and with an `AlreadyRunningError`
   * while a run is under way. Unsubscribing cancels the run; its grace and `finalize` go on behind it, and `done$` tells when
   * it ended. A failure that comes then, and that nobody waits for, is written with `console.error`.
   *
   * @param ctx cancelling it cancels the run. The run completes, because a cancel is no error. Unless said, `background`.
   * @param cancel what the hooks get to cancel the application with. Unless said, it cancels this run alone.
   * @throws TypeError when `ctx` is neither a context nor an AbortSignal.
   */
  start(ctx?: Context | AbortSignal, cancel?: CancelFunc): Observable<T>;
  /** Emits the outcome and completes; never errors. Go's `Done()`. */
  readonly done$: Observable<Outcome>;
  /** Emits once `initialize` has finished; completes without that when the run ends first. */
  readonly ready$: Observable<void>;
  /** What the runs emit, for those who do not own them: hot, never errors, never completes. */
  readonly results$: Observable<T>;
  /** What happens to the task, likewise. Without a subscriber no event is made. */
  readonly events$: Observable<TaskEvent>;
  readonly status: 'idle' | 'initializing' | 'running' | 'finalizing' | 'done';
  /** The task's name. */
  toString(): string;
}
