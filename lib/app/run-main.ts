import { Subject } from 'rxjs';
import { SignalError } from '../errors/errors.js';
import type { Runnable } from '../task/runner.js';
import { logError } from '../util/log-error.js';
import { validateArray, validateOneOf, validateOptions } from '../util/validate.js';
import { logEventError } from './error-log.js';
import { createApplication, launchOptionNames, type Application, type LaunchOptions } from './launch.js';
import { loadTerminal, validateUi, type Ui } from './load-terminal.js';
import { warnOfSlowStart } from './not-ready-tasks.js';
import { defaultTimeoutMs } from './orchestrate.js';
import { ensureExit, exit, keepProcessAlive, setExitCode } from './process-exit.js';
import type { ShutdownReport } from './report.js';
import { isCtrlC, isDuplicateSignal, signalNumber, signals$, stopSignals } from './signals.js';

/** Options of {@link runMain}: those of `launch`, the exit code, and the output. */
export interface RunMainOptions extends LaunchOptions {
  /**
   * The exit code after a clean stop by a signal: 0 for `'zero'`, 128 + the signal's number for `'signal'`. `'signal'`
   * is for a process supervisor that takes 0 to mean that the application ended by itself. Default: `'zero'`.
   */
  exitCode?: 'zero' | 'signal' | undefined;
  /**
   * The form in which the application shows its events. `'lines'`: one line for each important event, on stderr.
   * `'live'`: a timeline on a terminal, and `'lines'` elsewhere. `'json'`: one line of JSON for each event, on stdout.
   * `true`: the same as `'live'`. Default: `false`, which shows nothing. The output is `terminal` of
   * `rxjs-tasks/inspect`, loaded on demand. It also writes the errors that the default observer would write.
   */
  ui?: Ui | undefined;
}

/**
 * Runs an application as the main job of this process: `launch`, with signals, uncaught errors and the exit code
 * handled.
 *
 * SIGINT or SIGTERM asks the application to stop, with a {@link SignalError}. The application is no longer ready, and
 * after the `drainDelay` all tasks are cancelled. A Ctrl-C skips that delay. Another signal after that exits
 * immediately, with 128 + its number.
 *
 * An uncaught exception or unhandled rejection is a failure of the application: it is written to stderr, all tasks are
 * cancelled, and the exit code is 1. A second one exits immediately. Tasks that have not ended at the deadline are
 * named on stderr, and the process exits with 1. Any other failure sets exit code 1. A clean end keeps the exit code.
 * The output is flushed before each of these exits, unless it makes no progress for a second. After a clean end the
 * process exits by itself. If it is still alive after 5 s, its open handles are named on stderr.
 *
 * @returns the application. Its promise resolves with the report when all tasks have ended or timed out. `ready`,
 * `ready$` and `live` are for probes, and `stop` stops it.
 * @throws what `orchestrate` throws, synchronously.
 *
 * @example
 * ```ts
 * import { NEVER } from 'rxjs';
 * import { runMain, task } from 'rxjs-tasks';
 *
 * const server = task('server', {
 *   initialize: () => console.log('up, until you press Ctrl-C'), // → up, until you press Ctrl-C
 *   execute: () => NEVER,
 *   finalize: () => console.log('down'), // → down
 * });
 * const report = await runMain([server]);
 * console.log(report.clean); // → true
 * ```
 */
export function runMain(runnables: readonly Runnable[], options: RunMainOptions = {}): Application {
  validateOptions(options, [...launchOptionNames, 'exitCode', 'ui']);
  const { exitCode = 'zero', ui = false, ...given } = options;
  validateOneOf('exitCode', ['zero', 'signal'], exitCode);
  validateUi(ui);
  const { observer, instrumentation = [] } = given;
  validateArray('instrumentation', instrumentation);
  const terminal = ui === false ? undefined : loadTerminal(ui, logEventError);
  const launchOptions: LaunchOptions = terminal
    ? { ...given, observer: observer ?? {}, instrumentation: [...instrumentation, terminal.instrumentation] }
    : given;
  const hostFailures$ = new Subject<unknown>();
  const application = createApplication(runnables, launchOptions, {
    hostFailures$,
    shouldDrain: (cause) => !isCtrlC(cause),
    onSlowStart: warnOfSlowStart,
  });

  let first: { readonly signal: NodeJS.Signals; readonly at: number } | undefined;
  const onSignal = (signal: NodeJS.Signals) => {
    const at = performance.now();
    if (first && !isSameRequest(signal, first.signal, at - first.at)) {
      const code = 128 + signalNumber(signal);
      console.error(`Received ${signal} after ${first.signal}: exiting with ${code} without finalizing the tasks`);
      return exit(code);
    }
    first ??= { signal, at };
    application.stop(new SignalError(signal));
  };
  let crashed = false;
  const onUncaught = (reason: unknown) => {
    const error = reason ?? new Error(`Thrown or rejected with ${String(reason)}`);
    logError(error);
    if (crashed) return exit(1);
    crashed = true;
    hostFailures$.next(error);
  };

  const releaseProcess = keepProcessAlive();
  const signalSubscription = signals$(stopSignals, process).subscribe(onSignal);
  process.on('uncaughtException', onUncaught);
  process.on('unhandledRejection', onUncaught);
  const whenFlushed = (callback: () => void) => (terminal ? terminal.whenFlushed(callback) : callback());
  const onReport = (report: ShutdownReport) => {
    setExitCode(report, exitCode);
    whenFlushed(() => ensureExit(report, options.timeout ?? defaultTimeoutMs));
  };
  return application.start(onReport, () => {
    whenFlushed(releaseProcess);
    signalSubscription.unsubscribe();
    process.off('uncaughtException', onUncaught);
    process.off('unhandledRejection', onUncaught);
  });
}

/**
 * Whether a second signal belongs to the same request as the first. On a terminal, `npm` forwards the Ctrl-C that the
 * terminal has sent to the whole process group, so the same signal may arrive twice.
 */
function isSameRequest(signal: NodeJS.Signals, first: NodeJS.Signals, ms: number): boolean {
  if (isDuplicateSignal(signal, first, ms)) return true;
  // Not imported: loading node:tty takes longer than loading this file with all else.
  return signal === 'SIGINT' && first === signal && ms < 200 && process.getBuiltinModule('node:tty').isatty(0);
}
