import type { Observable, Observer } from 'rxjs';
import type { CancelFunc } from '../context/types.js';
import { CancelledError, type TaskError } from '../errors/errors.js';
import type { TaskEventDetail } from '../task/types.js';
import { Backlog } from './missed-slots.js';
import { all, join, leave, type Chain } from '../util/linked-list.js';
import type { Composition, DrivenRun } from '../task/composite.js';
import type { Run } from '../task/run.js';
import { SlotClock, type DueSlots, type SlotSink, type Timetable } from './slot-clock.js';
import { SlotRun, type SlotHost } from './slot-run.js';
import type { Work } from '../task/task-hooks.js';

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

/** The slots of a cron that have become due: which of them wait, which are run, which are dropped. */
export class SlotRuns<T> implements SlotHost<T>, SlotSink, Composition {
  readonly ctx: DrivenRun;
  readonly cancelAll: CancelFunc;
  readonly work: Work<T>;
  readonly lease: SlotHost<T>['lease'];
  /** The last slot that became due. */
  last: number | undefined = undefined;
  private readonly policy: SlotPolicy;
  private readonly subscriber: Observer<T>;
  private readonly timetable: Timetable;
  private readonly clock: SlotClock;
  private readonly waiting: Chain<SlotRun<T> | Backlog<T>> = { first: undefined, last: undefined };
  private readonly going: Chain<SlotRun<T>> = { first: undefined, last: undefined };
  private catchingUp: SlotRun<T> | undefined = undefined;
  private runs = 0;
  /** Once it is closed no more slots come; once it is stopped none of those that wait is run, either. */
  private state: 'open' | 'closed' | 'stopped' = 'open';
  private failure: { readonly error: unknown } | undefined = undefined;
  private moving = false;

  constructor(
    ctx: DrivenRun,
    cancelAll: CancelFunc,
    work: Work<T>,
    policy: SlotPolicy,
    timetable: Timetable,
    subscriber: Observer<T>,
  ) {
    this.ctx = ctx;
    this.cancelAll = cancelAll;
    this.work = work;
    this.policy = policy;
    this.subscriber = subscriber;
    this.timetable = timetable;
    this.clock = new SlotClock(timetable, ctx.scheduler, this);
    const { coordinator } = policy;
    this.lease = coordinator && ((slot) => coordinator.lease(this.name, slot));
    ctx.composition = this;
  }

  get name(): string {
    return this.ctx.task;
  }

  get observed(): boolean {
    return this.ctx.observed;
  }

  /** The slot it waits for. */
  get nextAt(): number | undefined {
    return this.state === 'open' ? this.clock.slot : undefined;
  }

  get tolerance(): number {
    return this.policy.tolerance;
  }

  get timeout(): number | undefined {
    return this.policy.timeout;
  }

  get full(): boolean {
    return this.runs === this.policy.maxRuns;
  }

  start(): void {
    this.ctx.whenCancelled((cause) => this.stop(cause));
    this.clock.start();
  }

  emit(run: Run<T>, detail: TaskEventDetail): void {
    // The rest of a slot's life shows in `tick` and `run-failed`.
    if (detail.type === 'late' && run.slot !== undefined) this.tell({ ...detail, slot: run.slot });
  }

  tell(detail: TaskEventDetail): void {
    this.ctx.emit(detail);
  }

  outcome(): object {
    // It says nothing of its slots.
    return {};
  }

  giveUp(): void {
    for (const slot of all(this.going)) slot.lose();
  }

  deliver(value: T): void {
    this.subscriber.next(value);
  }

  starting(): void {
    this.runs++;
  }

  started(): void {
    if (this.full) this.end();
  }

  over(slot: SlotRun<T>, error?: TaskError): void {
    leave(slot);
    if (slot === this.catchingUp) this.catchingUp = undefined;
    if (error) {
      this.ctx.history.lastError = error;
      this.tell({ type: 'run-failed', slot: slot.slot, error });
      if (this.policy.onError === 'stop') this.fail(error);
    }
    this.goOn();
  }

  accept({ first, last, count, due, late, more }: DueSlots): void {
    const { missed, tolerance } = this.policy;
    this.last = last;
    if (missed === 'runAll' && (count > 1 || late > tolerance)) {
      join(this.waiting, new Backlog(this, this.timetable.schedule, first, last, count, due - last));
      return this.goOn();
    }
    const slot = !more && (late <= tolerance || missed === 'runOnce') ? new SlotRun(this, last, due) : undefined;
    // It has its place before anyone is told of others, who may cancel.
    if (slot) join(this.waiting, slot);
    const dropped = slot ? count - 1 : count;
    if (dropped > 0) this.tell({ type: 'missed', slot: first, count: dropped });
    if (slot?.chain === this.waiting) this.admit(slot);
  }

  close(): void {
    this.state = 'closed';
    this.goOn();
  }

  fail(error: unknown): void {
    this.failure ??= { error };
    this.stop(error);
  }

  private admit(slot: SlotRun<T>): void {
    const { overlap } = this.policy;
    const { waiting, going } = this;
    if (overlap === 'allowAll' || (!going.first && waiting.first === slot)) {
      leave(slot);
      return this.run(slot);
    }
    if (overlap === 'skip' || (overlap === 'bufferOne' && this.before(slot))) return slot.skip({ reason: 'overlap' });
    if (overlap === 'cancelOther') this.before(slot)?.skip({ reason: 'overlap' });
    if (slot.chain !== waiting) return;
    slot.watchOver();
    // What is caught up with is not cancelled by what comes after it.
    if (overlap !== 'cancelOther' || this.catchingUp || waiting.first !== slot) return;
    for (const other of all(going)) other.cancel(new CancelledError('Overtaken by the next slot'), 'overlap');
  }

  /** The slot that waits already, where one alone may. What is caught up with may stand between them. */
  private before(slot: SlotRun<T>): SlotRun<T> | undefined {
    return all(this.waiting).find((other): other is SlotRun<T> => other instanceof SlotRun && other !== slot);
  }

  private run(slot: SlotRun<T>): void {
    join(this.going, slot);
    slot.begin();
  }

  /** Starts what waits, one at a time. A loop, because runs may end before they have returned. */
  private goOn(): void {
    if (this.moving) return;
    this.moving = true;
    for (let head = this.turn(); head; head = this.turn()) this.run(head);
    this.moving = false;
    if (this.state === 'open' || this.going.first || this.waiting.first) return;
    if (this.failure) this.subscriber.error(this.failure.error);
    else this.subscriber.complete();
  }

  private turn(): SlotRun<T> | undefined {
    const head = this.state === 'stopped' ? undefined : this.waiting.first;
    if (!head || (this.policy.overlap === 'allowAll' ? this.catchingUp : this.going.first)) return undefined;
    if (head instanceof SlotRun) {
      leave(head);
      return head;
    }
    try {
      this.catchingUp = head.take();
    } catch (error) {
      this.fail(error);
    }
    return this.catchingUp;
  }

  private stop(cause: unknown): void {
    this.end();
    for (const slot of all(this.going)) slot.cancel(cause, 'ended');
    this.goOn();
  }

  /** No further run is started. */
  private end(): void {
    this.state = 'stopped';
    this.clock.stop();
    for (let head = this.waiting.first; head; head = this.waiting.first) {
      leave(head);
      if (head instanceof SlotRun) head.skip({ reason: 'ended' });
      else this.tell({ type: 'missed', slot: head.first, count: head.count });
    }
    for (const slot of all(this.going)) slot.skip({ reason: 'ended' });
  }
}
