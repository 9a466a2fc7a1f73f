import { Observable, Subscription, type Observer, type OperatorFunction } from 'rxjs';
import type { CancelFunc } from '../context/types.js';
import { CancelledError, type TaskError } from '../errors/errors.js';
import type { CompositeRun, RunParts } from '../task/composite.js';
import type { Run } from '../task/run.js';
import type { TaskHooks } from '../task/task-hooks.js';
import type { TaskEventDetail } from '../task/types.js';
import { append, remove, toArray, type LinkedList } from '../util/linked-list.js';
import { MissedSlots } from './missed-slots.js';
import type { Schedule } from './schedule.js';
import type { DueSlots } from './slot-clock.js';
import { SlotRun, type SlotOwner } from './slot-run.js';

/** How a cron goes about its slots; its options say more. */
export interface SlotPolicy {
  readonly overlap: 'skip' | 'bufferOne' | 'bufferAll' | 'cancelOther' | 'allowAll';
  readonly missed: 'skip' | 'runOnce' | 'runAll';
  readonly tolerance: number;
  readonly maxRuns: number | undefined;
  readonly timeout: number | undefined;
  readonly onError: 'continue' | 'stop';
  readonly coordinator: { lease(task: string, slot: number): Observable<boolean> } | undefined;
}

/**
 * Runs the slots that become due, by the cron's overlap policy. Each policy is one of RxJS's flattening operators, with
 * two differences: each slot that is dropped is an event, and a run that is cancelled has finalized before the next starts.
 *
 * | policy        | operator     | a slot that comes due during a run                                       |
 * | ------------- | ------------ | ------------------------------------------------------------------------ |
 * | `skip`        | `exhaustMap` | is dropped                                                               |
 * | `bufferOne`   | –            | waits for the run to end; those that come due while it waits are dropped |
 * | `bufferAll`   | `concatMap`  | waits for its turn                                                       |
 * | `cancelOther` | `switchMap`  | cancels the run, and starts when that has ended                          |
 * | `allowAll`    | `mergeMap`   | starts at once, concurrently                                             |
 */
export function dispatchSlots<T>(
  policy: SlotPolicy,
  schedule: Schedule,
  hooks: TaskHooks<T>,
  ctx: CompositeRun,
  cancelApp: CancelFunc,
): OperatorFunction<DueSlots, T> {
  return (slots$) =>
    new Observable((subscriber) => {
      const dispatcher = new SlotDispatcher(policy, schedule, hooks, ctx, cancelApp, subscriber);
      dispatcher.start(slots$);
      return dispatcher;
    });
}

/** Subscribes to the slots as it is: RxJS takes a Subscription that has an observer's methods for a subscriber. */
class SlotDispatcher<T> extends Subscription implements Observer<DueSlots>, SlotOwner<T>, RunParts {
  readonly ctx: CompositeRun;
  readonly cancelApp: CancelFunc;
  readonly hooks: TaskHooks<T>;
  readonly lease: SlotOwner<T>['lease'];
  private readonly policy: SlotPolicy;
  private readonly subscriber: Observer<T>;
  private readonly schedule: Schedule;
  private readonly waiting: LinkedList<SlotRun<T> | MissedSlots<T>> = { first: undefined, last: undefined };
  private readonly running: LinkedList<SlotRun<T>> = { first: undefined, last: undefined };
  private catchingUp: SlotRun<T> | undefined = undefined;
  private runs = 0;
  /** Whether no further run may start. While it is not, a closed dispatcher still runs the slots that wait. */
  private stopped = false;
  private failure: { readonly error: unknown } | undefined = undefined;
  private dispatching = false;

  constructor(
    policy: SlotPolicy,
    schedule: Schedule,
    hooks: TaskHooks<T>,
    ctx: CompositeRun,
    cancelApp: CancelFunc,
    subscriber: Observer<T>,
  ) {
    super();
    this.policy = policy;
    this.schedule = schedule;
    this.hooks = hooks;
    this.ctx = ctx;
    this.cancelApp = cancelApp;
    this.subscriber = subscriber;
    const { coordinator } = policy;
    this.lease = coordinator && ((slot) => coordinator.lease(this.name, slot));
    ctx.parts = this;
  }

  get name(): string {
    return this.ctx.task;
  }

  get observed(): boolean {
    return this.ctx.observed;
  }

  get tolerance(): number {
    return this.policy.tolerance;
  }

  get timeout(): number | undefined {
    return this.policy.timeout;
  }

  get reachedMaxRuns(): boolean {
    return this.runs === this.policy.maxRuns;
  }

  start(slots$: Observable<DueSlots>): void {
    this.ctx.onCancel((cause) => this.stop(cause));
    slots$.subscribe(this);
  }

