import { defer, EMPTY, type Observable, type Subscriber, type Subscription } from 'rxjs';
import { toContext } from '../context/abort-signal-context.js';
import { CancelContext } from '../context/cancel-context.js';
import { background } from '../context/context.js';
import type { CancelFunc, Context, RunContext, RunHooks } from '../context/types.js';
import { CancelledError, SignalError, TaskError } from '../errors/errors.js';
import { ChildContext, type ParentRun } from '../task/child.js';
import type { CompositeRun, MemberRole } from '../task/composite.js';
import { enclosingRun } from '../task/enclosing-run.js';
import type { RunChildren } from '../task/run-children.js';
import { roleOf, startChild } from '../task/runner-access.js';
import type { Outcome, TaskEvent, TaskRunner } from '../task/types.js';
import { captureAsyncContext, runInAsyncContext } from '../util/async-context.js';
import { LinkedSubject } from '../util/linked-subject.js';
import { after, afterUnlessExit, wait } from '../util/timer.js';
import { registerApplication, type EmittedEvent, type EndedRun } from './application-info.js';
import { composeOnEvent, composeOnRunEnd, composeWrapHook } from './compose-instrumentation.js';
import { composeEventFilters, type EventFilter } from './event-filter.js';
import { FailureList } from './failure-list.js';
import { joinWithin } from './join.js';
import { notReadyTasks, type NotReadyTask } from './not-ready-tasks.js';
import { ShutdownReport } from './report.js';
import type { AppEvent, OrchestrateOptions } from './types.js';

/** The hooks through which the host of an application, such as the process, interacts with it. */
export interface HostHooks {
  /** Failures of the host. Each stops the application, even if `onFailure` is `'continue'`. */
  readonly hostFailures$?: Observable<unknown>;
  /** Whether the subscriber of the application uses the events of tasks. Default: `true`. */
  readonly usesTaskEvents?: boolean;
  /** A context whose cancel asks the application to stop, in addition to the parent. */
  readonly stopContext?: Context;
  /** Whether a request to stop waits for the `drainDelay`. Default: `true`. */
  shouldDrain?(cause: unknown): boolean;
  /** Called at each request to stop, a failure included. */
  onStopRequest?(cause: unknown): void;
  /** Called when a change occurs in whether all tasks are ready and no stop is requested. */
  onReadyChange?(ready: boolean): void;
  /** Called once, with the tasks that are not ready 10 s after the start. */
  onSlowStart?(tasks: readonly NotReadyTask[]): void;
}

const slowStartMs = 10_000;

/** The options, with their defaults. */
type AppOptions = {
  readonly [K in Exclude<keyof OrchestrateOptions, 'parent' | 'startTimeout'>]-?: NonNullable<OrchestrateOptions[K]>;
} & Pick<OrchestrateOptions, 'startTimeout'>;

/** One run of an application. */
export class AppRun implements ParentRun<unknown> {
  private readonly runners: readonly TaskRunner[];
  /** The path of each of them. */
  private readonly topLevelPaths = new Map<TaskRunner, string>();
  private readonly options: AppOptions;
  private readonly subscriber: Subscriber<AppEvent>;
  private readonly hostHooks: HostHooks;
  private readonly master: CancelContext;
  private readonly cancel: CancelFunc;
  private readonly onEvent: ReturnType<typeof composeOnEvent>;
  private readonly eventFilter: EventFilter;
  private readonly events = new LinkedSubject<EmittedEvent>();
  private readonly stopEvents = new LinkedSubject<AppEvent>();
  private readonly runEnds = new LinkedSubject<EndedRun>();
  private readonly outcomes: Outcome[] = [];
  /** The tasks that are not ready. */
  private readonly notReady = new Set<ChildContext<unknown>>();
  /** The tasks in their order. */
  private readonly runnerOf = new Map<ChildContext<unknown>, TaskRunner>();
  /** Whether all tasks have been started. Until then the application is not ready. */
  private allStarted = false;
  private isReady = false;
  private wasReady = false;
  /** The timer that ends in `onSlowStart`. */
  private slowStart: Subscription | undefined = undefined;
  private joinSubscription: Subscription | undefined = undefined;
  private stopRequest: { readonly cause: unknown; readonly at: number } | undefined = undefined;
  /** Whether the failure of a task has stopped the application: that task is still running at that moment. */
  private stoppedByFailure = false;
  private readonly failures = new FailureList();
  /** The children of the run under whose context the application was started, if any. */
  private readonly siblings: RunChildren | undefined;
  private readonly asyncContext = captureAsyncContext();
  /** The tasks that could not be started, with the error of each. */
  private readonly startFailures = new Map<ChildContext<unknown>, unknown>();

