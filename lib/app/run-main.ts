import { Subject } from 'rxjs';
import { SignalError } from '../errors/errors.js';
import type { Runnable } from '../task/runner.js';
import { validateArray, validateBoolean, validateFunction, validateMs, validateOneOf } from '../util/validate.js';
import { readOptions } from '../util/validate-options.js';
import { tolerateClosedOutput } from './closed-output.js';
import { createEventLog } from './event-log.js';
import { nameTasksAtExit } from './early-exit.js';
import { onEndOfChannel } from './end-of-channel.js';
import { ensureExit, setExitCode } from './exit-after-report.js';
import {
  createApplication,
  launchOptionNames,
  otherLaunchNames,
  type Application,
  type LaunchOptions,
} from './launch.js';
import { keepProcessOpen } from './linger.js';
import { loadTerminal, validateUi, type LoadedTerminal, type Ui } from './load-terminal.js';
import { warnOfSlowStart } from './not-ready-tasks.js';
import { defaultTimeoutMs, toRunners } from './orchestrate.js';
import type { ShutdownReport } from './report.js';
import { defaultStopSignals, isCtrlC, validateSignal } from './signals.js';
import { warnOfSlowStop } from './slow-stop.js';
import { StopSignals } from './stop-signals.js';
import { catchUncaughtErrors } from './uncaught-errors.js';

/** Options of {@link runMain}: those of `launch`, the exit code, and the output. */
export interface RunMainOptions extends LaunchOptions {
  /**
   * The signals that ask the application to stop. Default: SIGINT and SIGTERM. For nodemon, add SIGUSR2. SIGHUP is no
   * default, because a listener would undo `nohup`.
   */
  signals?: readonly NodeJS.Signals[] | undefined;
  /**
   * Longest time that the process stays open after a failure or a requested stop, when all tasks have ended, in ms. The
   * code after `await runMain(…)` has that long. Default: 5,000. `Infinity` sets no limit.
   */
  linger?: number | undefined;
  /**
   * Whether the end of the IPC channel to the parent process asks the application to stop: for children of pm2, cluster
   * or `fork`. Default: `false`.
   */
  disconnect?: boolean | undefined;
  /**
   * Called with each uncaught exception and unhandled rejection. If it returns `true`, the error is handled, and the
   * application goes on. Any other result, a promise included, makes the error a failure of the application. So is an
   * error that the function throws or rejects with.
   */
  onUncaught?: ((error: unknown) => unknown) | undefined;
  /**
   * The exit code after a clean stop by a signal: 0 for `'zero'`, 128 + the signal's number for `'signal'`. `'signal'`
   * is for a process supervisor that takes 0 to mean that the application ended by itself. Default: `'zero'`.
   */
  exitCode?: 'zero' | 'signal' | undefined;
  /**
   * The form in which the application shows its events. `'lines'`: one line for each important event, on stderr.
   * `'live'`: a timeline on a terminal, and `'lines'` elsewhere. `'json'`: one line of JSON for each event, on stdout.
   * `true`: the same as `'live'`. Default: `false`, which shows nothing. The output is `terminal` of
   * `rxjs-tasks/inspect`, loaded on demand. It shows whatever the default observer would write.
   */
  ui?: Ui | undefined;
}

const runMainOptionNames: readonly (keyof RunMainOptions)[] = [
  'exitCode',
  'ui',
  'signals',
  'linger',
  'disconnect',
  'onUncaught',
];

