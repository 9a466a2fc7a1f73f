import {
  EMPTY,
  Observable,
  Subscription,
  type Observer,
  type OperatorFunction,
  type SchedulerLike,
  type Subscriber,
} from 'rxjs';
import type { CancelFunc } from '../context/types.js';
import { CancelledError, TaskError } from '../errors/errors.js';
import type { AskedBy } from '../task/by-whom.js';
import type { CompositeRun, RunParts } from '../task/composite.js';
import { hasEventSubscriber } from '../task/event-listeners.js';
import type { Run } from '../task/run.js';
import type { RunIds } from '../task/run-ids.js';
import type { TaskHooks } from '../task/task-hooks.js';
import type { Outcome, SlotOutcome, TaskEventDetail, TaskRunner } from '../task/types.js';
import { captureAsyncContext, runInAsyncContext, type AsyncContext } from '../util/async-context.js';
import { append, remove, toArray, type LinkedList } from '../util/linked-list.js';
import type { ControlledSlots, CronControl } from './cron-control.js';
import type { SlotPolicy } from './cron-options.js';
import { followPause, followTriggers } from './follow-coordinator.js';
import { MissedSlotQueue } from './missed-slot-queue.js';
import { recentSlots } from './recent-slots.js';
import type { DueSlots } from './slot-clock.js';
import { emitOrLog, SlotLog, type LoggedCron, type SlotNotice } from './slot-log.js';
import { SlotRun, type SlotOwner } from './slot-run.js';

/**
 * Flattens due slots into the values of their runs, by the cron's `overlap` policy. Each policy but
 * `bufferOne` resembles one of RxJS's flattening operators:
 *
 * | policy        | operator     | a slot that comes due during a run                                           |
 * | ------------- | ------------ | ---------------------------------------------------------------------------- |
 * | `skip`        | `exhaustMap` | is dropped                                                                   |
 * | `bufferOne`   | –            | waits for the run to end; slots that come due while it waits are dropped     |
 * | `bufferAll`   | `concatMap`  | waits for its turn                                                           |
 * | `cancelOther` | `switchMap`  | cancels the run, and starts when that has ended; it drops a waiting slot     |
 * | `allowAll`    | `mergeMap`   | starts at once, concurrently                                                 |
 *
 * There are two differences: RxJS drops values silently, but each dropped slot is an event here; and `switchMap` does
 * not wait for the end of the run that it cancels.
 */
export function dispatchSlots<T>(
  control: CronControl<T>,
  ctx: CompositeRun,
  cancelApp: CancelFunc,
  asyncContext: AsyncContext,
): OperatorFunction<DueSlots, T> {
  return (slots$) =>
    new Observable((subscriber) => {
      const dispatcher = new SlotDispatcher(control, ctx, cancelApp, asyncContext, subscriber);
      dispatcher.start(slots$);
      return dispatcher;
    });
}

/** Subscribes to the due slots, and runs them. Closed when no further slot is received. */
class SlotDispatcher<T> extends Subscription implements SlotOwner<T>, RunParts, LoggedCron, ControlledSlots {
  readonly ctx: CompositeRun;
  readonly cancelApp: CancelFunc;
  readonly hooks: TaskHooks<T>;
  readonly asyncContext: AsyncContext;
  private readonly control: CronControl<T>;
  private readonly policy: SlotPolicy;
  private readonly subscriber: Subscriber<T>;
  /** Slots, and queues of missed slots, that wait for their turn. */
  private readonly waiting: LinkedList<SlotRun<T> | MissedSlotQueue<T>> = { first: undefined, last: undefined };
  private readonly runningSlots: LinkedList<SlotRun<T>> = { first: undefined, last: undefined };
  /** The current run of a missed slot. */
  private missedRun: SlotRun<T> | undefined = undefined;
  /** The number of runs that were started. */
  private runs = 0;
  /** Whether the cron was stopped, or has ended. */
  private ended = false;
  private slots$: Observable<DueSlots> = EMPTY;
  /** Whether the last slot has been received. Those that wait are still run, and a reschedule brings others. */
  private scheduleEnded = false;
  /** The slots that are too old, of emissions that are followed by another at once. */
  private dropped: { readonly first: number; count: number } | undefined = undefined;
  private failure: TaskError | undefined = undefined;
  private dispatching = false;

