import { inspect } from 'node:util';

// In a file of its own, because whoever bundles `future` alone needs none of the others.
export { CancelledError } from './cancelled-error.js';

/** The hook of a task in which something happened. */
export type Phase = 'initialize' | 'execute' | 'finalize';

/**
 * Something took longer than it was given.
 *
 * @example
 * ```ts
 * import { DeadlineError } from 'rxjs-tasks';
 *
 * console.log(new DeadlineError(250).message); // → Not done within 250 ms
 * ```
 */
export class DeadlineError extends Error {
  /** What it was given, in ms. */
  readonly ms: number;

  static {
    this.prototype.name = 'DeadlineError';
  }

  constructor(ms: number, options?: ErrorOptions) {
    super(`Not done within ${ms} ms`, options);
    this.ms = ms;
  }
}

/**
 * A hook of a task threw or rejected. `cause` is what it threw, a falsy reason included.
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
  readonly task: string;
  readonly phase: Phase;
  /** What went wrong in the same run after this, in order. */
  readonly suppressed: TaskError[] = [];

  static {
    this.prototype.name = 'TaskError';
  }

  constructor(task: string, phase: Phase, cause: unknown, message?: string) {
    const why = () => (cause instanceof Error ? cause.message || cause.name : inspect(cause));
    super(message ?? `${task} failed in ${phase}: ${why()}`, { cause });
    this.task = task;
    this.phase = phase;
    // Where it was wrapped tells nobody anything; where its cause was thrown does.
    const stack = cause instanceof Error ? String(cause.stack) : '';
    const frames = stack.indexOf('\n    at ');
    this.stack = `${this.name}: ${this.message}${frames === -1 ? '' : stack.slice(frames)}`;
  }

  /** What a log takes; JSON leaves out an error's message. */
  toJSON(): object {
    const { name, message, task, phase, suppressed } = this;
    return { name, message, task, phase, ...(suppressed.length > 0 && { suppressed }) };
  }
}

/**
 * A supervised task has ended more often than it may be started again. `cause` is its last error.
 *
 * @example
 * ```ts
 * import { lastValueFrom } from 'rxjs';
 * import { RestartLimitError, supervise, task } from 'rxjs-tasks';
 *
 * const broken = supervise(
 *   task('broken', () => Promise.reject(new Error('boom'))),
 *   { maxRestarts: 0 },
 * );
 * const error = await lastValueFrom(broken.start()).catch((reason) => reason);
 * console.log(error instanceof RestartLimitError); // → true
 * console.log(error.message); // → broken ended for good after 0 restarts within 60000 ms: broken failed in execute: boom
 * ```
 */
export class RestartLimitError extends TaskError {
  readonly maxRestarts: number;
  /** In ms. */
  readonly window: number;

  static {
    this.prototype.name = 'RestartLimitError';
  }

  constructor(task: string, maxRestarts: number, within: number, last: TaskError | undefined) {
    const times = `${maxRestarts} ${maxRestarts === 1 ? 'restart' : 'restarts'} within ${within} ms`;
    super(
      task,
      last?.phase ?? 'execute',
      last,
      `${task} ended for good after ${times}${last ? `: ${last.message}` : ''}`,
    );
    this.maxRestarts = maxRestarts;
    this.window = within;
  }
}

/**
 * A runner was started while a run of it was under way. Wait for its `done$`, or make a second runner of the task.
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
  readonly task: string;

  static {
    this.prototype.name = 'AlreadyRunningError';
  }

  constructor(task: string) {
    super(`${task} is already running`);
    this.task = task;
  }
}

/**
 * The cause of a cancel that a signal from the operating system asked for.
 *
 * @example
 * ```ts
 * import { SignalError } from 'rxjs-tasks';
 *
 * console.log(new SignalError('SIGTERM').message); // → Received SIGTERM
 * ```
 */
export class SignalError extends Error {
  readonly signal: NodeJS.Signals;

  static {
    this.prototype.name = 'SignalError';
  }

  constructor(signal: NodeJS.Signals) {
    super(`Received ${signal}`);
    this.signal = signal;
  }
}
