import { asyncScheduler, type SchedulerLike, type Subscription } from 'rxjs';
import { append, notifyAll, type LinkedList, type ListNode } from '../util/linked-list.js';

/** Tells whoever stands in it, at a time by a scheduler's clock. */
class CoalescedTimer implements LinkedList {
  first: ListNode | undefined = undefined;
  last: ListNode | undefined = undefined;
  private readonly at: number;
  private readonly timer: Subscription;

  constructor(scheduler: SchedulerLike, now: number, at: number) {
    this.at = at;
    this.timer = scheduler.schedule(fire, at - now, this);
  }

  onEmpty(): void {
    this.timer.unsubscribe();
    if (timersThisTurn.get(this.at) === this) timersThisTurn.delete(this.at);
  }
}

/** Has a link told at a time; to leave its chain calls that off. */
export function scheduleCoalesced(link: ListNode, scheduler: SchedulerLike, now: number, at: number): void {
  // In virtual time everything keeps its place among all that is due at one instant.
  const shared = scheduler === asyncScheduler;
  let alarm = shared ? timersThisTurn.get(at) : undefined;
  if (!alarm) {
    alarm = new CoalescedTimer(scheduler, now, at);
    if (shared) share(alarm, at);
  }
  append(alarm, link);
}

/**
 * The alarms set since the event loop last turned. With very many crons timers cost more than what they wake, so those that
 * set theirs in one turn, as they do when they were woken together, share them. Not for longer: the clock may be set.
 */
const timersThisTurn = new Map<number, CoalescedTimer>();

function share(alarm: CoalescedTimer, at: number): void {
  if (timersThisTurn.size === 0) void Promise.resolve().then(() => timersThisTurn.clear());
  timersThisTurn.set(at, alarm);
}

function fire(alarm?: CoalescedTimer): void {
  if (alarm) notifyAll(alarm, undefined);
}
