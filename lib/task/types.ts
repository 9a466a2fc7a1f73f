import type { InteropObservable, Observable, ReadableStreamLike } from 'rxjs';
import type { CancelFunc, Context, RunContext } from '../context/types.js';
import type { Phase, TaskError } from '../errors/errors.js';
import type { AskedBy } from './by-whom.js';

/** A source of values over time. */
export type TaskStream<T> = Observable<T> | InteropObservable<T> | AsyncIterable<T> | ReadableStreamLike<T>;

/**
 * The output of a hook. Asynchronous output is flattened: a stream into its values, a promise into its value or its
 * stream's values. Anything else is one value, including an array, a string, and `undefined`.
 */
export type TaskOutput<T> = TaskStream<T> | PromiseLike<TaskStream<T> | T> | T;

/** Work with a name. */
export interface SimpleTask<T = unknown> {
  /**
   * Does the work. When the run is cancelled, an Observable is unsubscribed; other work should react to `ctx`.
   *
   * @param cancel the function that `start` was given: it usually cancels the whole application. Without one, it
   * cancels this run alone.
   */
  execute(ctx: RunContext, cancel: CancelFunc): TaskOutput<T>;
  /** Returns the task's name in reports, events and errors. */
  toString(): string;
  /**
   * The time that `initialize` or `execute` may take after a cancel, in ms. Default: 0 for an Observable (it is
   * unsubscribed) and for an async iterable (its `return()` is called and awaited); `Infinity` for a promise, which
   * cannot be interrupted. A result that arrives later is dropped.
   */
  readonly grace?: number | undefined;
  /**
   * The longest time that `initialize` may take, in ms. A task that takes longer fails with a `DeadlineError`, and its
   * context is cancelled; after its `grace` (here 0 by default) the run goes on to `finalize`. Default: the
   * application's `startTimeout`.
   */
  readonly startTimeout?: number | undefined;
}

/** Work that acquires and releases resources. */
export interface Task<T = unknown> extends SimpleTask<T> {
  /** Acquires what `execute` needs. The task is ready when this has completed. Its values are ignored. */
  initialize(ctx: RunContext): TaskOutput<unknown>;
  /**
   * Releases what `initialize` acquired. It is called once after each call of `initialize`, and a cancel does not
   * interrupt it.
   */
  finalize(): TaskOutput<unknown>;
}

/** The result of a run, or the reason why a join has none. */
export interface Outcome {
  /** The task's name; for a member of a group its path, such as `app/workers/b`. */
  readonly task: string;
  /** The task's runner, which tells apart two tasks of the same name. */
  readonly runner: TaskRunner;
  /**
   * The result of a run, or `timed-out` if a join or a supervisor has stopped waiting for it. `not-started`: a join or
   * its group has not started the task.
   */
  readonly status: 'completed' | 'cancelled' | 'failed' | 'timed-out' | 'not-started';
  /** The first error of the run. Its `suppressed` has the later ones. */
  readonly error?: TaskError;
  /** The time of the start by the context's scheduler, in ms. */
  readonly startedAt?: number;
  /** The time of the end by the context's scheduler, in ms. */
  readonly endedAt?: number;
  /** The time at which a child of a group, an application or a run was cancelled or began to finalize, in ms. */
  readonly stoppingAt?: number;
  /** The hook that was running when the run timed out. */
  readonly phase?: Phase;
  /**
   * The outcomes of a group's members, in their order; members after a failed one may be `not-started`. Of any other
   * task: the outcomes of the children that were running when it began to stop.
   */
  readonly members?: readonly Outcome[];
  /** The number of runs that were started under the run's context, and of those that failed. */
  readonly children?: { readonly started: number; readonly failed: number };
  /** The slots of a cron so far. */
  readonly slots?: SlotHistory;
  /** Whether the task is optional, so that its failure leaves the report clean. */
  readonly optional?: boolean;
}

/** The end of one slot of a cron. */
export interface SlotOutcome {
  /** The time at which the slot was due, in ms; of a triggered run, the time of the call. */
  readonly slot: number;
  /** The reason for the slot: the schedule, a slot of it that was missed and is run late, or a call of `trigger`. */
  readonly trigger: 'schedule' | 'missed' | 'manual';
  /** The result. A slot that is `skipped` has never run. */
  readonly status: 'completed' | 'failed' | 'cancelled' | 'skipped';
  /** Why a slot was skipped: the `reason` of its event. */
  readonly reason?: string;
  readonly error?: TaskError;
  /** The time at which the run started, in ms. */
  readonly startedAt?: number;
  /** The time at which the run ended, in ms. */
  readonly endedAt?: number;
}

/** The slots of a cron so far, over all its runs. */
export interface SlotHistory {
  /** The number of runs that have ended, triggered ones included. */
  readonly runs: number;
  /** The number of those that failed. */
  readonly failures: number;
  /** The number of slots that were skipped. */
  readonly skipped: number;
  /** The number of slots that were missed and never run. */
  readonly missed: number;
  /** The last run that has ended. */
  readonly last?: SlotOutcome;
}

/** An event of a run, at the time when it happens. */
export type TaskEvent = {
  readonly task: string;
  readonly runId: number;
  /** The time by the context's scheduler, in ms. */
  readonly at: number;
} & TaskEventDetail;

