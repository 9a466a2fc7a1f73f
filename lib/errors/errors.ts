import { inspect, type InspectOptions } from 'node:util';
import { attempt } from '../util/attempt.js';
import { describeError, messageOf } from '../util/describe-error.js';
import { isError, nameOf, stackOf, textOf } from '../util/error-parts.js';
import { logError } from '../util/log-error.js';
import { printable, printableLines } from '../util/printable.js';
import { inspectShort } from '../util/short-stack.js';
import { brandError } from './brand.js';

// In its own file, because a bundle of `future` alone needs no other error.
export { CancelledError } from './cancelled-error.js';

/** The name of a task's hook. */
export type Phase = 'initialize' | 'execute' | 'finalize';

/**
 * A timeout: work took longer than allowed. It is the cause of a cancel by `withTimeout`.
 *
 * @example
 * ```ts
 * import { DeadlineError } from 'rxjs-tasks';
 *
 * console.log(new DeadlineError(250).message); // → Not done within 250 ms
 * ```
 */
export class DeadlineError extends Error {
  /** The allowed time in ms. */
  readonly ms: number;

  static {
    brandError(this, 'DeadlineError');
  }

  constructor(ms: number, options?: ErrorOptions) {
    super(`Not done within ${ms} ms`, options);
    this.ms = ms;
  }
}

/**
 * A failed hook of a task: it threw, rejected, or its stream errored. `cause` is the thrown value, even if it is falsy.
 *
 * @example
 * ```ts
 * import { lastValueFrom } from 'rxjs';
 * import { task, taskRunner, TaskError } from 'rxjs-tasks';
 *
 * const runner = taskRunner(task('db', () => Promise.reject(new Error('connection refused'))));
 * const error = await lastValueFrom(runner.start()).catch((reason) => reason);
 * console.log(error instanceof TaskError, error.phase); // → true execute
 * console.log(error.message); // → db failed in execute: connection refused
 * ```
 */
export class TaskError extends Error {
  /** The task's name; for a member of a group its path, such as `app/workers/b`. */
  readonly task: string;
  /** The hook that failed. */
  readonly phase: Phase;
  /** Later errors of the same run, in order. */
  readonly suppressed: TaskError[] = [];

  static {
    brandError(this, 'TaskError');
    // For a person, the frames of this library are of no use. The property `stack` has them.
    Object.defineProperty(this.prototype, inspect.custom, {
      value: function print(this: TaskError, _depth: number, options: InspectOptions): string {
        return inspectShort(this, options, print);
      },
    });
  }

  constructor(task: string, phase: Phase, cause: unknown, message?: string) {
    super(message ?? `${task} failed in ${phase}: ${reasonOf(cause) || nameOf(cause)}`, { cause });
    this.task = task;
    this.phase = phase;
    // The frames of the cause show where the error was thrown; those of the wrapper are of no use.
    const stack = stackOf(cause);
    const frames = stack.indexOf('\n    at ');
    this.stack = `${this.name}: ${this.message}${frames === -1 ? '' : stack.slice(frames)}`;
  }

  /**
   * Returns the properties for a log, because JSON omits an error's message. The errors that suppressed errors have
   * suppressed are in the same list.
   */
  toJSON(): object {
    return errorFields(this);
  }
}

/** Returns the properties of any error for a log. */
export function errorFields(error: unknown): object {
  const suppressed = allSuppressed(error).map(fieldsOf);
  return { ...fieldsOf(error), ...(suppressed.length > 0 && { suppressed }) };
}

function fieldsOf(error: unknown): object {
  const { name, message } = describeError(error);
  const fields = { name: printable(name), message: printableLines(message, maxMessage) };
  if (!isError(error)) return fields;
  const [task, phase] = [textOf(error, 'task'), textOf(error, 'phase')];
  return { ...fields, task: task && printable(task), phase: phase && printable(phase) };
}

/** The longest message in a log, in characters. */
const maxMessage = 10_000;

/** The most suppressed errors that are listed. */
const maxSuppressed = 100;

/** Returns the later errors of the same run, followed by those that each of them suppressed, each error once. */
function allSuppressed(error: unknown): unknown[] {
  const found = new Set<unknown>([error]);
  for (const each of found) {
    for (const later of suppressedBy(each)) {
      if (found.size > maxSuppressed) break;
      found.add(later);
    }
  }
  return [...found].slice(1);
}

