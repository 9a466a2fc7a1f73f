import { slotAfter, type Schedule } from './schedule.js';
import { remove, ListNode } from '../util/linked-list.js';
import { SlotRun, type SlotOwner } from './slot-run.js';

/**
 * A queue of missed slots that are to be run. Slots are computed one at a time, because there may be millions: a period
 * of 10 ms misses 10 million in a day.
 */
export class MissedSlotQueue<T> extends ListNode {
  first: number;
  count: number;
  private readonly owner: SlotOwner<T>;
  private readonly schedule: Schedule;
  private readonly last: number;
  private readonly delay: number;

  /** @param delay the ms from a slot to when it was due by the clock, which may have been set back. */
  constructor(owner: SlotOwner<T>, schedule: Schedule, first: number, last: number, count: number, delay: number) {
    super();
    this.owner = owner;
    this.schedule = schedule;
    this.first = first;
    this.last = last;
    this.count = count;
    this.delay = delay;
  }

  /** Returns the first slot. With the last slot the queue removes itself from its list. */
  dequeue(): SlotRun<T> {
    const slot = this.first;
    const following = slot < this.last ? slotAfter(this.schedule, slot) : undefined;
    this.count--;
    if (following === undefined) remove(this);
    else this.first = following;
    return new SlotRun(this.owner, slot, slot + this.delay, 'missed');
  }
}
