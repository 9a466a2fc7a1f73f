import type { AppEvent } from '../../app/types.js';
import type { TaskEvent } from '../../task/types.js';
import type { RecordedEvent } from '../../recording/types.js';
import { EventBlock, kindOf, type EventsAsJson } from './event-block.js';

/**
 * The last events, numbered, so that a client can continue after the last event it has read. They are stored in blocks
 * and as little more than numbers. With 10,000 events a second, the garbage collection of long-lived objects would cost
 * an application more than everything else here.
 */
export class EventLog {
  private readonly limit: number;
  private readonly blocks: EventBlock[] = [];
  /** The latest answer to `read`, and its arguments: clients that are up to date read the same events. */
  private latest: (EventsAsJson & { readonly from: number; readonly end: number }) | undefined = undefined;
  /** The number of the next event. */
  end = 0;

  /** @param limit the number of events to keep. */
  constructor(limit: number) {
    this.limit = limit;
  }

  /** The number of the first event that can be read. */
  get start(): number {
    return Math.max(0, this.end - this.limit);
  }

  add(event: RecordedEvent): void {
    this.nextBlock().add(event);
  }

  /** Adds an event without its conversion to JSON. Returns `false` if numbers cannot store all of it. */
  addAsNumbers(event: AppEvent): boolean {
    const kind = kindOf(event);
    if (kind > 0) this.nextBlock().addAsNumbers(event as TaskEvent, kind);
    return kind > 0;
  }

  /** Returns some events from a number on. */
  read(from: number): EventsAsJson {
    const { end, latest } = this;
    if (latest?.from === from && latest.end === end) return latest;
    const block = this.blocks.findLast(({ first }) => first <= from);
    if (!block || from >= end) return { json: '', next: from };
    const answer = block.read(from);
    this.latest = { from, end, ...answer };
    return answer;
  }

  /** Returns the block that has a place for the next event. */
  private nextBlock(): EventBlock {
    this.end++;
    const [, second] = this.blocks;
    if (second && second.first <= this.start) this.blocks.shift();
    const last = this.blocks.at(-1);
    if (last && !last.isFull) return last;
    const block = new EventBlock(this.end - 1);
    this.blocks.push(block);
    return block;
  }
}
