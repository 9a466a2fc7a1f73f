import { Observable } from 'rxjs';
import { toContext } from '../context/abort-signal-context.js';
import { background } from '../context/context.js';
import { toRunner, type Runnable } from '../task/runner.js';
import {
  validateArray,
  validateDistinct,
  validateFunction,
  validateMs,
  validateOneOf,
  validateOptions,
  validateScheduler,
  invalid,
} from '../util/validate.js';
import { AppRun, type HostHooks } from './app-run.js';
import type { AppEvent, OrchestrateOptions } from './types.js';

export const defaultTimeout = 30_000;
export const optionNames: readonly string[] = [
  'timeout',
  'onFailure',
  'drainDelay',
  'parent',
  'scheduler',
  'instrumentation',
];

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
  return orchestrateWith(runnables, options, {});
}

/** {@link orchestrate} in its surroundings. */
export function orchestrateWith(
  runnables: readonly Runnable[],
  options: OrchestrateOptions,
  surroundings: HostHooks,
): Observable<AppEvent> {
  validateArray('runnables', runnables);
  validateOptions(options, optionNames);
  const {
    timeout = defaultTimeout,
    onFailure = 'cancel',
    drainDelay = 0,
    parent = background,
    instrumentation = [],
  } = options;
  validateMs('timeout', timeout);
  validateMs('drainDelay', drainDelay);
  validateOneOf('onFailure', ['cancel', 'continue'], onFailure);
  const outside = toContext(parent);
  const scheduler = options.scheduler ?? outside.scheduler;
  validateScheduler(scheduler);
  validateArray('instrumentation', instrumentation);
  for (const instrument of instrumentation as readonly unknown[]) {
    if (typeof instrument !== 'object' || instrument === null)
      throw new TypeError(invalid('instrumentation', 'an array of objects', instrument));
    const { onEvent, wrapHook, onRunEnd } = instrument as Record<string, unknown>;
    for (const [method, hook] of Object.entries({ onEvent, wrapHook, onRunEnd }))
      if (hook !== undefined) validateFunction(`instrumentation.${method}`, hook);
  }
  const runners = runnables.map((one) => toRunner(one));
  validateDistinct('runnables', runners);

  return new Observable((subscriber) => {
    const app = new AppRun(
      runners,
      { timeout, onFailure, drainDelay, scheduler, instrumentation },
      surroundings,
      subscriber,
    );
    if (outside.cancelled) app.stop(outside.cause);
    else subscriber.add(outside.onCancel((cause) => app.stopFromOutside(cause)));
    subscriber.add(surroundings.hostFailures$?.subscribe((error) => app.fail(error)));
    app.start();
  });
}
