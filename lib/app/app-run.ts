import type { Observable, Subscriber, Subscription } from 'rxjs';
import { background } from '../context/context.js';
import type { CancelFunc, RunContext, RunHooks } from '../context/types.js';
import { CancelledError, SignalError } from '../errors/errors.js';
import { joinAll } from './join.js';
import type { AppEvent, OrchestrateOptions } from './types.js';
import { registerApplication } from './application-info.js';
import type { Outcome, TaskEvent, TaskRunner } from '../task/types.js';
import { ShutdownReport } from './report.js';
import { startMember } from '../task/runner-access.js';
import { after } from '../util/timer.js';
import { Hub } from '../util/linked-subject.js';
import { Member, type Owner } from '../task/child.js';
import { Scope } from '../context/cancel-context.js';
import { attempt, surround, tellEnd } from './instrumentation.js';
import { toScope } from '../context/abort-signal-context.js';

/** What an application has to do with beside its tasks. */
export interface Surroundings {
  /** Failures that come from there: each stops the application, whatever `onFailure` says. */
  readonly failures$?: Observable<unknown>;
  /** Whether a request to stop waits for the `drainDelay`; it does unless said. */
  drains?(cause: unknown): boolean;
  /** Whether all tasks are ready and nobody has asked to stop, whenever that changes. */
  tellReady?(ready: boolean): void;
}

type AppOptions = Required<Omit<OrchestrateOptions, 'parent'>>;

/** One run of an application. */
export class AppRun implements Owner<unknown> {
  private readonly runners: readonly TaskRunner[];
  private readonly own: ReadonlySet<TaskRunner>;
  private readonly options: AppOptions;
  private readonly subscriber: Subscriber<AppEvent>;
  private readonly surroundings: Surroundings;
  private readonly master: Scope;
  private readonly cancel: CancelFunc;
  private readonly watchers = new Hub<AppEvent>();
  private readonly outcomes: Outcome[] = [];
  /** Who has yet to become ready. */
  private readonly missing = new Set<Member<unknown> | 'all'>(['all']);
  private isReady = false;
  private joining: Subscription | undefined = undefined;
  private asked: { readonly cause: unknown; readonly at: number } | undefined = undefined;
  private readonly failures: unknown[] = [];
  /** Who could not be started, and why. */
  private readonly refusals = new Map<Member<unknown>, unknown>();

  constructor(
    runners: readonly TaskRunner[],
    options: AppOptions,
    surroundings: Surroundings,
    subscriber: Subscriber<AppEvent>,
  ) {
    this.runners = runners;
    this.own = new Set(runners);
    this.options = options;
    this.subscriber = subscriber;
    this.surroundings = surroundings;
    const master = new Scope(options.scheduler, toScope(background), this.hooks());
    this.master = master;
    this.cancel = (cause) => Scope.cancel(master, cause);
    subscriber.add(() => {
      // Before the cancel, so that an error that nobody waits for any longer is known as that.
      this.joining?.unsubscribe();
      this.cancel(new CancelledError('Unsubscribed'));
    });
    // Before anything hangs on the master, so that the cancel is told before what comes of it.
    subscriber.add(master.cancelled$.subscribe((cause) => this.tell({ type: 'cancelled', cause })));
  }

  start(): void {
    const { runners, subscriber, master, missing } = this;
    const cancel: CancelFunc = (cause) =>
      cause instanceof SignalError ? this.stopFromOutside(cause) : this.stop(cause);
    const going: TaskRunner[] = [];
    for (const runner of runners) {
      if (subscriber.closed) return;
      const member = new Member(this, runner.toString(), master.scheduler, master);
      missing.add(member);
      startMember(runner, member, cancel);
      if (!this.refusals.has(member)) going.push(runner);
    }
    missing.delete('all');
    this.judgeReady();
    if (subscriber.closed) return;
    this.joining = joinAll(master, this.options.timeout, going).subscribe({
      next: (outcome) => this.outcomes.push(outcome),
      complete: () => {
        for (const error of this.refusals.values()) return subscriber.error(error);
        this.tell({ type: 'shutdown', report: this.report() });
        subscriber.complete();
      },
    });
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
    this.tell({ type: 'draining', cause });
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

  relay(event: TaskEvent, run?: RunContext): void {
    this.tell(event, run);
    // Before the join hears of it, which may be over then.
    if (event.type === 'done' && this.own.has(event.outcome.runner)) this.judge(event.outcome);
  }

  next(): void {
    // What a task yields is for those who have its runner.
  }

  ready(member: Member<unknown>, is: boolean): void {
    if (is) this.missing.delete(member);
    else this.missing.add(member);
    this.judgeReady();
  }

  ended(member: Member<unknown>, outcome: Outcome): void {
    this.ready(member, !outcome.error);
    this.judge(outcome);
  }

  refused(member: Member<unknown>, error: unknown): void {
    this.refusals.set(member, error);
    this.stop(error);
  }

  private hooks(): RunHooks {
    const { runners, watchers } = this;
    const { timeout, instruments } = this.options;
    const hooks: RunHooks = { wrapHook: surround(instruments), onRunEnd: tellEnd(instruments) };
    const isReady = () => this.isReady;
    registerApplication(hooks, {
      runners,
      timeout,
      get ready() {
        return isReady();
      },
      events$: watchers.stream,
    });
    return hooks;
  }

  private tell(event: AppEvent, run?: RunContext): void {
    if (this.closed) return;
    for (const instrument of this.options.instruments) attempt(() => instrument.event?.(event, run));
    this.watchers.next(event);
    this.subscriber.next(event);
  }

  private judge({ error }: Outcome): void {
    if (error && this.options.onFailure === 'cancel') this.stop(error);
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
    const { master, outcomes, failures, asked } = this;
    return new ShutdownReport({
      cause: master.cancelled ? master.cause : asked?.cause,
      outcomes,
      failures,
      clean: failures.length === 0 && outcomes.every(({ status }) => status !== 'failed' && status !== 'timed-out'),
      durationMs: asked ? this.options.scheduler.now() - asked.at : 0,
    });
  }
}