  constructor(
    control: CronControl<T>,
    ctx: CompositeRun,
    cancelApp: CancelFunc,
    asyncContext: AsyncContext,
    subscriber: Subscriber<T>,
  ) {
    super();
    this.control = control;
    this.policy = control.policy;
    this.hooks = control.slotHooks;
    this.ctx = ctx;
    this.cancelApp = cancelApp;
    this.asyncContext = asyncContext;
    this.subscriber = subscriber;
    ctx.parts = this;
  }

  get name(): string {
    return this.ctx.task;
  }

  get observed(): boolean {
    return this.ctx.observed;
  }

  get childRunIds(): RunIds {
    return this.ctx.childRunIds;
  }

  get tolerance(): number {
    return this.policy.tolerance;
  }

  get timeout(): number | undefined {
    return this.policy.timeout;
  }

  get lease(): SlotPolicy['lease'] {
    return this.policy.lease;
  }

  get scheduler(): SchedulerLike {
    return this.ctx.scheduler;
  }

  get running(): number {
    return toArray(this.runningSlots).length;
  }

  /** Whether no further run may start. During the cancel, an abort listener is called before `stop`. */
  get stopped(): boolean {
    return this.ended || this.ctx.cancelled;
  }

  get remainingRuns(): number {
    return (this.policy.maxRuns ?? Infinity) - this.runs;
  }

  get reachedMaxRuns(): boolean {
    return this.remainingRuns === 0;
  }

  start(slots$: Observable<DueSlots>): void {
    this.slots$ = slots$;
    this.ctx.onCancel((cause) => this.stop(cause));
    this.control.begin(this);
    // A listener of `paused` may have cancelled the cron.
    if (this.stopped) return;
    const { watchPause, watchTriggers } = this.policy;
    // Before the first slot, which may be due at the start.
    if (watchPause) followPause(watchPause, this, (paused, by) => this.control.setPause('coordinator', paused, by));
    if (watchTriggers) followTriggers(watchTriggers, this, (by) => this.trigger(by));
    this.subscribeSlots();
  }

  followSchedule(): void {
    if (this.scheduleEnded && !this.closed) this.subscribeSlots();
  }

  private subscribeSlots(): void {
    this.scheduleEnded = false;
    const subscription = new SlotsSubscription(this);
    // Before the clock is subscribed, because the first slots are emitted there.
    this.add(subscription);
    this.slots$.subscribe(subscription);
  }

  onScheduleEnd(): void {
    this.scheduleEnded = true;
    this.dispatchNext();
  }

  /** Runs a slot now, by the overlap policy. Resolves with its outcome. */
  trigger(by: AskedBy): Promise<SlotOutcome> {
    const { now } = this;
    return new Promise((resolve) => {
      const slot = new SlotRun(this, now, now, { asyncContext: captureAsyncContext(), onOutcome: resolve });
      // Queued before `triggered` is emitted: a listener may cancel the cron, which skips the queued slots.
      append(this.waiting, slot);
      this.emitEvent({ type: 'triggered', slot: now, ...by });
      if (slot.list === this.waiting) this.dispatch(slot);
    });
  }

  emit(run: Run<T>, detail: TaskEventDetail): void {
    // `slot-started` and `slot-failed` replace all other events of a slot's run.
    if ((detail.type === 'result-dropped' || detail.type === 'teardown-failed') && run.slot !== undefined)
      this.emitEvent({ ...detail, slot: run.slot });
    else if (detail.type === 'future-failed') this.emitEvent(detail);
  }

  emitEvent(detail: TaskEventDetail): void {
    emitOrLog(this.ctx, detail);
  }

  log(notice: SlotNotice): void {
    // An application without an observer passes all events to the console.
    if (hasEventSubscriber(this.ctx)) return;
    (this.control.slotLog ??= new SlotLog()).add(notice, this);
  }

  get now(): number {
    return this.ctx.scheduler.now();
  }

  get runningSince(): number | undefined {
    return this.runningSlots.first?.startedAt;
  }

  /** The runners that the running slots have started. */
  get runners(): readonly TaskRunner[] {
    return toArray(this.runningSlots).flatMap(({ children }) => [...children]);
  }

