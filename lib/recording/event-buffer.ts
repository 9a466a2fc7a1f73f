import type { RecordedEvent, Recording } from './types.js';

/** The last events, up to a limit. */
export class EventBuffer implements Recording {
  readonly version = 1;
  readonly from: number;
  private readonly limit: number;
  private stored: RecordedEvent[] = [];
  private droppedBefore = 0;

  constructor(from: number, limit: number) {
    this.from = from;
    this.limit = limit;
  }

  get events(): RecordedEvent[] {
    return this.stored.slice(-this.limit);
  }

  get dropped(): number {
    return this.droppedBefore + Math.max(0, this.stored.length - this.limit);
  }

  add(event: RecordedEvent): void {
    // Drops many events at once, because each drop copies all events that stay.
    if (this.stored.push(event) < 2 * this.limit) return;
    this.droppedBefore += this.stored.length - this.limit;
    this.stored = this.events;
  }

  toJSON(): Recording {
    const { version, from, events, dropped } = this;
    return { version, from, events, dropped };
  }
}