/** The properties of each type of {@link TaskEvent} besides its task, run and time. */
export type TaskEventDetail =
  /** `initialize` is about to be called. */
  | { readonly type: 'initializing' }
  /** `initialize` has completed; `execute` is next. */
  | { readonly type: 'ready' }
  /** A group got a member, under a key, and starts it. */
  | ({ readonly type: 'added'; readonly key: string } & AskedBy)
  /** A member of a group is cancelled, because it was removed or replaced. */
  | ({ readonly type: 'removed'; readonly key: string } & AskedBy)
  /** The hook `initialize` or `execute` has failed. The task is no longer ready, and `finalize` is next. */
  | { readonly type: 'failed'; readonly phase: Phase; readonly error: TaskError }
  /** A cron runs the slot that was due at `slot` (ms). */
  | { readonly type: 'slot-started'; readonly slot: number }
  /**
   * A cron drops a slot: because a run overlaps with it, because its coordinator refused the slot, because its
   * coordinator failed (with the `error`), or because the cron ended before the slot's turn.
   */
  | {
      readonly type: 'skipped';
      readonly slot: number;
      readonly reason: 'overlap' | 'refused' | 'coordinator' | 'ended';
      readonly error?: unknown;
    }
  /** A slot of a cron has not started within its tolerance: it still waits `lateBy` ms after it was due. */
  | { readonly type: 'overdue'; readonly slot: number; readonly lateBy: number }
  /**
   * `count` slots of a cron, beginning with `slot`, passed while the process could not run them. With the reason
   * `'paused'`: while the cron was paused.
   */
  | { readonly type: 'missed'; readonly slot: number; readonly count: number; readonly reason?: 'paused' }
  /** A run of a cron was requested, with `slot` as the time of the request. */
  | ({ readonly type: 'triggered'; readonly slot: number } & AskedBy)
  /** A cron was paused, or was started while it was paused. */
  | ({ readonly type: 'paused' } & AskedBy)
  /** A paused cron goes on. */
  | ({ readonly type: 'resumed' } & AskedBy)
  /** A cron goes by another schedule from now on. `nextAt` is its next slot, if there is one. */
  | ({ readonly type: 'rescheduled'; readonly nextAt?: number } & AskedBy)
  /** An `action` was performed on a `target` that is not a task, such as a job of a queue. */
  | ({ readonly type: 'operated'; readonly action: string; readonly target: string; readonly count?: number } & AskedBy)
  /**
   * A supervised run has ended or failed (with the `error`), and restarts `delay` ms after that, or when it has
   * finalized if that takes longer. `restart` is the number of restarts since the supervised run began, this one
   * included.
   */
  | { readonly type: 'restarting'; readonly restart: number; readonly delay: number; readonly error?: TaskError }
  /** A restart of a supervised task was requested, which ends its run, or the delay before its next one. */
  | ({ readonly type: 'restart-requested' } & AskedBy)
  /** The run of one slot failed. */
  | { readonly type: 'slot-failed'; readonly slot: number; readonly error: TaskError }
  /**
   * The run was cancelled before `execute` had ended. With a `slot`: the run of that slot of a cron was cancelled,
   * because its coordinator revoked the lease or failed (with the `error`).
   */
  | { readonly type: 'cancelling'; readonly cause: unknown; readonly slot?: number; readonly error?: unknown }
  /** `finalize` is about to be called. */
  | { readonly type: 'finalizing' }
  /** A hook settled, or emitted a value, after its grace or after a join's timeout. The result was dropped. */
  | { readonly type: 'result-dropped'; readonly phase: Phase; readonly slot?: number; readonly error?: TaskError }
  /**
   * A teardown threw that is not the task's own: of a coordinator's lease, a subscriber, an async iterator, or an
   * instrumentation. The run goes on.
   */
  | { readonly type: 'teardown-failed'; readonly error: unknown; readonly slot?: number }
  /** A function among the options threw, or returned a wrong value. The library has gone on without it. */
  | { readonly type: 'option-failed'; readonly option: string; readonly error: unknown }
  /** A future under the run's context has failed, and was neither awaited nor subscribed to. */
  | { readonly type: 'future-failed'; readonly error: unknown }
  /** The run has ended. */
  | { readonly type: 'done'; readonly outcome: Outcome };

/**
 * Runs one task, one run at a time. `done$` and `ready$` refer to the current run, or else to the last one, or else to
 * the next. Late subscribers get the answer immediately.
 */
export interface TaskRunner<T = unknown> {
  /**
   * Returns the task as a cold Observable of the values of `execute`. Each subscription is a run: initialize → execute
   * → finalize. The Observable completes after `finalize`. It errors with a `TaskError` when a hook failed, and with an
   * `AlreadyRunningError` during a run.
   *
   * Unsubscribing cancels the run. Its grace and `finalize` continue in the background, and `done$` emits at their end.
   * An error in the background that no listener receives is written with `console.error`.
   *
   * @param ctx cancelling it cancels the run. A cancelled run completes, because a cancel is not an error. Default:
   * `background`.
   * @param cancel the function that the hooks get to cancel the application. Default: it cancels only this run.
   * @throws TypeError when `ctx` is neither a context nor an AbortSignal.
   */
  start(ctx?: Context | AbortSignal, cancel?: CancelFunc): Observable<T>;
  /** Emits the outcome and completes. Never errors. Like Go's `Done()`. */
  readonly done$: Observable<Outcome>;
  /**
   * Emits after `initialize` has completed, and completes. If the run fails or ends first, completes without a value.
   */
  readonly ready$: Observable<void>;
  /** The values of all runs, for listeners that do not own a run. Hot; never errors and never completes. */
  readonly results$: Observable<T>;
  /** The events of all runs. Hot; never errors and never completes. Without a subscriber no event is created. */
  readonly events$: Observable<TaskEvent>;
  readonly status: 'idle' | 'initializing' | 'running' | 'finalizing' | 'done';
  /** Returns the task's name. */
  toString(): string;
}
