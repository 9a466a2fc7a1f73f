import { Observable } from 'rxjs';
import { toContext } from '../context/abort-signal-context.js';
import { background } from '../context/context.js';
import { isTaskRunner, toRunner, type Runnable } from '../task/runner.js';
import type { TaskRunner } from '../task/types.js';
import { isSimpleTask } from '../task/is-task.js';
import { invalid, validateDistinct, validateMs, validateOneOf, validateScheduler } from '../util/validate.js';
import { validateOptions } from '../util/validate-options.js';
import { readInstrumentation } from './compose-instrumentation.js';
import { AppRun } from './app-run.js';
import type { HostHooks } from './host-hooks.js';
import type { AppEvent, OrchestrateOptions } from './types.js';

export const defaultTimeoutMs = 20_000;
export const orchestrateOptionNames: readonly (keyof OrchestrateOptions)[] = [
  'timeout',
  'onFailure',
  'drainDelay',
  'startTimeout',
  'parent',
  'scheduler',
  'instrumentation',
];

/**
 * Creates an application as one cold Observable. Each subscription starts all tasks immediately under a master context
 * of their own. The stream emits every event, the report last, and completes when all tasks have ended or timed out.
 * Failures are in the report: they do not make the stream fail. It has no effect on the process, and can run in virtual
 * time.
 *
 * The application stops when a task calls its `cancel`, when a task fails (unless `onFailure` is `'continue'`), or when
 * the parent is cancelled. The parent's cancel and a `SignalError` are requests from outside: with a `drainDelay` the
 * stream emits `draining` immediately, and the application cancels after the delay. Unsubscribing cancels immediately,
 * and no further event is emitted.
 *
 * When one of the runners is already running, the application cancels the others. When they have ended, the stream
 * fails with an `AlreadyRunningError`.
 *
 * @throws TypeError for a value that is neither a task nor a runner, for the same runner twice, and for an option that
 * is unknown or of a wrong type; RangeError for an option that is out of range, such as a negative time.
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
  return orchestrateWith(toRunners(runnables), options, {});
}

/**
 * Returns runners as they are, and new runners for tasks.
 *
 * @throws TypeError for a value that is neither a task nor a runner, and for the same runner twice.
 */
export function toRunners(runnables: readonly Runnable[]): readonly TaskRunner[] {
  validateRunnables(runnables);
  // Not `map`, which leaves out what a sparse array lacks.
  const runners = Array.from(runnables, (runnable) => toRunner(runnable));
  validateDistinct('runnables', runners);
  return runners;
}

/** Accepts an array, whatever is in it. */
function validateRunnables(value: unknown): void {
  if (Array.isArray(value)) return;
  const hint = isSimpleTask(value) || isTaskRunner(value) ? '. Give the tasks as an array: [a, b]' : '';
  throw new TypeError(invalid('runnables', 'an array', value) + hint);
}

/** Creates an application as {@link orchestrate} does, with hooks for its host. */
export function orchestrateWith(
  runners: readonly TaskRunner[],
  options: OrchestrateOptions,
  hostHooks: HostHooks,
): Observable<AppEvent> {
  validateOptions(options, orchestrateOptionNames, 'orchestrate');
  const {
    timeout = defaultTimeoutMs,
    onFailure = 'cancel',
    drainDelay = 0,
    startTimeout,
    parent = background,
  } = options;
  validateMs('timeout', timeout);
  validateMs('drainDelay', drainDelay);
  if (startTimeout !== undefined) validateMs('startTimeout', startTimeout);
  validateOneOf('onFailure', ['cancel', 'continue'], onFailure);
  const parentContext = toContext(parent);
  const scheduler = options.scheduler ?? parentContext.scheduler;
  validateScheduler(scheduler);
  const instrumentation = readInstrumentation(options.instrumentation ?? []);

  return new Observable((subscriber) => {
    const app = new AppRun(
      runners,
      { timeout, onFailure, drainDelay, startTimeout, scheduler, instrumentation },
      parentContext,
      hostHooks,
      subscriber,
    );
    if (parentContext.cancelled) app.stop(parentContext.cause);
    else subscriber.add(parentContext.onCancel((cause) => app.stopFromOutside(cause)));
    subscriber.add(
      hostHooks.stopContext && toContext(hostHooks.stopContext).onCancel((cause) => app.stopFromOutside(cause)),
    );
    subscriber.add(hostHooks.hostFailures$?.subscribe((error) => app.fail(error)));
    app.start();
  });
}
