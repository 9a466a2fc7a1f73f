import { defer, EMPTY, type Observable, type Subscriber, type Subscription } from 'rxjs';
import { toContext } from '../context/abort-signal-context.js';
import { CancelContext } from '../context/cancel-context.js';
import { background } from '../context/context.js';
import type { CancelFunc, RunContext, RunHooks } from '../context/types.js';
import { CancelledError, SignalError, TaskError } from '../errors/errors.js';
import { ChildContext, type ParentRun } from '../task/child.js';
import type { CompositeRun, MemberRole } from '../task/composite.js';
import { enclosingRun } from '../task/enclosing-run.js';
import type { RunChildren } from '../task/run-children.js';
import { roleOf, startChild } from '../task/runner-access.js';
import type { Outcome, TaskEvent, TaskEventDetail, TaskRunner } from '../task/types.js';
import { captureAsyncContext, runInAsyncContext, startInAsyncContext } from '../util/async-context.js';
import { LinkedSubject } from '../util/linked-subject.js';
import { after, afterUnlessExit, wait } from '../util/timer.js';
import { registerApplication, type EmittedEvent, type EndedRun } from './application-info.js';
import { composeOnEvent, composeOnRunEnd, composeWrapHook } from './compose-instrumentation.js';
import { composeEventFilters, type EventFilter } from './event-filter.js';
import { FailureList } from './failure-list.js';
import type { HostHooks } from './host-hooks.js';
import { joinWithin } from './join.js';
import { Readiness } from './readiness.js';
import { ShutdownReport } from './report.js';
import { slowStopMs } from './slow-stop.js';
import type { AppEvent, OrchestrateOptions } from './types.js';

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
  private readonly runnerOf = new Map<ChildContext<unknown>, TaskRunner>();
  private readonly readiness: Readiness;
  private joinSubscription: Subscription | undefined = undefined;
  private stopRequest: { readonly cause: unknown; readonly at: number } | undefined = undefined;
  private cancelReported = false;
  /** Whether the failure of a task has stopped the application: that task is still running at that moment. */
  private stoppedByFailure = false;
  private isShutDown = false;
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
    this.readiness = new Readiness(hostHooks, options.scheduler);
    const master = new CancelContext(options.scheduler, toContext(background), this.createRunHooks());
    this.master = master;
    this.cancel = (cause) => CancelContext.cancel(master, cause);
    subscriber.add(() => {
      // Unsubscribe before the cancel, so that an error after it counts as unhandled.
      this.joinSubscription?.unsubscribe();
      this.cancel(new CancelledError('Unsubscribed'));
    });
    // Subscribe before any task does, so that `cancelled` is emitted before the events that follow from it.
    subscriber.add(master.cancelled$.subscribe(() => this.reportCancel()));
  }

  start(): void {
    const { runners, subscriber, master, readiness, siblings } = this;
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
      readiness.add(child, runner);
      this.runnerOf.set(child, runner);
      this.topLevelPaths.set(runner, child.path);
      siblings?.add(child, runner);
      // The hooks of the tasks before it may have entered a store.
      startInAsyncContext(this.asyncContext, startTask, child, { runner, cancel });
      if (!this.startFailures.has(child)) started.push(runner);
    }
    readiness.onAllStarted();
    if (subscriber.closed) return;
    subscriber.add(readiness.watchSlowStart());
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
    if (drainDelay === 0 || !this.readiness.wasReady || this.hostHooks.shouldDrain?.(cause) === false)
      return this.stop(cause);
    this.requestStop(cause);
    // A listener of the readiness may have cancelled the application.
    if (this.master.cancelled) return;
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

  get closed(): boolean {
    return this.isShutDown || this.subscriber.closed;
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
    this.readiness.set(child, ready);
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

  /** Emits the cancel, once. */
  private reportCancel(): void {
    if (this.cancelReported) return;
    this.cancelReported = true;
    const { hostHooks, options, subscriber, master } = this;
    this.emit({ type: 'cancelled', cause: master.cause });
    // At a shorter timeout, the report names the tasks.
    if (!hostHooks.onSlowStop || options.timeout <= slowStopMs) return;
    subscriber.add(afterUnlessExit(options.scheduler, slowStopMs, () => hostHooks.onSlowStop?.()));
  }

  /** Returns the deadline of the join, counted from the cancel. */
  private deadline(): Observable<never> {
    const { timeout, scheduler } = this.options;
    // A task whose failure stops the application has time to end synchronously.
    return timeout > 0 || this.stoppedByFailure ? wait(timeout, scheduler) : EMPTY;
  }

  private createRunHooks(): RunHooks {
    const { runners, readiness, events, stopEvents, runEnds } = this;
    const { timeout, startTimeout, instrumentation } = this.options;
    const inherited = this.run?.runHooks ?? {};
    const onRunEnd = composeOnRunEnd([inherited, ...instrumentation]);
    const reportRunEnd: RunHooks['onRunEnd'] = (run, end) => {
      onRunEnd?.(run, end);
      runEnds.next({ run, end });
    };
    const isObserved = () => !this.closed;
    const isDraining = () => this.stopRequest !== undefined && !this.master.cancelled;
    const hooks: RunHooks = {
      outer: this.run?.runHooks,
      get observed() {
        return isObserved();
      },
      uses: (event: TaskEventDetail, run) => this.uses(event, run),
      startTimeout: startTimeout ?? inherited.startTimeout,
      wrapHook: composeWrapHook([inherited, ...instrumentation]),
      get onRunEnd() {
        return runEnds.observed ? reportRunEnd : onRunEnd;
      },
    };
    registerApplication(hooks, {
      runners,
      timeout,
      get ready() {
        return readiness.ready;
      },
      get draining() {
        return isDraining();
      },
      get notReady() {
        return readiness.notReadyTasks();
      },
      events$: events.asObservable(),
      stopEvents$: stopEvents.asObservable(),
      runEnds$: runEnds.asObservable(),
    });
    return hooks;
  }

  private emit(event: AppEvent, run?: RunContext): void {
    // An abort listener, such as that of a custom runner, is called before the listeners of `cancelled$`.
    if (this.master.cancelled) this.reportCancel();
    if (this.closed || ('task' in event && !this.isUsed(event, run))) return;
    // The last event, whatever its listeners do.
    this.isShutDown = event.type === 'shutdown';
    runInAsyncContext<AppRun, EmittedEvent>(this.asyncContext, emitNow, this, { event, run });
  }

  private uses(event: TaskEventDetail, run: RunContext): boolean {
    if (this.closed) return false;
    // The end policy is applied to the ends of the application's own tasks.
    return (event.type === 'done' && run.parent === this.run) || this.isUsed(event, run);
  }

  /** Whether a listener has a use for an event of a task. */
  private isUsed(event: TaskEventDetail, run: RunContext | undefined): boolean {
    const { hostHooks, events } = this;
    return hostHooks.usesTaskEvents !== false || events.observed || this.eventFilter(event, run);
  }

  emitNow(emitted: EmittedEvent): void {
    const { event, run } = emitted;
    const reportErrors = this.onEvent(event, run);
    this.events.next(emitted);
    if (!('task' in event)) this.stopEvents.next(event);
    if (!('task' in event) || this.hostHooks.usesTaskEvents !== false) this.subscriber.next(event);
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
    this.readiness.onStopRequest();
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
      // The clock may have been set back.
      durationMs: stopRequest ? Math.max(0, this.options.scheduler.now() - stopRequest.at) : 0,
    });
  }
}

function startTask(child: ChildContext<unknown>, { runner, cancel }: { runner: TaskRunner; cancel: CancelFunc }): void {
  startChild(runner, child, cancel);
}

function emitNow(app: AppRun, emitted: EmittedEvent): void {
  app.emitNow(emitted);
}

/** Whether an outcome leaves the report clean. */
function isClean({ status, optional }: Outcome): boolean {
  return (status !== 'failed' || optional === true) && status !== 'timed-out';
}