/**
 * Runs an application as the main job of this process: `launch`, with signals, uncaught errors and the exit code
 * handled.
 *
 * SIGINT or SIGTERM asks the application to stop, with a {@link SignalError}. The application is no longer ready, and
 * after the `drainDelay` all tasks are cancelled. A Ctrl-C skips that delay, and so does an application that was never
 * ready. Any signal within 500 ms belongs to the same request. A later one exits at once, with 128 + its number. The
 * signal of a `signalListener` that has stopped the application counts as well.
 *
 * An uncaught exception or unhandled rejection is a failure of the application: it is written to stderr, all tasks are
 * cancelled, and the exit code is 1. Further ones are collected in the report. An output whose reader is gone is no
 * failure.
 *
 * Tasks that have not ended 5 s after the cancel are named on stderr, if the `timeout` is longer. Those that have not
 * ended at the deadline are named again, and the process exits with 1. Any other failure sets exit code 1. A clean end
 * keeps the exit code.
 *
 * The process exits by itself when nothing keeps it open. After a failure or a requested stop, it exits after `linger`
 * ms in any case, and names what has kept it open. If all tasks ended by themselves, open handles are named after 5 s,
 * and the process stays. The output is flushed before each of these exits, unless it makes no progress for a second. If
 * a thread in a blocking system call prevents the exit, the process is killed half a second later. At an exit by other
 * code, the tasks that have not ended are named on stderr.
 *
 * @returns the application. Its promise resolves with the report when all tasks have ended or timed out. `ready`,
 * `ready$` and `live` are for probes, and `stop` stops it.
 * @throws what `orchestrate` throws, synchronously; RangeError for a signal that is unknown or cannot be caught, and
 * for a negative `linger`; TypeError for an `onUncaught` that is no function.
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
  const runners = toRunners(runnables);
  const { exitCode, ui, signals, linger, disconnect, onUncaught, timeout, launchOptions } = readRunMainOptions(options);
  const terminal = ui === false ? undefined : loadTerminal(ui, createEventLog());
  const hostFailures$ = new Subject<unknown>();
  const application = createApplication(runners, terminal ? shownOn(terminal, launchOptions) : launchOptions, {
    hostFailures$,
    shouldDrain: (cause) => !isCtrlC(cause),
    onStopRequest: (cause) => {
      if (cause instanceof SignalError) stopSignals.receivedElsewhere(cause.signal);
    },
    onSlowStart: warnOfSlowStart,
    onSlowStop: () => warnOfSlowStop(runners),
  });

  tolerateClosedOutput();
  const releaseProcess = keepProcessOpen();
  const stopSignals = new StopSignals(signals, application.stop);
  const releaseErrors = catchUncaughtErrors(onUncaught, (error) => hostFailures$.next(error));
  const releaseExit = nameTasksAtExit(runners);
  const releaseChannel = disconnect ? onEndOfChannel(application.stop) : undefined;
  const whenFlushed = (callback: () => void) => (terminal ? terminal.whenFlushed(callback) : callback());
  const onReport = (report: ShutdownReport) => {
    setExitCode(report, exitCode);
    whenFlushed(() => ensureExit(report, timeout, linger));
  };
  return application.start(onReport, () => {
    whenFlushed(releaseProcess);
    stopSignals.release();
    releaseErrors();
    releaseExit();
    releaseChannel?.();
  });
}

function readRunMainOptions(options: RunMainOptions) {
  const {
    exitCode = 'zero',
    ui = false,
    signals = defaultStopSignals,
    linger = 5000,
    disconnect = false,
    onUncaught,
    ...launchOptions
  } = readOptions(options, [...launchOptionNames, ...runMainOptionNames], 'runMain', otherLaunchNames);
  validateOneOf('exitCode', ['zero', 'signal'], exitCode);
  validateUi(ui);
  validateArray('signals', signals);
  signals.forEach(validateSignal);
  validateMs('linger', linger);
  validateBoolean('disconnect', disconnect);
  if (onUncaught !== undefined) validateFunction('onUncaught', onUncaught);
  validateArray('instrumentation', launchOptions.instrumentation ?? []);
  const { timeout = defaultTimeoutMs } = launchOptions;
  return { exitCode, ui, signals, linger, disconnect, onUncaught, timeout, launchOptions };
}

/** Adds the terminal to the options. It shows whatever the default observer would write. */
function shownOn(terminal: LoadedTerminal, options: LaunchOptions): LaunchOptions {
  const { observer = {}, instrumentation = [] } = options;
  return { ...options, observer, instrumentation: [...instrumentation, terminal.instrumentation] };
}