  constructor(
    runners: readonly TaskRunner[],
    options: AppOptions,
    parent: CancelContext,
    hostHooks: HostHooks,
    subscriber: Subscriber<AppEvent>,
  ) {
    this.siblings = parent.cancelled ? undefined : enclosingRun(parent)?.startedChildren;
    this.runners = runners;
    this.options = options;
    this.onEvent = composeOnEvent(options.instrumentation);
    this.eventFilter = composeEventFilters(options.instrumentation);
    this.subscriber = subscriber;
    this.hostHooks = hostHooks;
    const master = new CancelContext(options.scheduler, toContext(background), this.createRunHooks());
    this.master = master;
    this.cancel = (cause) => CancelContext.cancel(master, cause);
    subscriber.add(() => {
      // Unsubscribe before the cancel, so that an error after it counts as unhandled.
      this.joinSubscription?.unsubscribe();
      this.cancel(new CancelledError('Unsubscribed'));
    });
    // Subscribe before any task does, so that `cancelled` is emitted before the events that follow from it.
    subscriber.add(master.cancelled$.subscribe((cause) => this.emit({ type: 'cancelled', cause })));
  }

  start(): void {
    const { runners, subscriber, master, notReady, siblings } = this;
    const cancel: CancelFunc = (cause) => {
      if (cause instanceof SignalError) this.stopFromOutside(cause);
      // The cause of a critical task that has failed.
      else if (cause instanceof TaskError) this.stopForFailure(cause);
      else this.stop(cause);
    };
    const started: TaskRunner[] = [];
    for (const runner of runners) {
      if (subscriber.closed) return;
      const child = new ChildContext(this, siblings?.pathOf(runner) ?? runner.toString(), master.scheduler, master);
      if (roleOf(runner) !== 'optional') notReady.add(child);
      this.runnerOf.set(child, runner);
      this.topLevelPaths.set(runner, child.path);
      siblings?.add(child, runner);
      startChild(runner, child, cancel);
      if (!this.startFailures.has(child)) started.push(runner);
    }
    this.allStarted = true;
    this.updateReady();
    if (subscriber.closed) return;
    this.watchSlowStart();
    this.joinSubscription = joinWithin(
      master,
      defer(() => this.deadline()),
      started,
    ).subscribe({
      next: (outcome) => this.outcomes.push(outcome),
      complete: () => {
        const [startFailure] = this.startFailures.values();
        if (this.startFailures.size > 0) return subscriber.error(startFailure);
        this.emit({ type: 'shutdown', report: this.report() });
        subscriber.complete();
      },
    });
  }

  stop(cause?: unknown): void {
    this.requestStop(cause);
    this.cancel(cause);
  }

  /** Stops the application because of the failure of a task. */
  private stopForFailure(error: TaskError): void {
    this.stoppedByFailure ||= !this.master.cancelled;
    this.stop(error);
  }

  stopFromOutside(cause: unknown): void {
    const { scheduler, drainDelay } = this.options;
    if (this.stopRequest) return;
    // Nobody sends requests to an application that was never ready.
    if (drainDelay === 0 || !this.wasReady || this.hostHooks.shouldDrain?.(cause) === false) return this.stop(cause);
    this.requestStop(cause);
    this.subscriber.add(after(scheduler, drainDelay, () => this.cancel(cause)));
    this.emit({ type: 'draining', cause });
  }

  /** Records a failure outside the tasks, and stops the application. */
  fail(error: unknown): void {
    this.failures.add(error);
    this.stop(error);
  }

  get run(): CompositeRun | undefined {
    return this.siblings?.run;
  }

  get observed(): boolean {
    return !this.closed;
  }

  get closed(): boolean {
    return this.subscriber.closed;
  }

  forward(event: TaskEvent, run?: RunContext): boolean {
    this.emit(event, run);
    if (event.type === 'future-failed') this.failures.add(event.error);
    // Apply the policy before the join sees this outcome: the join may complete then.
    if (event.type === 'done' && this.isTopLevel(event.outcome)) this.applyEndPolicy(event.outcome);
    return true;
  }

  next(): void {
    // Values are for the subscribers of the task's runner.
  }

  readyChanged(child: ChildContext<unknown>, ready: boolean): void {
    if (this.roleOf(child) === 'optional') return;
    if (ready) this.notReady.delete(child);
    else this.notReady.add(child);
    this.updateReady();
  }

  onFailure(child: ChildContext<unknown>, error: TaskError): void {
    this.readyChanged(child, false);
    this.applyFailurePolicy(this.roleOf(child), error);
  }

  onEnd(child: ChildContext<unknown>, outcome: Outcome): void {
    this.readyChanged(child, !outcome.error);
    this.applyEndPolicy(outcome);
    this.siblings?.onEnd(child, outcome);
  }

  onAbandoned(child: ChildContext<unknown>, outcome: Outcome): void {
    this.siblings?.onAbandoned(child, outcome);
  }

  startFailed(child: ChildContext<unknown>, error: unknown): void {
    this.siblings?.startFailed(child);
    this.startFailures.set(child, error);
    this.stop(error);
  }

  /** Returns the deadline of the join, counted from the cancel. */
  private deadline(): Observable<never> {
    const { timeout, scheduler } = this.options;
    // A task whose failure stops the application has time to end synchronously.
    return timeout > 0 || this.stoppedByFailure ? wait(timeout, scheduler) : EMPTY;
  }

