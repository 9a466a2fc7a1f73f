import { Observable } from 'rxjs';
import { CancelledError } from '../errors/errors.js';
import type { RestartPolicy } from './backoff.js';
import { drive, type Driven } from '../task/composite.js';
import { expected, expectFunction, expectMs, expectNumber, expectOneOf, expectOptions } from '../util/validate.js';
import { Guard } from './delegating-run.js';
import { Supervision } from './supervised-run.js';
import type { Outcome, TaskRunner } from '../task/types.js';
import { taskRunner, toRunner, type Runnable } from '../task/runner.js';

/** When and how often {@link supervise} restarts. Times are in ms. */
export interface SuperviseOptions {
  /** After a failure alone, unless said, or whenever it has ended without being cancelled. */
  restart?: 'on-failure' | 'always';
  /** How long to wait before a restart. */
  backoff?: {
    /** Before the first; 100 unless said. */
    initial?: number;
    /** No wait is longer; 30,000 unless said. */
    max?: number;
    /** By which each wait is longer than the one before; 2 unless said. */
    factor?: number;
    /** The part of a wait by which it is made longer or shorter at random, from 0 to 1; 0.2 unless said. */
    jitter?: number;
    /** What `jitter` takes instead of `Math.random`: from 0 up to, but not including, 1. */
    random?: () => number;
  };
  /** More restarts than this `within` that time are a failure; 5 unless said, `Infinity` for any number. */
  maxRestarts?: number;
  /** For how long a restart counts towards `maxRestarts`; 60,000 unless said. */
  within?: number;
  /** A run that was ready for that long makes the next wait the `initial` one again; 30,000 unless said. */
  healthyFor?: number;
}

const optionNames = ['restart', 'backoff', 'maxRestarts', 'within', 'healthyFor'];
const backoffNames = ['initial', 'max', 'factor', 'jitter', 'random'];

/**
 * Runs a task, and starts it again when it fails: the whole lifecycle, after a wait that grows from one failure to the next.
 * In events, outcomes and groups it is the task itself, with one `done`, at the very end; each restart is a `restarting` event,
 * which has the error. Its `ready$` tells again after a restart. After Erlang's supervisors, which count restarts in the same way.
 *
 * Cancelling it ends the run as any; during a wait it ends at once. What was cancelled is not started again.
 *
 * It fails with a {@link RestartLimitError}, whose cause is the last error, when a restart would be one too many.
 *
 * @throws TypeError when `runnable` is neither task nor runner, or an option unknown or of a wrong type; RangeError for one
 * that is out of range.
 *
 * @example
 * ```ts
 * import { defer, of } from 'rxjs';
 * import { supervise, task } from 'rxjs-tasks';
 *
 * let attempts = 0;
 * const consumer = task('consumer', () =>
 *   defer(() => {
 *     if (++attempts < 3) throw new Error('connection lost');
 *     return of('a message');
 *   }),
 * );
 * const runner = supervise(consumer, { backoff: { initial: 5 }, maxRestarts: 3 });
 * runner.events$.subscribe((event) => {
 *   if (event.type === 'restarting') console.log(event.restart, String(event.error?.cause));
 * });
 * runner.start().subscribe((message) => console.log(message));
 * // → 1 Error: connection lost
 * // → 2 Error: connection lost
 * // → a message
 * ```
 */
export function supervise<T>(runnable: Runnable<T>, options: SuperviseOptions = {}): TaskRunner<T> {
  const policy = toPolicy(options);
  return guarded(runnable, (...args) => new Supervision(...args, policy));
}

/**
 * Runs a task that the application cannot do without: when it ends, whichever way, the application is cancelled, with its error
 * or with a `CancelledError` that names it. In events, outcomes and groups it is the task itself. Cancelling it is an end, too: the
 * error's `cause` is then the cancel's. A critical task that is to be restarted first is `critical(supervise(task))`.
 *
 * @throws TypeError when `runnable` is neither task nor runner.
 *
 * @example
 * ```ts
 * import { NEVER } from 'rxjs';
 * import { critical, orchestrate, task } from 'rxjs-tasks';
 *
 * const migration = task('migration', async () => 'done');
 * orchestrate([critical(migration), task('server', () => NEVER)]).subscribe((event) => {
 *   if (event.type === 'cancelled') console.log(String(event.cause)); // → CancelledError: migration has ended
 * });
 * ```
 */
export function critical<T>(runnable: Runnable<T>): TaskRunner<T> {
  return guarded(runnable, (...args) => new Critical(...args));
}

type GuardArgs<T> = ConstructorParameters<typeof Guard<T>>;

function guarded<T>(runnable: Runnable<T>, guard: (...args: GuardArgs<T>) => Guard<T>): TaskRunner<T> {
  const runner = toRunner(runnable);
  const work: Driven<T> = {
    members: [runner],
    seenThrough: true,
    history: {},
    execute: () => undefined as T,
    toString: () => runner.toString(),
    [drive]: (run, cancel) => new Observable((subscriber) => guard(run, cancel, runner, subscriber).start()),
  };
  return taskRunner(work);
}

class Critical<T> extends Guard<T> {
  protected override after(outcome: Outcome): void {
    this.end(outcome);
  }

  protected override end(outcome: Pick<Outcome, 'status' | 'error'>): void {
    const { run, subscriber, cancelAll } = this;
    // Its own end comes first, so that the cancel does not change it; nobody has been told of it yet.
    const why = run.cancelled ? { cause: run.cause } : undefined;
    subscriber.add(() => cancelAll(outcome.error ?? new CancelledError(`${run.task} has ended`, why)));
    super.end(outcome);
  }
}

function toPolicy(options: SuperviseOptions): RestartPolicy {
  expectOptions(options, optionNames);
  const { restart = 'on-failure', backoff = {}, maxRestarts = 5, within = 60_000, healthyFor = 30_000 } = options;
  expectOneOf('restart', ['on-failure', 'always'], restart);
  expectOptions(backoff, backoffNames, 'backoff');
  const { initial = 100, max = 30_000, factor = 2, jitter = 0.2, random = Math.random } = backoff;
  expectMs('backoff.initial', initial);
  expectMs('backoff.max', max);
  expectMs('within', within);
  expectMs('healthyFor', healthyFor);
  expectNumber('backoff.factor', 1, Infinity, factor);
  expectNumber('backoff.jitter', 0, 1, jitter);
  expectFunction('backoff.random', random);
  const whole = 'a whole number from 0 and up, or Infinity';
  if (typeof maxRestarts !== 'number') throw new TypeError(expected('maxRestarts', whole, maxRestarts));
  if (!(maxRestarts >= 0 && (Number.isInteger(maxRestarts) || maxRestarts === Infinity)))
    throw new RangeError(expected('maxRestarts', whole, maxRestarts));
  return { restart, initial, max, factor, jitter, random, maxRestarts, within, healthyFor };
}
