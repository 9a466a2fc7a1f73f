import { Subject } from 'rxjs';
import { launchNames, createApplication, type Application, type LaunchOptions } from './launch.js';
import { SignalError } from '../errors/errors.js';
import { logErrors } from './error-log.js';
import { exit, keepProcessAlive, setExitCode, ensureExit } from './process-exit.js';
import { validateArray, validateOneOf, validateOptions } from '../util/validate.js';
import { expectUi, loadTerminal, type Ui } from './load-terminal.js';
import { defaultTimeout } from './orchestrate.js';
import type { ShutdownReport } from './report.js';
import type { Runnable } from '../task/runner.js';
import { signalNumber, signals$, stopSignals } from './signal-listener.js';

/** As those of `launch`, and what the process says when it exits. */
export interface RunMainOptions extends LaunchOptions {
  /**
   * The exit code after a clean stop that a signal asked for: 0 unless said, or, with `'signal'`, 128 + its number, for a supervisor
   * that takes 0 for an end of the application's own.
   */
  exitCode?: 'zero' | 'signal';
  /**
   * What it shows of itself: `'live'`, on a terminal, its timeline, and elsewhere as `'lines'`, a line for what an operator wants to
   * know, on stderr; `'json'`, a line of JSON for each event, on stdout. `true` is `'live'`. Nothing unless said. It is
   * `terminal` of `rxjs-tasks/inspect`, loaded when it is asked for, and writes the errors that the default observer would.
   */
  ui?: Ui;
}

/**
 * Runs an application as this process's main job: `launch`, and the process around it.
 *
 * SIGINT or SIGTERM asks it to stop, with a {@link SignalError}. It is no longer ready; after the `drainDelay`, for which a
 * Ctrl-C does not wait, all tasks are cancelled. Another signal after that exits at once, with 128 + its number.
 *
 * An uncaught exception or an unhandled rejection is a failure of the application: it is written to stderr, all tasks are
 * stopped, and the exit code is 1; a second one exits at once. Tasks that have not ended at the deadline are named, and the
 * process exits with 1. Any other failure sets exit code 1, a clean end leaves it alone. Output is written out before any of
 * these exits, unless nothing of it moves for a second. After a clean end the process ends by itself: what keeps it open for
 * 5 s more is named.
 *
 * @returns the promise of the report, once all tasks have ended or had their time; on it `ready`, `ready$` and `live` are for
 * whoever answers probes, and `stop` for whoever wants it to end.
 * @throws as `orchestrate`, synchronously.
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
  validateOptions(options, [...launchNames, 'exitCode', 'ui']);
  const { exitCode = 'zero', ui = false, ...application } = options;
  validateOneOf('exitCode', ['zero', 'signal'], exitCode);
  expectUi(ui);
  const { observer, instrumentation = [] } = application;
  validateArray('instrumentation', instrumentation);
  const shown = ui === false ? undefined : loadTerminal(ui, logErrors());
  const launched: LaunchOptions = shown
    ? { ...application, observer: observer ?? {}, instrumentation: [...instrumentation, shown.instrument] }
    : application;
  const hostFailures$ = new Subject<unknown>();
  const prepared = createApplication(runnables, launched, { hostFailures$, shouldDrain: (cause) => !isCtrlC(cause) });

  let first: { readonly signal: NodeJS.Signals; readonly at: number } | undefined;
  const onSignal = (signal: NodeJS.Signals) => {
    const at = performance.now();
    if (first && !isEchoedSignal(signal, first.signal, at - first.at)) {
      const code = 128 + signalNumber(signal);
      console.error(`Received ${signal} after ${first.signal}, exiting with ${code}: nothing more is finalized`);
      return exit(code);
    }
    first ??= { signal, at };
    prepared.stop(new SignalError(signal));
  };
  let crashed = false;
  const onUncaught = (reason: unknown) => {
    const error = reason ?? new Error(`Thrown or rejected with ${String(reason)}`);
    console.error(error);
    if (crashed) return exit(1);
    crashed = true;
    hostFailures$.next(error);
  };

  const release = keepProcessAlive();
  const listening = signals$(stopSignals, process).subscribe(onSignal);
  process.on('uncaughtException', onUncaught);
  process.on('unhandledRejection', onUncaught);
  const whenShown = (then: () => void) => (shown ? shown.whenFlushed(then) : then());
  const settle = (report: ShutdownReport) => {
    setExitCode(report, exitCode);
    whenShown(() => ensureExit(report, options.timeout ?? defaultTimeout));
  };
  return prepared.start(settle, () => {
    whenShown(release);
    listening.unsubscribe();
    process.off('uncaughtException', onUncaught);
    process.off('unhandledRejection', onUncaught);
  });
}

/** Whether a signal says again what the first has said; `npm` hands on the Ctrl-C that a terminal has sent to the whole group. */
function isEchoedSignal(signal: NodeJS.Signals, first: NodeJS.Signals, ms: number): boolean {
  if (isDuplicateSignal(signal, first, ms)) return true;
  // Not imported, because loading it takes longer than the rest of this file.
  return signal === 'SIGINT' && first === signal && ms < 200 && process.getBuiltinModule('node:tty').isatty(0);
}

/**
 * One request to stop may arrive as two signals: whoever supervises the process may send another kind beside a Ctrl-C. What counts
 * is when they are handled.
 */
export function isDuplicateSignal(signal: NodeJS.Signals, first: NodeJS.Signals, ms: number): boolean {
  return signal !== first && ms < 50;
}

/** Whoever has pressed Ctrl-C waits for the prompt. */
export function isCtrlC(cause: unknown): boolean {
  return cause instanceof SignalError && cause.signal === 'SIGINT';
}