  /**
   * Returns the counts of the slots, and the children of running slots, which are abandoned then. The slots themselves
   * are not listed.
   */
  outcome(): Pick<Outcome, 'members' | 'slots'> {
    const { counts, slots } = this.control;
    const members = toArray(this.runningSlots).flatMap(({ childOutcomes }) => childOutcomes);
    return { ...(members.length > 0 && { members }), ...(counts.counted && { slots }) };
  }

  abandon(): void {
    for (const slot of toArray(this.runningSlots)) slot.abandon();
    this.control.slotLog?.write(this);
  }

  emitValue(value: T): void {
    this.subscriber.next(value);
  }

  countRun(): void {
    this.runs++;
  }

  runStarted(): void {
    if (this.reachedMaxRuns) this.end();
  }

  onSlotFailure(slot: SlotRun<T>, error: TaskError): void {
    this.control.lastError = error;
    const stops = this.policy.onError === 'stop';
    const isOutcome = stops && !this.failure;
    // Before the event: a listener may end the slot's run, and with it the cron.
    if (isOutcome) this.failure = error;
    // Without a listener, only the subscriber receives the error of the outcome.
    if (this.observed || !isOutcome) this.emitEvent({ type: 'slot-failed', slot: slot.slot, error });
    if (isOutcome && !this.subscriber.closed) this.ctx.fail(error);
    if (stops) this.stop(error);
  }

  onSlotEnd(slot: SlotRun<T>, status: SlotOutcome['status']): void {
    remove(slot);
    this.control.counts.add(slot, status, this.now);
    if (slot === this.missedRun) this.missedRun = undefined;
    this.dispatchNext();
  }

  onDue(slots: DueSlots): void {
    const { control } = this;
    control.storeLast(slots.last);
    // Before the slot's turn: its own notice is one of the next line, and its run has no part in what is written.
    control.slotLog?.writeIfDue(this);
    // The console may have cancelled the cron.
    if (this.stopped) return;
    if (control.paused) control.addPaused(slots.first, slots.count);
    else if (this.policy.missed === 'runAll' && (slots.count > 1 || slots.lateBy > this.policy.tolerance))
      this.queueMissed(slots);
    else this.runLatest(slots);
  }

  /** Queues all slots that are not too old. */
  private queueMissed(slots: DueSlots): void {
    const { schedule, first, last, count, due, moreDue } = slots;
    // The ms from a slot to when it was due by the clock, which may have been set back.
    const delay = due - last;
    const recent = recentSlots(schedule, first, count, this.now - this.policy.missedWithin - delay);
    // The latest may still be on time.
    if (recent.count === 0) return this.runLatest(slots);
    append(this.waiting, new MissedSlotQueue(this, schedule, recent.first, last, recent.count, delay));
    this.drop(first, count - recent.count, moreDue);
    this.dispatchNext();
  }

  /** Runs the last slot, unless it is too old, and drops the others. */
  private runLatest({ first, last, count, due, lateBy, moreDue }: DueSlots): void {
    const { missed, missedWithin, tolerance } = this.policy;
    const onTime = lateBy <= tolerance;
    // With `moreDue`, the next emission brings later slots, so the last slot of this one counts as missed.
    const runs = !moreDue && (onTime || (missed === 'runOnce' && lateBy <= missedWithin));
    const slot = runs ? new SlotRun(this, last, due, onTime ? 'schedule' : 'missed') : undefined;
    // Queued before `missed` is emitted: a listener may cancel the cron, which skips the queued slots.
    if (slot) append(this.waiting, slot);
    this.drop(first, slot ? count - 1 : count, moreDue);
    if (slot?.list === this.waiting) this.dispatch(slot);
  }

  /** Drops slots that are too old. They are one event, with those of the emissions that follow at once. */
  private drop(first: number, count: number, moreDue: boolean): void {
    if (count > 0) {
      this.dropped ??= { first, count: 0 };
      this.dropped.count += count;
    }
    if (!moreDue) this.reportDropped();
  }

  private reportDropped(): void {
    const { dropped } = this;
    this.dropped = undefined;
    if (dropped) this.control.reportMissed(dropped.first, dropped.count);
  }

  fail(error: unknown): void {
    if (!this.failure) {
      this.failure = error instanceof TaskError ? error : new TaskError(this.name, 'execute', error);
      this.ctx.fail(this.failure);
    }
    this.stop(error);
  }

