import { Observable, type SchedulerLike, type Subscriber } from 'rxjs';
import { background, withCancel, type CancelFunc, type Context } from './context.js';
import { CancelledError, SignalError } from './errors.js';
import { after } from './internal/after.js';
import { expectArray, expectMs, expectOneOf, expectOptions } from './internal/expect.js';
import { Member, type Owner } from './internal/member.js';
import { toScope } from './internal/to-scope.js';
import { joinAll } from './join.js';
import type { Outcome, TaskEvent, TaskRunner } from './outcome.js';
import { ShutdownReport } from './report.js';
import { startMember, toRunner, type Runnable } from './runner.js';

/** How an application is run, by {@link orchestrate} and by `runMain`. */
export interface OrchestrateOptions {
  /** How long all tasks together may take to end after the cancel, in ms; 30,000 unless said. */
  timeout?: number;
  /** Whether a task's failure cancels the others; `'cancel'` unless said. */
  onFailure?: 'cancel' | 'continue';
  /** How long to go on after being asked from outside to stop, in ms; 0 unless said. */
  drainDelay?: number;
  /** Cancelling it asks the application to stop. */
  parent?: Context | AbortSignal;
  /** By whose clock everything goes; the parent's unless said. */
  scheduler?: SchedulerLike;
}

export const defaultTimeout = 30_000;
export const optionNames: readonly string[] = ['timeout', 'onFailure', 'drainDelay', 'parent', 'scheduler'];

/** What happens to an application, as it happens. */
export type AppEvent =
  | TaskEvent
  /** It was asked to stop and goes on for the `drainDelay`. */
  | { readonly type: 'draining'; readonly cause: unknown }
  /** The master context was cancelled. */
  | { readonly type: 'cancelled'; readonly cause: unknown }
  /** All is joined. The last event. */
  | { readonly type: 'shutdown'; readonly report: ShutdownReport };

/**
 * A whole application as one cold Observable. Subscribing starts all tasks at once under a master context of their own;
 * it emits all that happens, last the report, and completes when all tasks have ended or had their time. A failure is in
 * the report: the stream does not error. It touches nothing outside itself, so that it runs in virtual time as it is.
 *
 * It stops when a task calls its `cancel`, when a task fails (unless `onFailure` is `'continue'`), when the parent is
 * cancelled. The last, and a `SignalError`, come from outside: with a `drainDelay` it then emits `draining` at once and
 * cancels after the delay. Unsubscribing cancels at once, and nobody sees the end.
 *
 * It errors with an `AlreadyRunningError`, and cancels, when one of the runners is under way already.
 *
 * @throws TypeError for what is neither task nor runner, and for options of a wrong type; RangeError for a negative time.
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
  return assemble(runnables, options, {});
}

/** What an application has to do with beside its tasks. */
export interface Surroundings {
  /** Failures that come from there: each stops the application, whatever `onFailure` says. */
  readonly failures$?: Observable<unknown>;
  /** Whether a request to stop waits for the `drainDelay`; it does unless said. */
  drains?(cause: unknown): boolean;
  /** Whether all tasks are ready and nobody has asked to stop, whenever that changes. */
  tellReady?(ready: boolean): void;
}

/** {@link orchestrate} in its surroundings. */
export function assemble(
  runnables: readonly Runnable[],
  options: OrchestrateOptions,
  surroundings: Surroundings,
): Observable<AppEvent> {
  expectArray('runnables', runnables);
  expectOptions(options, optionNames);
  const { timeout = defaultTimeout, onFailure = 'cancel', drainDelay = 0, parent = background } = options;
  expectMs('timeout', timeout);
  expectMs('drainDelay', drainDelay);
  expectOneOf('onFailure', ['cancel', 'continue'], onFailure);
  const outside = toScope(parent);
  const scheduler = options.scheduler ?? outside.scheduler;
  const runners = runnables.map((one) => toRunner(one));

  return new Observable((subscriber) => {
    const app = new AppRun(runners, { timeout, onFailure, drainDelay, scheduler }, surroundings, subscriber);
    if (outside.cancelled) app.stop(outside.cause);
    else subscriber.add(outside.whenCancelled((cause) => app.stopFromOutside(cause)));
    subscriber.add(surroundings.failures$?.subscribe((error) => app.fail(error)));
    app.start();
  });
}

