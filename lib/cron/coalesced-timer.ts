import { asyncScheduler, type SchedulerLike, type Subscription } from 'rxjs';
import { join, tellAll, type Chain, type Link } from '../util/linked-list.js';

/** Tells whoever stands in it, at a time by a scheduler's clock. */
class Alarm implements Chain {
  first: Link | undefined = undefined;
  last: Link | undefined = undefined;
  private readonly at: number;
  private readonly timer: Subscription;

  constructor(scheduler: SchedulerLike, now: number, at: number) {
    this.at = at;
    this.timer = scheduler.schedule(ring, at - now, this);
  }

  emptied(): void {
    this.timer.unsubscribe();
    if (thisTurn.get(this.at) === this) thisTurn.delete(this.at);
  }
}

/** Has a link told at a time; to leave its chain calls that off. */
export function wake(link: Link, scheduler: SchedulerLike, now: number, at: number): void {
  // In virtual time everything keeps its place among all that is due at one instant.
  const shared = scheduler === asyncScheduler;
  let alarm = shared ? thisTurn.get(at) : undefined;
  if (!alarm) {
    alarm = new Alarm(scheduler, now, at);
    if (shared) share(alarm, at);
  }
  join(alarm, link);
}

/**
 * The alarms set since the event loop last turned. With very many crons timers cost more than what they wake, so those that
 * set theirs in one turn, as they do when they were woken together, share them. Not for longer: the clock may be set.
 */
const thisTurn = new Map<number, Alarm>();

function share(alarm: Alarm, at: number): void {
  if (thisTurn.size === 0) void Promise.resolve().then(() => thisTurn.clear());
  thisTurn.set(at, alarm);
}

function ring(alarm?: Alarm): void {
  if (alarm) tellAll(alarm, undefined);
}