  private dispatch(slot: SlotRun<T>): void {
    const { overlap } = this.policy;
    const { waiting, runningSlots } = this;
    if (overlap === 'allowAll' || (!runningSlots.first && waiting.first === slot)) {
      remove(slot);
      return this.run(slot);
    }
    if (overlap === 'skip' || (overlap === 'bufferOne' && this.otherWaiting(slot)))
      return slot.skip({ reason: 'overlap' });
    if (overlap === 'cancelOther') this.otherWaiting(slot)?.skip({ reason: 'overlap' });
    if (slot.list !== waiting) return;
    slot.watchOverdue();
    // The run of a missed slot is not cancelled by later slots.
    if (overlap !== 'cancelOther' || this.missedRun || waiting.first !== slot) return;
    for (const other of toArray(runningSlots))
      other.cancel(new CancelledError('Overtaken by the next slot'), 'overlap');
  }

  /** Returns another waiting slot, if there is one. Queues of missed slots do not count. */
  private otherWaiting(slot: SlotRun<T>): SlotRun<T> | undefined {
    return toArray(this.waiting).find((other): other is SlotRun<T> => other instanceof SlotRun && other !== slot);
  }

  run(slot: SlotRun<T>): void {
    append(this.runningSlots, slot);
    // A slot that is dropped has its turn when a listener of `skipped` ends the run before it.
    if (!slot.closed) slot.acquireLease();
  }

  /**
   * Starts waiting slots for as long as they may start, in the cron's own async context: the last run ends in the
   * context of its task. A loop, because a synchronous run ends inside its start.
   */
  private dispatchNext(): void {
    if (this.dispatching) return;
    this.dispatching = true;
    for (let slot = this.nextSlot(); slot; slot = this.nextSlot())
      runInAsyncContext(slot.asyncContext, runSlot<T>, this as SlotDispatcher<T>, slot);
    this.dispatching = false;
    if (!(this.closed || this.scheduleEnded) || this.runningSlots.first || this.waiting.first) return;
    // First, so that a listener of what follows starts nothing.
    this.ended = true;
    this.unsubscribe();
    this.control.end();
    this.control.slotLog?.write(this);
    if (this.failure) this.subscriber.error(this.failure);
    else this.subscriber.complete();
  }

  /** Removes and returns the waiting slot that may start now. */
  private nextSlot(): SlotRun<T> | undefined {
    const head = this.stopped || this.failure ? undefined : this.waiting.first;
    if (!head || (this.policy.overlap === 'allowAll' ? this.missedRun : this.runningSlots.first)) return undefined;
    if (head instanceof SlotRun) {
      remove(head);
      return head;
    }
    try {
      this.missedRun = head.dequeue();
    } catch (error) {
      this.fail(error);
    }
    return this.missedRun;
  }

  private stop(cause: unknown): void {
    this.end();
    for (const slot of toArray(this.runningSlots)) slot.cancel(cause, 'ended');
    this.dispatchNext();
  }

  /** Ends the schedule: no further run starts, and all waiting slots are dropped. */
  private end(): void {
    this.ended = true;
    this.unsubscribe();
    this.reportDropped();
    for (let head = this.waiting.first; head; head = this.waiting.first) {
      remove(head);
      if (head instanceof SlotRun) head.skip({ reason: 'ended' });
      else this.control.reportMissed(head.first, head.count);
    }
    for (const slot of toArray(this.runningSlots)) slot.skip({ reason: 'ended' });
  }
}

/** Passes due slots on. RxJS subscribes a Subscription with an observer's methods without a wrapper. */
class SlotsSubscription<T> extends Subscription implements Observer<DueSlots> {
  private readonly dispatcher: SlotDispatcher<T>;

  constructor(dispatcher: SlotDispatcher<T>) {
    super();
    this.dispatcher = dispatcher;
  }

  next(slots: DueSlots): void {
    this.dispatcher.onDue(slots);
  }

  error(error: unknown): void {
    this.dispatcher.fail(error);
  }

  complete(): void {
    this.unsubscribe();
    this.dispatcher.onScheduleEnd();
  }
}

function runSlot<T>(dispatcher: SlotDispatcher<T>, slot: SlotRun<T>): void {
  dispatcher.run(slot);
}