/** One run of an application. */
class AppRun implements Owner<unknown> {
  private readonly runners: readonly TaskRunner[];
  private readonly own: ReadonlySet<TaskRunner>;
  private readonly options: Required<Omit<OrchestrateOptions, 'parent'>>;
  private readonly subscriber: Subscriber<AppEvent>;
  private readonly surroundings: Surroundings;
  private readonly master: Context;
  private readonly cancel: CancelFunc;
  private readonly outcomes: Outcome[] = [];
  /** Who has yet to become ready. */
  private readonly missing = new Set<Member<unknown> | 'all'>(['all']);
  private isReady = false;
  private asked: { readonly cause: unknown; readonly at: number } | undefined = undefined;
  private failed = false;

  constructor(
    runners: readonly TaskRunner[],
    options: Required<Omit<OrchestrateOptions, 'parent'>>,
    surroundings: Surroundings,
    subscriber: Subscriber<AppEvent>,
  ) {
    this.runners = runners;
    this.own = new Set(runners);
    this.options = options;
    this.subscriber = subscriber;
    this.surroundings = surroundings;
    [this.master, this.cancel] = withCancel(background, { scheduler: options.scheduler });
    subscriber.add(() => this.cancel(new CancelledError('Unsubscribed')));
    // First, so that the cancel is told before what comes of it.
    subscriber.add(this.master.cancelled$.subscribe((cause) => subscriber.next({ type: 'cancelled', cause })));
  }

  start(): void {
    const { runners, subscriber, master, missing } = this;
    const cancel: CancelFunc = (cause) =>
      cause instanceof SignalError ? this.stopFromOutside(cause) : this.stop(cause);
    for (const runner of runners) {
      if (subscriber.closed) return;
      const member = new Member(this, runner.toString(), master.scheduler, toScope(master));
      missing.add(member);
      startMember(runner, member, cancel);
    }
    missing.delete('all');
    this.judgeReady();
    subscriber.add(
      joinAll(master, this.options.timeout, runners).subscribe({
        next: (outcome) => this.outcomes.push(outcome),
        complete: () => {
          subscriber.next({ type: 'shutdown', report: this.report() });
          subscriber.complete();
        },
      }),
    );
  }

  stop(cause?: unknown): void {
    this.ask(cause);
    this.cancel(cause);
  }

  stopFromOutside(cause: unknown): void {
    const { scheduler, drainDelay } = this.options;
    if (this.asked) return;
    if (drainDelay === 0 || this.surroundings.drains?.(cause) === false) return this.stop(cause);
    this.ask(cause);
    this.subscriber.add(after(scheduler, drainDelay, () => this.cancel(cause)));
    this.subscriber.next({ type: 'draining', cause });
  }

  fail(error: unknown): void {
    this.failed = true;
    this.stop(error);
  }

  get observed(): boolean {
    return true;
  }

  relay(event: TaskEvent): void {
    this.subscriber.next(event);
    if (event.type !== 'done' || !this.own.has(event.outcome.runner) || this.options.onFailure === 'continue') return;
    if (event.outcome.error) this.fail(event.outcome.error);
  }

  next(): void {
    // What a task yields is for those who have its runner.
  }

  ready(member: Member<unknown>, is: boolean): void {
    if (is) this.missing.delete(member);
    else this.missing.add(member);
    this.judgeReady();
  }

  ended(member: Member<unknown>, { error }: Outcome): void {
    if (!error) this.ready(member, true);
  }

  refused(_: Member<unknown>, error: unknown): void {
    this.subscriber.error(error);
  }

  private ask(cause: unknown): void {
    this.asked ??= { cause, at: this.options.scheduler.now() };
    this.judgeReady();
  }

  private judgeReady(): void {
    const ready = this.missing.size === 0 && !this.asked;
    if (ready === this.isReady) return;
    this.isReady = ready;
    this.surroundings.tellReady?.(ready);
  }

  private report(): ShutdownReport {
    const { master, outcomes, failed, asked } = this;
    return new ShutdownReport({
      cause: master.cancelled ? master.cause : asked?.cause,
      outcomes,
      clean: !failed && outcomes.every(({ status }) => status !== 'failed' && status !== 'timed-out'),
      durationMs: asked ? this.options.scheduler.now() - asked.at : 0,
    });
  }
}
