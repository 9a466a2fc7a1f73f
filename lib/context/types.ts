import type { Observable, SchedulerLike } from 'rxjs';
import type { Phase, TaskError } from '../errors/errors.js';
import type { TraceFields } from './trace-fields.js';

/**
 * A cancellation signal for work, after Go's `context.Context`. A cancel flows down only: a context is cancelled by its
 * own {@link CancelFunc}, or with its parent and by the parent's cause. A context has no method to cancel itself.
 */
export interface Context {
  readonly cancelled: boolean;
  /** The reason for the cancel; `undefined` before it. */
  readonly cause: unknown;
  /** Emits the cause once and completes; immediately if the context is already cancelled. */
  readonly cancelled$: Observable<unknown>;
  /** The same for APIs that take an AbortSignal. Created on first use; its reason is the cause. */
  readonly signal: AbortSignal;
  /** The scheduler for everything under this context. Children inherit it. */
  readonly scheduler: SchedulerLike;
}

/**
 * Cancels one context and all its descendants, synchronously. Only the first call has an effect. Default cause: a
 * `CancelledError`.
 */
export type CancelFunc = (cause?: unknown) => void;

/** The context of one run. It is cancelled with the context the run was started under, and when `execute` has ended. */
export interface RunContext extends Context {
  /** The task's name; for a member of a group, or a child of a run, its path. */
  readonly task: string;
  /**
   * The number of the run, from 1: among the runs of its runner, or below a child among those of its path. That of a
   * slot is the number of its cron's run.
   */
  readonly runId: number;
  /** The time at which this run of a cron was due, in ms since the epoch. */
  readonly slot?: number;
  /** The job that this run is an attempt of, if a worker of a queue has started it. */
  readonly job?: RunJob | undefined;
  /** The run that this run is a part or a child of: a group's, a supervisor's, a cron's, or the one that started it. */
  readonly parent?: RunContext | undefined;
}

/** One attempt of a job of a queue. */
export interface RunJob {
  readonly id: string;
  readonly queue: string;
  /** The number of the attempt, from 1. */
  readonly attempt: number;
  /** Whether the submitter of the job waits for its result. */
  readonly awaited: boolean;
  /** The trace context of the code that has submitted the job. Another program may have written it. */
  readonly trace?: TraceFields | undefined;
}

/** The end of a run: of a task, or of a cron's slot. */
export interface RunEnd {
  /** `timed-out` when the application no longer waits for the run. */
  readonly status: 'completed' | 'cancelled' | 'failed' | 'timed-out';
  /** The reason for the failure. If the run has timed out: an error from before the timeout. */
  readonly error?: TaskError;
  /** The time of the start by the context's scheduler, in ms. */
  readonly startedAt: number;
  /** The time of the end by the context's scheduler, in ms. */
  readonly at: number;
}

/** The settings of all runs under a context: listeners, functions around the hooks and at the end, and limits. */
export interface RunHooks {
  /** The hooks of the application that this one is part of. */
  readonly outer?: RunHooks | undefined;
  /** Whether the application has a listener for the events of its runs. */
  readonly observed?: boolean;
  /** Whether that listener has a use for an event of a run, which has no error. */
  uses?(event: { readonly type: string }, run: RunContext): boolean;
  /** The longest time that `initialize` may take, in ms, unless a task has its own limit. */
  readonly startTimeout?: number | undefined;
  /** Wraps the call of a run's hook. Must call `hook`. */
  readonly wrapHook?: ((run: RunContext, phase: Phase, hook: () => void) => void) | undefined;
  /** Called once at the end of each run whose hooks were called. */
  readonly onRunEnd?: ((run: RunContext, end: RunEnd) => void) | undefined;
}
