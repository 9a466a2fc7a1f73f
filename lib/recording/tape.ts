import type { RecordedEvent } from './recorded.js';

/** What an application did, as JSON holds it. */
export interface Recording {
  readonly version: 1;
  /** When it began, in ms since 1970. */
  readonly from: number;
  readonly events: readonly RecordedEvent[];
  /** How many events before these were not kept. */
  readonly dropped: number;
}

/** The last events, of any number. */
export class Tape implements Recording {
  readonly version = 1;
  readonly from: number;
  private readonly limit: number;
  private kept: RecordedEvent[] = [];
  private before = 0;

  constructor(from: number, limit: number) {
    this.from = from;
    this.limit = limit;
  }

  get events(): readonly RecordedEvent[] {
    return this.kept.slice(-this.limit);
  }

  get dropped(): number {
    return this.before + Math.max(0, this.kept.length - this.limit);
  }

  add(event: RecordedEvent): void {
    // Dropped many at a time, because each time costs as much as all that is kept.
    if (this.kept.push(event) < 2 * this.limit) return;
    this.before += this.kept.length - this.limit;
    this.kept = this.kept.slice(-this.limit);
  }

  toJSON(): Recording {
    const { version, from, events, dropped } = this;
    return { version, from, events, dropped };
  }
}