  private watchSlowStart(): void {
    const { hostHooks, isReady, stopRequest, options, subscriber } = this;
    if (!hostHooks.onSlowStart || isReady || stopRequest) return;
    this.slowStart = afterUnlessExit(options.scheduler, slowStartMs, () =>
      hostHooks.onSlowStart?.(this.notReadyTasks()),
    );
    subscriber.add(this.slowStart);
  }

  /** Returns the tasks that are waited for. One that has failed is never ready again. */
  private notReadyTasks(): readonly NotReadyTask[] {
    return Array.from(this.runnerOf).flatMap(([child, runner]) => {
      if (!this.notReady.has(child)) return [];
      const tasks = notReadyTasks(runner, child.path);
      return tasks.length > 0 ? tasks : [{ path: child.path, status: 'done' as const }];
    });
  }

  private createRunHooks(): RunHooks {
    const { runners, events, stopEvents, runEnds } = this;
    const { timeout, startTimeout, instrumentation } = this.options;
    const inherited = this.run?.runHooks ?? {};
    const onRunEnd = composeOnRunEnd([inherited, ...instrumentation]);
    const reportRunEnd: RunHooks['onRunEnd'] = (run, end) => {
      onRunEnd?.(run, end);
      runEnds.next({ run, end });
    };
    const hooks: RunHooks = {
      startTimeout: startTimeout ?? inherited.startTimeout,
      wrapHook: composeWrapHook([inherited, ...instrumentation]),
      get onRunEnd() {
        return runEnds.observed ? reportRunEnd : onRunEnd;
      },
    };
    const isReady = () => this.isReady;
    const notReady = () => this.notReadyTasks();
    registerApplication(hooks, {
      runners,
      timeout,
      get ready() {
        return isReady();
      },
      get notReady() {
        return notReady();
      },
      events$: events.asObservable(),
      stopEvents$: stopEvents.asObservable(),
      runEnds$: runEnds.asObservable(),
    });
    return hooks;
  }

  private emit(event: AppEvent, run?: RunContext): void {
    if (!this.closed && this.isUsed(event, run))
      runInAsyncContext(this.asyncContext, (app, args) => app.emitNow(...args), this, [event, run] as const);
  }

  /** Whether a listener has a use for an event. All have one for the events of the application itself. */
  private isUsed(event: AppEvent, run: RunContext | undefined): boolean {
    const { hostHooks, events } = this;
    if (!('task' in event) || hostHooks.usesTaskEvents !== false || events.observed) return true;
    return this.eventFilter(event, run);
  }

  private emitNow(event: AppEvent, run: RunContext | undefined): void {
    const reportErrors = this.onEvent(event, run);
    if (this.events.observed) this.events.next({ event, run });
    if (!('task' in event)) this.stopEvents.next(event);
    this.subscriber.next(event);
    reportErrors?.();
  }

  /** Whether an outcome is that of a task of the application. A group may have the same runner as its member. */
  private isTopLevel({ runner, task }: Outcome): boolean {
    return this.topLevelPaths.get(runner) === task;
  }

  private roleOf(child: ChildContext<unknown>): MemberRole | undefined {
    const runner = this.runnerOf.get(child);
    return runner && roleOf(runner);
  }

  private applyFailurePolicy(role: MemberRole | undefined, error: TaskError): void {
    if (role === 'optional') return;
    if (role === 'essential' || this.options.onFailure === 'cancel') this.stopForFailure(error);
  }

  private applyEndPolicy({ runner, task, error }: Outcome): void {
    const role = roleOf(runner);
    if (error) this.applyFailurePolicy(role, error);
    else if (role === 'essential') this.stop(new CancelledError(`${task} has ended`));
  }

  private requestStop(cause: unknown): void {
    this.stopRequest ??= { cause, at: this.options.scheduler.now() };
    this.hostHooks.onStopRequest?.(cause);
    this.slowStart?.unsubscribe();
    this.updateReady();
  }

  private updateReady(): void {
    const ready = this.allStarted && this.notReady.size === 0 && !this.stopRequest;
    if (ready === this.isReady) return;
    this.isReady = ready;
    this.wasReady ||= ready;
    this.slowStart?.unsubscribe();
    this.hostHooks.onReadyChange?.(ready);
  }

  private report(): ShutdownReport {
    const { master, outcomes, failures, stopRequest, stoppedByFailure } = this;
    return new ShutdownReport({
      cause: master.cancelled ? master.cause : stopRequest?.cause,
      outcomes,
      failures: failures.first,
      moreFailures: failures.more,
      // The failure that has stopped the application is not excused, even if it comes from an optional group.
      clean: failures.isEmpty && !stoppedByFailure && outcomes.every(isClean),
      durationMs: stopRequest ? this.options.scheduler.now() - stopRequest.at : 0,
    });
  }
}

/** Whether an outcome leaves the report clean. */
function isClean({ status, optional }: Outcome): boolean {
  return (status !== 'failed' || optional === true) && status !== 'timed-out';
}