  emit(run: Run<T>, detail: TaskEventDetail): void {
    // The rest of a slot's life shows in `slot-started` and `slot-failed`.
    if (detail.type === 'result-dropped' && run.slot !== undefined) this.emitEvent({ ...detail, slot: run.slot });
  }

  emitEvent(detail: TaskEventDetail): void {
    this.ctx.emit(detail);
  }

  outcome(): object {
    // It says nothing of its slots.
    return {};
  }

  abandon(): void {
    for (const slot of toArray(this.running)) slot.abandon();
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

  onSlotEnd(slot: SlotRun<T>, error?: TaskError): void {
    remove(slot);
    if (slot === this.catchingUp) this.catchingUp = undefined;
    if (error) {
      this.ctx.history.lastError = error;
      this.emitEvent({ type: 'slot-failed', slot: slot.slot, error });
      if (this.policy.onError === 'stop') this.error(error);
    }
    this.dispatchNext();
  }

  next({ first, last, count, due, lateBy, more }: DueSlots): void {
    const { missed, tolerance } = this.policy;
    if (missed === 'runAll' && (count > 1 || lateBy > tolerance)) {
      append(this.waiting, new MissedSlots(this, this.schedule, first, last, count, due - last));
      return this.dispatchNext();
    }
    const slot = !more && (lateBy <= tolerance || missed === 'runOnce') ? new SlotRun(this, last, due) : undefined;
    // It has its place before anyone is told of others, who may cancel.
    if (slot) append(this.waiting, slot);
    const dropped = slot ? count - 1 : count;
    if (dropped > 0) this.emitEvent({ type: 'missed', slot: first, count: dropped });
    if (slot?.list === this.waiting) this.dispatch(slot);
  }

  complete(): void {
    this.unsubscribe();
    this.dispatchNext();
  }

  error(error: unknown): void {
    this.failure ??= { error };
    this.stop(error);
  }

  private dispatch(slot: SlotRun<T>): void {
    const { overlap } = this.policy;
    const { waiting, running } = this;
    if (overlap === 'allowAll' || (!running.first && waiting.first === slot)) {
      remove(slot);
      return this.run(slot);
    }
    if (overlap === 'skip' || (overlap === 'bufferOne' && this.waitingBefore(slot)))
      return slot.skip({ reason: 'overlap' });
    if (overlap === 'cancelOther') this.waitingBefore(slot)?.skip({ reason: 'overlap' });
    if (slot.list !== waiting) return;
    slot.watchOverdue();
    // What is caught up with is not cancelled by what comes after it.
    if (overlap !== 'cancelOther' || this.catchingUp || waiting.first !== slot) return;
    for (const other of toArray(running)) other.cancel(new CancelledError('Overtaken by the next slot'), 'overlap');
  }

  /** The slot that waits already, where one alone may. What is caught up with may stand between them. */
  private waitingBefore(slot: SlotRun<T>): SlotRun<T> | undefined {
    return toArray(this.waiting).find((other): other is SlotRun<T> => other instanceof SlotRun && other !== slot);
  }

  private run(slot: SlotRun<T>): void {
    append(this.running, slot);
    slot.acquireLease();
  }

  /** Starts what waits, one at a time. A loop, because runs may end before they have returned. */
  private dispatchNext(): void {
    if (this.dispatching) return;
    this.dispatching = true;
    for (let head = this.nextSlot(); head; head = this.nextSlot()) this.run(head);
    this.dispatching = false;
    if (!this.closed || this.running.first || this.waiting.first) return;
    if (this.failure) this.subscriber.error(this.failure.error);
    else this.subscriber.complete();
  }

  private nextSlot(): SlotRun<T> | undefined {
    const head = this.stopped ? undefined : this.waiting.first;
    if (!head || (this.policy.overlap === 'allowAll' ? this.catchingUp : this.running.first)) return undefined;
    if (head instanceof SlotRun) {
      remove(head);
      return head;
    }
    try {
      this.catchingUp = head.dequeue();
    } catch (error) {
      this.error(error);
    }
    return this.catchingUp;
  }

  private stop(cause: unknown): void {
    this.end();
    for (const slot of toArray(this.running)) slot.cancel(cause, 'ended');
    this.dispatchNext();
  }

  /** No further run is started. */
  private end(): void {
    this.stopped = true;
    this.unsubscribe();
    for (let head = this.waiting.first; head; head = this.waiting.first) {
      remove(head);
      if (head instanceof SlotRun) head.skip({ reason: 'ended' });
      else this.emitEvent({ type: 'missed', slot: head.first, count: head.count });
    }
    for (const slot of toArray(this.running)) slot.skip({ reason: 'ended' });
  }
}
