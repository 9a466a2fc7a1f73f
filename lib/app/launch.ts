import { finalize, Subject, type Observable, type Observer } from 'rxjs';
import { withCancel } from '../context/context.js';
import type { CancelFunc } from '../context/types.js';
import type { Runnable } from '../task/runner.js';
import type { TaskRunner } from '../task/types.js';
import { invalid } from '../util/validate.js';
import { readOptions, validateMembers, type OtherNames } from '../util/validate-options.js';
import type { HostHooks } from './host-hooks.js';
import { withEventLog } from './event-log.js';
import { findRunner } from './find-runner.js';
import { allowLingering } from './linger.js';
import { warnOfSlowStart } from './not-ready-tasks.js';
import { orchestrateOptionNames, orchestrateWith, toRunners } from './orchestrate.js';
import { ReadyStream } from './ready-stream.js';
import type { ShutdownReport } from './report.js';
import type { AppEvent, OrchestrateOptions } from './types.js';

const inheritedOptionNames: readonly (keyof LaunchOptions)[] = orchestrateOptionNames;
export const launchOptionNames: readonly (keyof LaunchOptions)[] =
  /* @__PURE__ */ inheritedOptionNames.concat('observer');
export const otherLaunchNames: OtherNames = {
  deadline: 'timeout',
  gracePeriod: 'timeout',
  onError: 'observer',
  onEvent: 'observer',
  logger: 'observer',
};

/** Options of {@link launch}: those of `orchestrate`, and an observer. */
export interface LaunchOptions extends OrchestrateOptions {
  /**
   * Receives all events. Default: the console. It gets the error of each event, each error once. It also gets the slots
   * that crons skip, miss or start late: the first of each kind at once, then one line a minute with their number.
   */
  observer?: (Partial<Observer<AppEvent>> | ((event: AppEvent) => void)) | undefined;
}

/** A running application, and the promise of its report. */
export interface Application extends Promise<ShutdownReport> {
  /** Whether the application is running: until all tasks have ended or timed out. For a liveness probe. */
  readonly live: boolean;
  /**
   * Whether all tasks are ready and no stop has been requested. For a readiness probe. Optional tasks, and tasks that
   * are started under the context of another, do not count.
   */
  readonly ready: boolean;
  /**
   * Emits `ready` and its changes, and completes at the end. When a stop is requested it emits `false` before any task
   * is cancelled.
   */
  readonly ready$: Observable<boolean>;
  /** The runners of its tasks, in their order. */
  readonly runners: readonly TaskRunner[];
  /**
   * Returns the runner of a task by its path, such as `app/report`: also of one that another task has started, or that
   * was added to a group. The runner of a cron is a `CronRunner`, also below `supervise`, `critical` and `optional`.
   */
  runner(path: string): TaskRunner | undefined;
  /** Asks the application to stop, as a cancel of its parent does. Returns the promise of the report. */
  stop(cause?: unknown): Promise<ShutdownReport>;
  /**
   * Stops the application at the end of an `await using` block. Does not throw when a task failed: await the report to
   * see failures.
   */
  [Symbol.asyncDispose](): Promise<void>;
}

/**
 * Starts an application immediately, as a subscription to {@link orchestrate} does, and promises its report. It has no
 * effect on the process: it is for tests, and for an application inside another one. `runMain` is for a process's own
 * application.
 *
 * Tasks that are not ready 10 s after the start are named on stderr, once.
 *
 * @returns the application, which can be awaited and stopped. It rejects with an `AlreadyRunningError` when one of the
 * runners is already running.
 * @throws what `orchestrate` throws, synchronously.
 *
 * @example
 * ```ts
 * import { NEVER } from 'rxjs';
 * import { launch, task } from 'rxjs-tasks';
 *
 * const server = task('server', { execute: () => NEVER, finalize: () => console.log('closed') });
 * {
 *   await using app = launch([server]);
 *   console.log(app.ready); // → true
 * }
 * // → closed
 * ```
 */
export function launch(runnables: readonly Runnable[], options: LaunchOptions = {}): Application {
  return createApplication(runnables, options, { onSlowStart: warnOfSlowStart }).start();
}

/** An application that has not been started. */
export interface UnstartedApplication {
  readonly stop: CancelFunc;
  /**
   * @param onReport called with the report before the promise resolves.
   * @param onEnd called when the application has released everything it held.
   */
  start(onReport?: (report: ShutdownReport) => void, onEnd?: () => void): Application;
}

/** Creates an application for {@link launch}, `runMain` and `scenario`. */
export function createApplication(
  runnables: readonly Runnable[],
  options: LaunchOptions,
  hostHooks: Omit<HostHooks, 'onReadyChange' | 'stopContext' | 'usesTaskEvents'>,
): UnstartedApplication {
  const runners = toRunners(runnables);
  const read = readOptions(options, launchOptionNames, 'launch', otherLaunchNames);
  const { observer, instrumentation: given, ...orchestrateOptions } = read;
  if (observer !== undefined) validateObserver(observer);
  const instrumentation = observer === undefined ? withEventLog(given) : given;
  const [stopContext, stop] = withCancel();
  const readiness = new ReadyStream();
  const app$ = orchestrateWith(
    runners,
    { ...orchestrateOptions, instrumentation },
    {
      ...hostHooks,
      usesTaskEvents: observer !== undefined,
      stopContext,
      onReadyChange: (ready) => readiness.set(ready),
    },
  );

  const start: UnstartedApplication['start'] = (onReport, onEnd) => {
    allowLingering();
    let live = true;
    const events = new Subject<AppEvent>();
    events.subscribe(observer ?? {});
    const end = () => {
      live = false;
      readiness.end();
      onEnd?.();
    };
    const report = new Promise<ShutdownReport>((resolve, reject) => {
      app$.pipe(finalize(end)).subscribe({
        next(event) {
          events.next(event);
          if (event.type !== 'shutdown') return;
          onReport?.(event.report);
          resolve(event.report);
        },
        error: (error: unknown) => {
          events.complete();
          reject(error);
        },
        complete: () => events.complete(),
      });
    });
    const members: Omit<Application, keyof Promise<unknown>> = {
      get live() {
        return live;
      },
      get ready() {
        return readiness.ready;
      },
      ready$: readiness.ready$,
      runners,
      runner: (path) => findRunner(runners, path),
      stop(cause) {
        stop(cause);
        return report;
      },
      async [Symbol.asyncDispose]() {
        await this.stop();
      },
    };
    return Object.defineProperties(report, Object.getOwnPropertyDescriptors(members)) as Application;
  };
  return { stop, start };
}

function validateObserver(observer: unknown): void {
  if (typeof observer === 'function') return;
  if (typeof observer !== 'object' || observer === null)
    throw new TypeError(invalid('observer', 'an observer or a function', observer));
  const callbackNames: readonly (keyof Observer<AppEvent>)[] = ['next', 'error', 'complete'];
  // An object of a class may have other members, too.
  if (!callbackNames.some((name) => name in observer)) validateMembers(observer, callbackNames, 'observer');
}
