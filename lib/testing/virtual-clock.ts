import { VirtualTimeScheduler } from 'rxjs';
import { invalid, validateMs } from '../util/validate.js';
import { controlPromises } from '../util/settle-on.js';

/**
 * A clock in virtual time, that starts at an epoch: time passes when the test says so. Give it to a context as its
 * `scheduler`, and calendars, time zones and their DST nights come out as they do in production.
 *
 * @param time what the clock shows at first: anything that `new Date()` takes; 0, in ms since 1970, unless said.
 * @throws RangeError when that is no time.
 *
 * @example
 * ```ts
 * import { cron, task, withCancel } from 'rxjs-tasks';
 * import { at } from 'rxjs-tasks/testing';
 *
 * const clock = at('2026-03-29T00:59:00Z');
 * const [ctx] = withCancel(undefined, { scheduler: clock });
 * const backup = task('backup', () => console.log(new Date(clock.now()).toISOString()));
 * cron(backup, '30 2 * * *', { timezone: 'Europe/Berlin' }).start(ctx).subscribe();
 * clock.advance(36 * 3_600_000);
 * // → 2026-03-29T01:00:00.000Z
 * // → 2026-03-30T00:30:00.000Z
 * ```
 */
export function virtualClock(time: string | number | Date = 0): VirtualClock {
  const epoch = new Date(time).getTime();
  if (Number.isNaN(epoch)) throw new RangeError(invalid('at', 'a time, as `new Date()` takes them', time));
  return new VirtualClock(epoch);
}

/** Made by {@link virtualClock}. Timers go by the time that passes; what the clock shows may be set, as a machine's may. */
export class VirtualClock extends VirtualTimeScheduler {
  private ahead: number;
  private choose: ((due: number) => number) | undefined = undefined;

  /** @internal */
  constructor(epoch: number) {
    super();
    this.ahead = epoch;
    this.now = () => this.frame + this.ahead;
  }

  /** How many timers are set. */
  get timers(): number {
    return this.actions.length;
  }

  /** Time passes, in ms, and whatever is due meanwhile happens at its time. */
  advance(ms: number): void {
    validateMs('ms', ms);
    expectFinite('ms', ms);
    const until = this.frame + ms;
    while (this.step(until));
    this.frame = Math.max(this.frame, until);
  }

  /** Sets what the clock shows forward, or back, by so many ms. A sleep looks the same: no time has passed, and the clock has gone on. */
  adjust(byMs: number): void {
    expectFinite('byMs', byMs);
    this.ahead += byMs;
  }

  /** Time passes, in ms, and nothing happens: as when the event loop is blocked. What was due is late then. */
  advanceSilently(ms: number): void {
    validateMs('ms', ms);
    expectFinite('ms', ms);
    this.frame += ms;
  }

  /** Lets the one thing happen that is due next, by a `frame` if there is one. Gives whether there was such a thing. */
  step(until: number | undefined = Infinity): boolean {
    const action = this.take(until);
    if (!action) return false;
    // Whatever has blocked the machine meanwhile has made it late.
    this.frame = Math.max(this.frame, action.delay);
    const error = action.execute(action.state, action.delay) as Error | undefined;
    if (error) throw error;
    return true;
  }

  /**
   * @internal Of so many things that are due at one instant, which is the first to happen; promises that hooks have given back are
   * among them when they have settled.
   */
  set order(choose: (due: number) => number) {
    this.choose = choose;
    controlPromises(
      this,
      <T>(promise: PromiseLike<T>) =>
        new Promise<T>((resolve, reject) => {
          // Of an iterator it may be no promise at all.
          Promise.resolve(promise).then(
            (value) => void this.schedule(() => resolve(value)),
            (error: unknown) => void this.schedule(() => reject(error)),
          );
        }),
    );
  }

  private take(until: number): (typeof this.actions)[number] | undefined {
    const { actions, choose } = this;
    const [next] = actions;
    if (!next || next.delay > until) return undefined;
    if (!choose) return actions.shift();
    const instant = Math.max(this.frame, next.delay);
    const later = actions.findIndex(({ delay }) => delay > instant);
    const due = later === -1 ? actions.length : later;
    return actions.splice(due === 1 ? 0 : choose(due), 1)[0];
  }
}

/** A clock that stands at no time would never go on. */
function expectFinite(name: string, ms: number): void {
  if (!Number.isFinite(ms)) throw new RangeError(invalid(name, 'finite', ms));
}
