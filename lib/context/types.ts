import type { Observable, SchedulerLike } from 'rxjs';
import type { Phase, TaskError } from '../errors/errors.js';

/**
 * What tells work that it should end. It flows down only: a context is cancelled by its own {@link CancelFunc} or with
 * its parent, by the parent's cause. It has no way to cancel itself. After Go's `context.Context`.
 */
export interface Context {
  readonly cancelled: boolean;
  /** Why it was cancelled; `undefined` until then. */
  readonly cause: unknown;
  /** Emits the cause once and completes; at once when it is cancelled already. */
  readonly cancelled$: Observable<unknown>;
  /** The same for APIs that take an AbortSignal, made on first use; its reason is the cause. */
  readonly signal: AbortSignal;
  /** By whose clock everything under this context goes; children inherit it. */
  readonly scheduler: SchedulerLike;
}

/** Cancels one context and all its descendants, synchronously. The first cause wins; without one it is a `CancelledError`. */
export type CancelFunc = (cause?: unknown) => void;

/** The context of one run. It is cancelled with the context the run was started under, and when `execute` has ended. */
export interface RunContext extends Context {
  /** The task's name. */
  readonly task: string;
  /** Counts the runs of one runner, from 1. */
  readonly runId: number;
  /** When this run of a cron was due, in ms since the epoch. */
  readonly slot?: number;
  /** The run that this one is part of: a group's, a supervision's, the cron's whose slot it runs. */
  readonly parent?: RunContext | undefined;
}

/** How a run has ended, of a task or of a cron's slot. */
export interface RunEnd {
  /** `timed-out` when an application no longer waits for it. */
  readonly status: 'completed' | 'cancelled' | 'failed' | 'timed-out';
  /** Why it failed; or, of one that has timed out, what had failed before. */
  readonly error?: TaskError;
  /** In ms, by the context's scheduler. */
  readonly at: number;
}

/** Called around the hooks and at the end of every run under a context. */
export interface RunHooks {
  /** Calls a hook of a run, inside whatever surrounds it. */
  readonly wrapHook?: ((run: RunContext, phase: Phase, hook: () => void) => void) | undefined;
  /** Called once when a run has ended whose hooks were called. */
  readonly onRunEnd?: ((run: RunContext, end: RunEnd) => void) | undefined;
}
