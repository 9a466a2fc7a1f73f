import type { RecordedEvent } from '../recording/recorded.js';

/** Some events, as JSON, each followed by a comma. */
interface Page {
  /** The number of its first event. */
  readonly first: number;
  readonly bytes: Buffer;
  /** Where each event ends. */
  readonly ends: number[];
}

/** How large a page is, in bytes, unless one event takes more. */
const pageSize = 1 << 16;

/**
 * The last events, each with its number, so that whoever has read up to one can go on after it. They are kept as the bytes that
 * readers are sent: objects that live for a while are what the garbage collector has the most to do with, and would cost an
 * application with 10,000 events a second more than all else here.
 */
export class Journal {
  private readonly limit: number;
  private readonly pages: Page[] = [];
  /** The number that the next event will have. */
  end = 0;

  constructor(limit: number) {
    this.limit = limit;
  }

  /** The number of the first event that can be read. */
  get start(): number {
    return Math.max(0, this.end - this.limit);
  }

  add(event: RecordedEvent): void {
    const text = JSON.stringify(event);
    // No character takes more than three bytes a code unit.
    const page = this.pageFor(3 * text.length + 1);
    const from = page.ends.at(-1) ?? 0;
    page.ends.push(from + page.bytes.write(`${text},`, from));
    this.end++;
    const second = this.pages[1];
    if (second && second.first <= this.start) this.pages.shift();
  }

  /** Some of the events from a number on, as the inside of a JSON array, and the number that comes after them. */
  read(from: number): { readonly json: Buffer; readonly next: number } {
    const page = this.pages.findLast(({ first }) => first <= from);
    if (!page || from >= this.end) return { json: Buffer.alloc(0), next: from };
    const { first, bytes, ends } = page;
    const start = ends[from - first - 1] ?? 0;
    return { json: bytes.subarray(start, (ends.at(-1) ?? 0) - 1), next: first + ends.length };
  }

  private pageFor(size: number): Page {
    const last = this.pages.at(-1);
    if (last && (last.ends.at(-1) ?? 0) + size <= last.bytes.length) return last;
    const page = { first: this.end, bytes: Buffer.allocUnsafeSlow(Math.max(pageSize, size)), ends: [] };
    this.pages.push(page);
    return page;
  }
}
