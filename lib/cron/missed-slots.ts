import { next, type Schedule } from './schedule.js';
import { remove, ListNode } from '../util/linked-list.js';
import { SlotRun, type SlotOwner } from './slot-run.js';

/** Slots that were missed and are to be caught up with, looked up one by one: they may be very many. */
export class MissedSlots<T> extends ListNode {
  first: number;
  count: number;
  private readonly owner: SlotOwner<T>;
  private readonly schedule: Schedule;
  private readonly last: number;
  private readonly delay: number;

  constructor(host: SlotOwner<T>, schedule: Schedule, first: number, last: number, count: number, delay: number) {
    super();
    this.owner = host;
    this.schedule = schedule;
    this.first = first;
    this.last = last;
    this.count = count;
    this.delay = delay;
  }

  dequeue(): SlotRun<T> {
    const slot = this.first;
    const following = slot < this.last ? next(this.schedule, slot) : undefined;
    this.count--;
    if (following === undefined) remove(this);
    else this.first = following;
    return new SlotRun(this.owner, slot, slot + this.delay);
  }
}
