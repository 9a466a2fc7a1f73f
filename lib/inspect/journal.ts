import type { RecordedEvent } from '../recording/recorded.js';

/** The last events, each with its number, so that whoever has read up to one can go on after it. */
export class Journal {
  private readonly limit: number;
  private kept: RecordedEvent[] = [];
  /** The number of the first that is kept. */
  private first = 0;

  constructor(limit: number) {
    this.limit = limit;
  }

  /** The number that the next event will have. */
  get end(): number {
    return this.first + this.kept.length;
  }

  /** The number of the first event that can be read. */
  get start(): number {
    return Math.max(this.first, this.end - this.limit);
  }

  add(event: RecordedEvent): void {
    // Dropped many at a time, because each time costs as much as all that is kept.
    if (this.kept.push(event) < 2 * this.limit) return;
    this.first = this.start;
    this.kept = this.kept.slice(-this.limit);
  }

  /** At most `most` events from a number on. */
  read(from: number, most: number): readonly RecordedEvent[] {
    return this.kept.slice(from - this.first, from - this.first + most);
  }
}
