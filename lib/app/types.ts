import type { SchedulerLike } from 'rxjs';
import type { Context, RunContext, RunEnd } from '../context/types.js';
import type { Phase } from '../errors/errors.js';
import type { TaskEvent } from '../task/types.js';
import type { ShutdownReport } from './report.js';

/** An event of a running application: of one of its tasks, or of the application itself. */
export type AppEvent =
  | TaskEvent
  /** The application was asked to stop and continues for the `drainDelay`. */
  | { readonly type: 'draining'; readonly cause: unknown }
  /** The master context was cancelled. */
  | { readonly type: 'cancelled'; readonly cause: unknown }
  /** All tasks have been joined. The last event. */
  | { readonly type: 'shutdown'; readonly report: ShutdownReport };

/**
 * Callbacks for traces, metrics or logs of an application. They are read once. An error that a callback throws does not
 * reach the tasks: it is a `teardown-failed` event of the run, or is written with `console.error` if there is none.
 */
export interface Instrumentation {
  /**
   * Receives every event before the observer does. Task events come with the context of their run, which tells apart
   * two tasks of the same name. A `restarting` event comes with the supervisor's context, the `parent` of the runs it
   * starts. Custom runners provide no context.
   */
  onEvent?: ((event: AppEvent, run?: RunContext) => void) | undefined;
  /**
   * Wraps each hook of each task, and each run of a cron, for example in an `AsyncLocalStorage` or an active span. It
   * must call `hook` once, synchronously. The async context lasts for whatever the hook starts and for the Observable
   * it returns. `supervise` and `critical` have no hooks of their own: each restart is a run of the task they wrap.
   */
  wrapHook?: ((run: RunContext, phase: Phase, hook: () => void) => void) | undefined;
  /** Called once at the end of each run whose hooks were wrapped: a task's or a cron slot's. Comes before `done`. */
  onRunEnd?: ((run: RunContext, end: RunEnd) => void) | undefined;
}

/** Options of {@link orchestrate}, which `launch` and `runMain` also take. */
export interface OrchestrateOptions {
  /** Longest time that all tasks together may take to end after the cancel, in ms. Default: 20,000. */
  timeout?: number | undefined;
  /** Whether a failed task cancels the others. Default: `'cancel'`. */
  onFailure?: 'cancel' | 'continue' | undefined;
  /** Time to continue after a request to stop from outside, in ms. Default: 0. */
  drainDelay?: number | undefined;
  /**
   * Longest time that each task's `initialize` may take, in ms. A task that takes longer fails. A task's own
   * `startTimeout` takes precedence. Default: no limit.
   */
  startTimeout?: number | undefined;
  /** A context or AbortSignal whose cancel asks the application to stop. Default: `background`, so none does. */
  parent?: Context | AbortSignal | undefined;
  /** The scheduler for everything in the application. Default: the parent's. */
  scheduler?: SchedulerLike | undefined;
  /** Callbacks for traces, metrics and logs. Default: none. */
  instrumentation?: readonly Instrumentation[] | undefined;
}
