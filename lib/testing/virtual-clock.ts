import { Subscription, VirtualAction, VirtualTimeScheduler } from 'rxjs';
import { captureAsyncContext, runInAsyncContext, type AsyncContext } from '../util/async-context.js';
import { invalid, validateMs } from '../util/validate.js';
import { controlPromises } from '../util/settle-on.js';
import { TimerQueue } from './timer-queue.js';

/**
 * Creates a clock in virtual time that starts at an epoch. Time passes only when the test advances it. As the
 * `scheduler` of a context it makes calendars, time zones and DST changes behave as in production.
 *
 * @param time Time that the clock shows first, as `new Date()` takes it. Default: 0, in ms since 1970.
 * @throws RangeError when that is no time.
 *
 * @example
 * ```ts
 * import { cron, task, withCancel } from 'rxjs-tasks';
 * import { virtualClock } from 'rxjs-tasks/testing';
 *
 * const clock = virtualClock('2026-03-29T00:59:00Z');
 * const [ctx] = withCancel(undefined, { scheduler: clock });
 * const backup = task('backup', () => console.log(new Date(clock.now()).toISOString()));
 * cron(backup, '30 2 * * *', { timezone: 'Europe/Berlin' }).start(ctx).subscribe();
 * clock.advance(36 * 3_600_000);
 * // → 2026-03-29T01:00:00.000Z
 * // → 2026-03-30T00:30:00.000Z
 * ```
 */
export function virtualClock(time: string | number | Date = 0): VirtualClock {
  return new VirtualClock(toEpoch('time', time));
}

/** Converts what `new Date()` takes to ms since 1970. @throws RangeError when that is no time. */
export function toEpoch(name: string, time: string | number | Date): number {
  const epoch = new Date(time).getTime();
  if (Number.isNaN(epoch)) throw new RangeError(invalid(name, 'a time, as `new Date()` takes it', time));
  return epoch;
}

/**
 * A clock made by {@link virtualClock}. Timers follow the time that passes. The time that the clock shows can be set,
 * as on a real machine.
 */
export class VirtualClock extends VirtualTimeScheduler {
  /** Difference between the time that the clock shows and the time that has passed, in ms. */
  private offset: number;
  private choose: ((due: number) => number) | undefined = undefined;
  /** @internal */
  readonly pending: TimerQueue<ClockAction<unknown>> = new TimerQueue<ClockAction<unknown>>();

  /** @internal */
  constructor(epoch: number) {
    super(ClockAction);
    this.offset = epoch;
    this.now = () => this.frame + this.offset;
  }

  /** Number of pending timers. */
  get timers(): number {
    return this.pending.size;
  }

  /**
   * Lets time pass, in ms. Each timer that becomes due fires at its time, in the `AsyncLocalStorage` store of the code
   * that set it.
   *
   * @throws RangeError for a negative or infinite time, and what a timer throws. The time of that timer is then the
   * current one, and later timers are still pending.
   */
  advance(ms: number): void {
    validateMs('ms', ms);
    validateFinite(ms);
    const until = this.frame + ms;
    while (this.step(until));
    this.frame = Math.max(this.frame, until);
  }

  /**
   * Sets the clock forward, or back when `ms` is negative. No time passes and no timer fires. A sleep of the machine
   * looks the same.
   */
  adjust(ms: number): void {
    validateFinite(ms);
    this.offset += ms;
  }

  /** Lets time pass, in ms, without firing timers, as a blocked event loop does. Timers that were due fire late. */
  advanceSilently(ms: number): void {
    validateMs('ms', ms);
    validateFinite(ms);
    this.frame += ms;
  }

  /** Fires the next timer, if there is one that is due by the frame `until`. Returns whether there was one. */
  step(until: number | undefined = Infinity): boolean {
    const action = this.takeNext(until);
    if (!action) return false;
    // The timer is late if time has been advanced silently.
    this.frame = Math.max(this.frame, action.delay);
    runInAsyncContext(action.asyncContext, fire, action, undefined);
    return true;
  }

  /**
   * Fires the timers that are due now, in their usual order, but not those that they set.
   *
   * @param onError called with what a timer throws.
   * @internal
   */
  fireDue(onError: (error: unknown) => void): void {
    for (const action of this.pending.until(this.frame)) {
      // Another timer may have unsubscribed it.
      if (action.closed) continue;
      this.pending.delete(action);
      try {
        runInAsyncContext(action.asyncContext, fire, action, undefined);
      } catch (error) {
        onError(error);
      }
    }
  }

  /** Fires all timers, one after the other, until none is pending. */
  override flush(): void {
    while (this.step(this.maxFrames));
  }

  /**
   * Sets a function that chooses which of the timers due at one instant fires first. Promises that hooks have returned
   * are among them once they have settled.
   *
   * @internal
   */
  set order(choose: (due: number) => number) {
    this.choose = choose;
    controlPromises(
      this,
      <T>(promise: PromiseLike<T>) =>
        new Promise<T>((resolve, reject) => {
          // An iterator may return something other than a promise.
          Promise.resolve(promise).then(
            (value) => void this.schedule(() => resolve(value)),
            (error: unknown) => void this.schedule(() => reject(error)),
          );
        }),
    );
  }

  private takeNext(until: number): ClockAction<unknown> | undefined {
    const { pending, choose } = this;
    const { first } = pending;
    if (!first || first.delay > until) return undefined;
    const due = choose ? pending.until(Math.max(this.frame, first.delay)) : [first];
    const next = (choose && due.length > 1 ? due[choose(due.length)] : first) ?? first;
    pending.delete(next);
    return next;
  }
}

/** A timer of a virtual clock. RxJS sorts all timers each time that it adds one. */
class ClockAction<T> extends VirtualAction<T> {
  declare protected scheduler: VirtualClock;
  /** As timers of Node do, it fires in the stores of the code that has set it. */
  readonly asyncContext: AsyncContext = captureAsyncContext();

  override schedule(state?: T, delay = 0): Subscription {
    // As in RxJS, a timer that is never due is not pending.
    if (!Number.isFinite(delay)) return Subscription.EMPTY;
    // RxJS chains a new action to one that repeats. To unsubscribe a long chain would overflow the stack.
    if (!this.closed) this.id = this.recycleAsyncId(this.scheduler);
    return super.schedule(state, delay);
  }

  protected override requestAsyncId(clock: VirtualClock, _id?: unknown, delay = 0): number {
    this.delay = clock.frame + delay;
    clock.pending.add(this as ClockAction<unknown>);
    return 1;
  }

  protected override recycleAsyncId(clock: VirtualClock): undefined {
    clock.pending.delete(this as ClockAction<unknown>);
  }
}

function fire(action: ClockAction<unknown>): void {
  const error = action.execute(action.state, action.delay) as Error | undefined;
  if (error) throw error;
}

/** Rejects infinite times, because a clock would stay at infinity for ever. */
function validateFinite(ms: number): void {
  if (!Number.isFinite(ms)) throw new RangeError(invalid('ms', 'finite', ms));
}
