import { next, type Schedule } from './schedule.js';
import { leave, Link } from '../util/linked-list.js';
import { SlotRun, type SlotHost } from './slot-run.js';

/** Slots that were missed and are to be caught up with, looked up one by one: they may be very many. */
export class Backlog<T> extends Link {
  first: number;
  count: number;
  private readonly host: SlotHost<T>;
  private readonly schedule: Schedule;
  private readonly last: number;
  private readonly delay: number;

  constructor(host: SlotHost<T>, schedule: Schedule, first: number, last: number, count: number, delay: number) {
    super();
    this.host = host;
    this.schedule = schedule;
    this.first = first;
    this.last = last;
    this.count = count;
    this.delay = delay;
  }

  take(): SlotRun<T> {
    const slot = this.first;
    const following = slot < this.last ? next(this.schedule, slot) : undefined;
    this.count--;
    if (following === undefined) leave(this);
    else this.first = following;
    return new SlotRun(this.host, slot, slot + this.delay);
  }
}
