import type { Observable, Subscriber, Subscription } from 'rxjs';
import { background } from '../context/context.js';
import type { CancelFunc, RunContext, RunHooks } from '../context/types.js';
import { CancelledError, SignalError } from '../errors/errors.js';
import { joinAll } from './join.js';
import type { AppEvent, OrchestrateOptions } from './types.js';
import { registerApplication } from './application-info.js';
import type { Outcome, TaskEvent, TaskRunner } from '../task/types.js';
import { ShutdownReport } from './report.js';
import { startChild } from '../task/runner-access.js';
import { after } from '../util/timer.js';
import { LinkedSubject } from '../util/linked-subject.js';
import { ChildContext, type ParentRun } from '../task/child.js';
import { CancelContext } from '../context/cancel-context.js';
import { callSafely, composeWrapHook, composeOnRunEnd } from './instrumentation.js';
import { toContext } from '../context/abort-signal-context.js';

/** What an application has to do with beside its tasks. */
export interface HostHooks {
  /** Failures that come from there: each stops the application, whatever `onFailure` says. */
  readonly hostFailures$?: Observable<unknown>;
  /** Whether a request to stop waits for the `drainDelay`; it does unless said. */
  shouldDrain?(cause: unknown): boolean;
  /** Whether all tasks are ready and nobody has asked to stop, whenever that changes. */
  onReadyChange?(ready: boolean): void;
}

type AppOptions = Required<Omit<OrchestrateOptions, 'parent'>>;

/** One run of an application. */
export class AppRun implements ParentRun<unknown> {
  private readonly runners: readonly TaskRunner[];
  private readonly topLevel: ReadonlySet<TaskRunner>;
  private readonly options: AppOptions;
  private readonly subscriber: Subscriber<AppEvent>;
  private readonly host: HostHooks;
  private readonly master: CancelContext;
  private readonly cancel: CancelFunc;
  private readonly events = new LinkedSubject<AppEvent>();
  private readonly outcomes: Outcome[] = [];
  /** Who has yet to become ready. */
  private readonly notReady = new Set<ChildContext<unknown> | 'all'>(['all']);
  private isReady = false;
  private joining: Subscription | undefined = undefined;
  private stopRequest: { readonly cause: unknown; readonly at: number } | undefined = undefined;
  private readonly failures: unknown[] = [];
  /** Who could not be started, and why. */
  private readonly startFailures = new Map<ChildContext<unknown>, unknown>();

  constructor(
    runners: readonly TaskRunner[],
    options: AppOptions,
    surroundings: HostHooks,
    subscriber: Subscriber<AppEvent>,
  ) {
    this.runners = runners;
    this.topLevel = new Set(runners);
    this.options = options;
    this.subscriber = subscriber;
    this.host = surroundings;
    const master = new CancelContext(options.scheduler, toContext(background), this.hooks());
    this.master = master;
    this.cancel = (cause) => CancelContext.cancel(master, cause);
    subscriber.add(() => {
      // Before the cancel, so that an error that nobody waits for any longer is known as that.
      this.joining?.unsubscribe();
      this.cancel(new CancelledError('Unsubscribed'));
    });
    // Before anything hangs on the master, so that the cancel is told before what comes of it.
    subscriber.add(master.cancelled$.subscribe((cause) => this.emit({ type: 'cancelled', cause })));
  }

  start(): void {
    const { runners, subscriber, master, notReady } = this;
    const cancel: CancelFunc = (cause) =>
      cause instanceof SignalError ? this.stopFromOutside(cause) : this.stop(cause);
    const going: TaskRunner[] = [];
    for (const runner of runners) {
      if (subscriber.closed) return;
      const member = new ChildContext(this, runner.toString(), master.scheduler, master);
      notReady.add(member);
      startChild(runner, member, cancel);
      if (!this.startFailures.has(member)) going.push(runner);
    }
    notReady.delete('all');
    this.updateReady();
    if (subscriber.closed) return;
    this.joining = joinAll(master, this.options.timeout, going).subscribe({
      next: (outcome) => this.outcomes.push(outcome),
      complete: () => {
        for (const error of this.startFailures.values()) return subscriber.error(error);
        this.emit({ type: 'shutdown', report: this.report() });
        subscriber.complete();
      },
    });
  }

  stop(cause?: unknown): void {
    this.requestStop(cause);
    this.cancel(cause);
  }

  stopFromOutside(cause: unknown): void {
    const { scheduler, drainDelay } = this.options;
    if (this.stopRequest) return;
    if (drainDelay === 0 || this.host.shouldDrain?.(cause) === false) return this.stop(cause);
    this.requestStop(cause);
    this.subscriber.add(after(scheduler, drainDelay, () => this.cancel(cause)));
    this.emit({ type: 'draining', cause });
  }

  /** Something has failed beside the tasks. */
  fail(error: unknown): void {
    this.failures.push(error);
    this.stop(error);
  }

  get observed(): boolean {
    return !this.closed;
  }

  get closed(): boolean {
    return this.subscriber.closed;
  }

  forward(event: TaskEvent, run?: RunContext): void {
    this.emit(event, run);
    // Before the join hears of it, which may be over then.
    if (event.type === 'done' && this.topLevel.has(event.outcome.runner)) this.applyFailurePolicy(event.outcome);
  }

  next(): void {
    // What a task yields is for those who have its runner.
  }

  readyChanged(member: ChildContext<unknown>, is: boolean): void {
    if (is) this.notReady.delete(member);
    else this.notReady.add(member);
    this.updateReady();
  }

  onEnd(member: ChildContext<unknown>, outcome: Outcome): void {
    this.readyChanged(member, !outcome.error);
    this.applyFailurePolicy(outcome);
  }

  startFailed(member: ChildContext<unknown>, error: unknown): void {
    this.startFailures.set(member, error);
    this.stop(error);
  }

  private hooks(): RunHooks {
    const { runners, events } = this;
    const { timeout, instrumentation } = this.options;
    const hooks: RunHooks = { wrapHook: composeWrapHook(instrumentation), onRunEnd: composeOnRunEnd(instrumentation) };
    const isReady = () => this.isReady;
    registerApplication(hooks, {
      runners,
      timeout,
      get ready() {
        return isReady();
      },
      events$: events.stream,
    });
    return hooks;
  }

  private emit(event: AppEvent, run?: RunContext): void {
    if (this.closed) return;
    for (const instrument of this.options.instrumentation) callSafely(() => instrument.onEvent?.(event, run));
    this.events.next(event);
    this.subscriber.next(event);
  }

  private applyFailurePolicy({ error }: Outcome): void {
    if (error && this.options.onFailure === 'cancel') this.stop(error);
  }

  private requestStop(cause: unknown): void {
    this.stopRequest ??= { cause, at: this.options.scheduler.now() };
    this.updateReady();
  }

  private updateReady(): void {
    const ready = this.notReady.size === 0 && !this.stopRequest;
    if (ready === this.isReady) return;
    this.isReady = ready;
    this.host.onReadyChange?.(ready);
  }

  private report(): ShutdownReport {
    const { master, outcomes, failures, stopRequest } = this;
    return new ShutdownReport({
      cause: master.cancelled ? master.cause : stopRequest?.cause,
      outcomes,
      failures,
      clean: failures.length === 0 && outcomes.every(({ status }) => status !== 'failed' && status !== 'timed-out'),
      durationMs: stopRequest ? this.options.scheduler.now() - stopRequest.at : 0,
    });
  }
}