/** Returns the errors that an error has suppressed; none if it is not a TaskError. */
export function suppressedBy(error: unknown): readonly unknown[] {
  return attempt(() => {
    const suppressed: unknown = error instanceof TaskError && error.suppressed;
    return Array.isArray(suppressed) ? (suppressed as unknown[]) : [];
  }, []);
}

/** Adds a later error of the same run to its first one. If that is frozen, the later one is written to the console. */
export function suppress(error: TaskError, later: TaskError): void {
  if (error === later) return;
  try {
    error.suppressed.push(later);
  } catch {
    logError(later);
  }
}

/** The most characters of a TaskError's message in another, because each of many nested tasks quotes the next. */
const maxReason = 10_000;

/** Returns the message of a cause, for the message of the error that it caused. */
function reasonOf(cause: unknown): string {
  const message = messageOf(cause);
  return cause instanceof TaskError ? message.slice(0, maxReason) : message;
}

/**
 * The failure of a supervised task that needed more restarts than its limit. `cause` is its last error.
 *
 * @example
 * ```ts
 * import { lastValueFrom } from 'rxjs';
 * import { RestartLimitError, supervise, task } from 'rxjs-tasks';
 *
 * const db = supervise(
 *   task('db', () => Promise.reject(new Error('boom'))),
 *   { maxRestarts: 0 },
 * );
 * const error = await lastValueFrom(db.start()).catch((reason) => reason);
 * console.log(error instanceof RestartLimitError); // → true
 * console.log(error.message); // → db ended for good after 0 restarts within 60000 ms: db failed in execute: boom
 * ```
 */
export class RestartLimitError extends TaskError {
  /** The number of restarts allowed within `window`. */
  readonly maxRestarts: number;
  /** The window in ms. */
  readonly window: number;

  static {
    brandError(this, 'RestartLimitError');
  }

  constructor(task: string, maxRestarts: number, window: number, lastError: TaskError | undefined) {
    const restarts = `${maxRestarts} ${maxRestarts === 1 ? 'restart' : 'restarts'} within ${window} ms`;
    super(
      task,
      lastError?.phase ?? 'execute',
      lastError,
      `${task} ended for good after ${restarts}${lastError ? `: ${reasonOf(lastError)}` : ''}`,
    );
    this.maxRestarts = maxRestarts;
    this.window = window;
  }
}

/**
 * A runner was started during its own run. Wait for its `done$`, or create a second runner for the task.
 *
 * @example
 * ```ts
 * import { NEVER } from 'rxjs';
 * import { task, taskRunner } from 'rxjs-tasks';
 *
 * const runner = taskRunner(task('poller', () => NEVER));
 * const first = runner.start().subscribe();
 * runner.start().subscribe({ error: (error) => console.log(error.message) }); // → poller is already running
 * first.unsubscribe();
 * ```
 */
export class AlreadyRunningError extends Error {
  /** The task's name. */
  readonly task: string;

  static {
    brandError(this, 'AlreadyRunningError');
  }

  constructor(task: string) {
    super(`${task} is already running`);
    this.task = task;
  }
}

/**
 * A method was called that needs a running task: a supervised task's `restart`, for example.
 *
 * @example
 * ```ts
 * import { NEVER } from 'rxjs';
 * import { supervise, task } from 'rxjs-tasks';
 *
 * const poller = supervise(task('poller', () => NEVER));
 * await poller.restart().catch((error) => console.log(String(error))); // → NotRunningError: poller is not running
 * ```
 */
export class NotRunningError extends Error {
  /** The task's name. */
  readonly task: string;

  static {
    brandError(this, 'NotRunningError');
  }

  constructor(task: string) {
    super(`${task} is not running`);
    this.task = task;
  }
}

/**
 * The cause of a cancel by a signal from the operating system.
 *
 * @example
 * ```ts
 * import { SignalError } from 'rxjs-tasks';
 *
 * console.log(new SignalError('SIGTERM').message); // → Received SIGTERM
 * ```
 */
export class SignalError extends Error {
  /** The signal's name. */
  readonly signal: NodeJS.Signals;

  static {
    brandError(this, 'SignalError');
  }

  constructor(signal: NodeJS.Signals) {
    super(`Received ${signal}`);
    this.signal = signal;
  }
}
