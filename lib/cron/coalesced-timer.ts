import { asyncScheduler, type SchedulerLike, type Subscription } from 'rxjs';
import { runEachInAsyncContext, type AsyncContext } from '../util/async-context.js';
import { append, notify, remove, type LinkedList, type ListNode } from '../util/linked-list.js';

/** A list node that waits for a time, and is notified in an async context of its own. */
interface TimerNode extends ListNode {
  readonly asyncContext: AsyncContext;
}

/** One timer for all list nodes that wait for the same time. */
class CoalescedTimer implements LinkedList<TimerNode> {
  first: TimerNode | undefined = undefined;
  last: TimerNode | undefined = undefined;
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

/**
 * Notifies a node at a time of the scheduler's clock. Removing the node from its list cancels that, and clears the
 * timer if no other node waits for it.
 */
export function scheduleCoalesced(node: TimerNode, scheduler: SchedulerLike, now: number, at: number): void {
  // In virtual time the actions of one instant run in the order in which they were scheduled, so none is shared.
  const shared = scheduler === asyncScheduler;
  let timer = shared ? timersThisTurn.get(at) : undefined;
  if (!timer) {
    timer = new CoalescedTimer(scheduler, now, at);
    if (shared) share(timer, at);
  }
  append(timer, node);
}

/**
 * Timers that were set in this turn of the event loop, by their time. With thousands of crons, a timer costs more than
 * the run it starts. Crons that are woken together set their next timers in the same turn, and share them. Timers are
 * not shared across turns, because the clock may be set in between.
 */
const timersThisTurn = new Map<number, CoalescedTimer>();

function share(timer: CoalescedTimer, at: number): void {
  if (timersThisTurn.size === 0) void Promise.resolve().then(() => timersThisTurn.clear());
  timersThisTurn.set(at, timer);
}

function fire(timer?: CoalescedTimer): void {
  if (!timer) return;
  const next = () => {
    const { first } = timer;
    if (first) remove(first);
    return first;
  };
  runEachInAsyncContext(next, notify);
}
