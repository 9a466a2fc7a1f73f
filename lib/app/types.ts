import type { SchedulerLike } from 'rxjs';
import type { Context, RunContext, RunEnd } from '../context/types.js';
import type { Phase } from '../errors/errors.js';
import type { TaskEvent } from '../task/types.js';
import type { ShutdownReport } from './report.js';

/** What happens to an application, as it happens. */
export type AppEvent =
  | TaskEvent
  /** It was asked to stop and goes on for the `drainDelay`. */
  | { readonly type: 'draining'; readonly cause: unknown }
  /** The master context was cancelled. */
  | { readonly type: 'cancelled'; readonly cause: unknown }
  /** All is joined. The last event. */
  | { readonly type: 'shutdown'; readonly report: ShutdownReport };

/**
 * Whoever looks on while an application runs: traces, metrics, logs. It is given to `orchestrate`, `launch` or `runMain` as one of
 * their `instruments`.
 */
export interface Instrumentation {
  /**
   * Is told all that happens, before whoever observes the application. What happens to a task comes with the context of its run,
   * by which two tasks of one name are told apart; a restart with the supervision's, which the runs that it starts are `within`. A
   * runner that someone else has written tells of none.
   */
  onEvent?(event: AppEvent, run?: RunContext): void;
  /**
   * Surrounds each hook of each task, and each run of a cron: with an `AsyncLocalStorage`, an active span. It calls `hook` once,
   * synchronously; what the task does later inherits from there, and so does the Observable that it has given. `supervise` and
   * `critical` have no hooks of their own: what they run has, with a run for each restart.
   */
  wrapHook?(run: RunContext, phase: Phase, hook: () => void): void;
  /** Is told once that a run is over whose hooks were surrounded: of a task, or of a cron's slot. It comes before the task's `done`. */
  onRunEnd?(run: RunContext, end: RunEnd): void;
}

/** How an application is run, by {@link orchestrate} and by `runMain`. */
export interface OrchestrateOptions {
  /** How long all tasks together may take to end after the cancel, in ms; 30,000 unless said. */
  timeout?: number;
  /** Whether a task's failure cancels the others; `'cancel'` unless said. */
  onFailure?: 'cancel' | 'continue';
  /** How long to go on after being asked from outside to stop, in ms; 0 unless said. */
  drainDelay?: number;
  /** Cancelling it asks the application to stop. */
  parent?: Context | AbortSignal;
  /** By whose clock everything goes; the parent's unless said. */
  scheduler?: SchedulerLike;
  /** Whoever looks on: traces, metrics, logs. */
  instrumentation?: readonly Instrumentation[];
}
