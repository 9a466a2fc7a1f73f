import { finalize, ReplaySubject, Subject, type Observable, type Observer } from 'rxjs';
import { background, withCancel } from '../context/context.js';
import type { CancelFunc } from '../context/types.js';
import type { HostHooks } from './app-run.js';
import { logErrors } from './error-log.js';
import { validateObserver, validateOptions } from '../util/validate.js';
import { toContext } from '../context/abort-signal-context.js';
import { orchestrateWith, optionNames } from './orchestrate.js';
import type { AppEvent, OrchestrateOptions } from './types.js';
import type { ShutdownReport } from './report.js';
import type { Runnable } from '../task/runner.js';

export const launchNames: readonly string[] = [...optionNames, 'observer'];

/** As those of `orchestrate`, and who is told. */
export interface LaunchOptions extends OrchestrateOptions {
  /** Of all that happens. Without one the errors of failed tasks and runs are written with `console.error`. */
  observer?: Partial<Observer<AppEvent>> | ((event: AppEvent) => void);
}

/** An application under way, and the promise of its report. */
export interface Application extends Promise<ShutdownReport> {
  /** Whether it is under way: until all tasks have ended or had their time. What a liveness probe asks. */
  readonly live: boolean;
  /** Whether all tasks are ready and nobody has asked it to stop. What a readiness probe asks. */
  readonly ready: boolean;
  /** The same as it changes, from what it is now on. It is false before anything else is done to stop; completes at the end. */
  readonly ready$: Observable<boolean>;
  /** Asks it to stop, as its parent's cancel does, and waits for the end. */
  stop(cause?: unknown): Promise<ShutdownReport>;
  /** Stops it at the end of the block that an `await using` is in. It does not throw when something failed: await the report for that. */
  [Symbol.asyncDispose](): Promise<void>;
}

/**
 * Starts an application at once, as {@link orchestrate} does when it is subscribed, and promises its report. It touches nothing
 * outside itself: for tests, and for an application that is part of another. `runMain` is for the process's own.
 *
 * @returns what tells whether it is ready, stops it, and can be awaited. It rejects with an `AlreadyRunningError` when one of the
 * runners is under way already.
 * @throws as `orchestrate`, synchronously.
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
  return createApplication(runnables, options).start();
}

/** An application that has yet to be started. */
export interface UnstartedApplication {
  readonly stop: CancelFunc;
  /**
   * @param settle is given the report before whoever awaits it.
   * @param release is called when nothing of it is left.
   */
  start(settle?: (report: ShutdownReport) => void, release?: () => void): Application;
}

/** What {@link launch} and `runMain` have in common. */
export function createApplication(
  runnables: readonly Runnable[],
  options: LaunchOptions,
  surroundings: Omit<HostHooks, 'tellReady'> = {},
): UnstartedApplication {
  validateOptions(options, launchNames);
  const { observer = logErrors(), ...application } = options;
  validateObserver(observer);
  const above = toContext(application.parent ?? background);
  const [outside, stop] = withCancel(background, { scheduler: application.scheduler ?? above.scheduler });
  let ready = false;
  const ready$ = new ReplaySubject<boolean>(1);
  ready$.next(ready);
  let telling = false;
  const onReadyChange = (is: boolean) => {
    ready = is;
    if (telling) return;
    telling = true;
    // Whoever is told may change it: everyone is told that next, rather than some of them first.
    for (let told; told !== ready;) ready$.next((told = ready));
    telling = false;
  };
  const app$ = orchestrateWith(runnables, { ...application, parent: outside }, { ...surroundings, onReadyChange });

  const start: UnstartedApplication['start'] = (settle, release) => {
    let live = true;
    const events = new Subject<AppEvent>();
    events.subscribe(observer);
    const listening = above.onCancel(stop);
    const end = () => {
      live = false;
      listening?.unsubscribe();
      if (ready) onReadyChange(false);
      ready$.complete();
      release?.();
    };
    const report = new Promise<ShutdownReport>((resolve, reject) => {
      app$.pipe(finalize(end)).subscribe({
        next(event) {
          events.next(event);
          if (event.type !== 'shutdown') return;
          settle?.(event.report);
          resolve(event.report);
        },
        error: (error: unknown) => {
          events.complete();
          reject(error);
        },
        complete: () => events.complete(),
      });
    });
    const handle: Omit<Application, keyof Promise<unknown>> = {
      get live() {
        return live;
      },
      get ready() {
        return ready;
      },
      ready$: ready$.asObservable(),
      stop(cause) {
        stop(cause);
        return report;
      },
      async [Symbol.asyncDispose]() {
        await this.stop();
      },
    };
    return Object.defineProperties(report, Object.getOwnPropertyDescriptors(handle)) as Application;
  };
  return { stop, start };
}
