import { Observable, type SchedulerLike } from 'rxjs';
import { background, type Context } from '../context/context.js';
import type { Phase, TaskError } from '../errors/errors.js';
import { AppRun, type Surroundings } from './app-run.js';
import {
  expectArray,
  expectDistinct,
  expectFunction,
  expectMs,
  expectOneOf,
  expectOptions,
  expectScheduler,
  expected,
} from '../util/validate.js';
import { toScope } from '../context/abort-signal-context.js';
import type { TaskEvent } from '../task/types.js';
import type { ShutdownReport } from './report.js';
import { toRunner, type Runnable } from '../task/runner.js';
import type { RunContext } from '../task/task.js';

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
  instruments?: readonly Instrument[];
}

export const defaultTimeout = 30_000;
export const optionNames: readonly string[] = [
  'timeout',
  'onFailure',
  'drainDelay',
  'parent',
  'scheduler',
  'instruments',
];

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
export interface Instrument {
  /**
   * Is told all that happens, before whoever observes the application. What happens to a task comes with the context of its run,
   * by which two tasks of one name are told apart; a restart with the supervision's, which the runs that it starts are `within`. A
   * runner that someone else has written tells of none.
   */
  event?(event: AppEvent, run?: RunContext): void;
  /**
   * Surrounds each hook of each task, and each run of a cron: with an `AsyncLocalStorage`, an active span. It calls `hook` once,
   * synchronously; what the task does later inherits from there, and so does the Observable that it has given. `supervise` and
   * `critical` have no hooks of their own: what they run has, with a run for each restart.
   */
  around?(run: RunContext, phase: Phase, hook: () => void): void;
  /** Is told once that a run is over whose hooks were surrounded: of a task, or of a cron's slot. It comes before the task's `done`. */
  ended?(run: RunContext, end: RunEnd): void;
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

/**
 * A whole application as one cold Observable. Subscribing starts all tasks at once under a master context of their own;
 * it emits all that happens, last the report, and completes when all tasks have ended or had their time. A failure is in
 * the report: the stream does not error. It touches nothing outside itself, so that it runs in virtual time as it is.
 *
 * It stops when a task calls its `cancel`, when a task fails (unless `onFailure` is `'continue'`), when the parent is
 * cancelled. The last, and a `SignalError`, come from outside: with a `drainDelay` it then emits `draining` at once and
 * cancels after the delay. Unsubscribing cancels at once, and nobody sees the end.
 *
 * When one of the runners is under way already it cancels the others, and errors with an `AlreadyRunningError` when they have
 * ended.
 *
 * @throws TypeError for what is neither task nor runner, for one runner twice, and for options of a wrong type; RangeError for a negative time.
 *
 * @example
 * ```ts
 * import { NEVER } from 'rxjs';
 * import { orchestrate, task } from 'rxjs-tasks';
 *
 * const server = task('server', () => NEVER);
 * const deploy = task('deploy', async (_, cancel) => cancel(new Error('enough')));
 * orchestrate([server, deploy], { timeout: 100 }).subscribe((event) => {
 *   if (event.type === 'cancelled') console.log('cancelled', String(event.cause)); // → cancelled Error: enough
 *   if (event.type === 'shutdown') console.log(event.report.clean); // → true
 * });
 * ```
 */
export function orchestrate(runnables: readonly Runnable[], options: OrchestrateOptions = {}): Observable<AppEvent> {
  return assemble(runnables, options, {});
}

/** {@link orchestrate} in its surroundings. */
export function assemble(
  runnables: readonly Runnable[],
  options: OrchestrateOptions,
  surroundings: Surroundings,
): Observable<AppEvent> {
  expectArray('runnables', runnables);
  expectOptions(options, optionNames);
  const {
    timeout = defaultTimeout,
    onFailure = 'cancel',
    drainDelay = 0,
    parent = background,
    instruments = [],
  } = options;
  expectMs('timeout', timeout);
  expectMs('drainDelay', drainDelay);
  expectOneOf('onFailure', ['cancel', 'continue'], onFailure);
  const outside = toScope(parent);
  const scheduler = options.scheduler ?? outside.scheduler;
  expectScheduler(scheduler);
  expectArray('instruments', instruments);
  for (const instrument of instruments as readonly unknown[]) {
    if (typeof instrument !== 'object' || instrument === null)
      throw new TypeError(expected('instruments', 'an array of objects', instrument));
    const { event, around, ended } = instrument as Record<string, unknown>;
    for (const [method, hook] of Object.entries({ event, around, ended }))
      if (hook !== undefined) expectFunction(`${method} of an instrument`, hook);
  }
  const runners = runnables.map((one) => toRunner(one));
  expectDistinct('runnables', runners);

  return new Observable((subscriber) => {
    const app = new AppRun(
      runners,
      { timeout, onFailure, drainDelay, scheduler, instruments },
      surroundings,
      subscriber,
    );
    if (outside.cancelled) app.stop(outside.cause);
    else subscriber.add(outside.whenCancelled((cause) => app.stopFromOutside(cause)));
    subscriber.add(surroundings.failures$?.subscribe((error) => app.fail(error)));
    app.start();
  });
}
