import type { SchedulerLike, Subscription } from 'rxjs';
import { join, tellAll, type Chain, type Link } from './chain.js';

/** For how many ms others may join an alarm that was set: the clock may have been set since an older one was. */
const joinable = 5;

/** Wakes links at times by a scheduler's clock. */
export class Alarms {
  readonly scheduler: SchedulerLike;
  readonly byTime: Map<number, Alarm> = new Map<number, Alarm>();

  private constructor(scheduler: SchedulerLike) {
    this.scheduler = scheduler;
  }

  static of(scheduler: SchedulerLike): Alarms {
    let alarms = all.get(scheduler);
    if (!alarms) all.set(scheduler, (alarms = new Alarms(scheduler)));
    return alarms;
  }

  /** To leave its chain calls it off. */
  wake(link: Link, now: number, at: number): void {
    let alarm = this.byTime.get(at);
    if (!alarm || Math.abs(now - alarm.setAt) > joinable) this.byTime.set(at, (alarm = new Alarm(this, now, at)));
    join(alarm, link);
  }
}

const all = new WeakMap<SchedulerLike, Alarms>();

/** All that are to be woken at one time share a timer: with very many crons the timers cost more than the waking. */
class Alarm implements Chain {
  first: Link | undefined = undefined;
  last: Link | undefined = undefined;
  readonly setAt: number;
  private readonly at: number;
  private readonly alarms: Alarms;
  private readonly timer: Subscription;

  constructor(alarms: Alarms, now: number, at: number) {
    this.alarms = alarms;
    this.setAt = now;
    this.at = at;
    this.timer = alarms.scheduler.schedule(ring, at - now, this);
  }

  ring(): void {
    this.forget();
    tellAll(this, undefined);
  }

  emptied(): void {
    this.timer.unsubscribe();
    this.forget();
  }

  private forget(): void {
    const { byTime } = this.alarms;
    if (byTime.get(this.at) === this) byTime.delete(this.at);
  }
}

function ring(alarm?: Alarm): void {
  alarm?.ring();
}
