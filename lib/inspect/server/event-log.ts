import type { RecordedEvent } from '../../recording/types.js';

/** A block of events, as JSON, each followed by a comma. */
interface Block {
  /** The number of its first event. */
  readonly first: number;
  readonly bytes: Buffer;
  /** The end of each event. */
  readonly ends: number[];
}

/** The size of a block, in bytes, unless one event needs more. */
const blockSize = 1 << 16;

/**
 * The last events, numbered, so that a client can continue after the last event it has read. They are stored as the
 * bytes that clients receive. With 10,000 events a second, the garbage collection of long-lived objects would cost an
 * application more than everything else here.
 */
export class EventLog {
  private readonly limit: number;
  private readonly blocks: Block[] = [];
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
    const text = JSON.stringify(event);
    // UTF-8 needs at most three bytes for a code unit.
    const block = this.blockFor(3 * text.length + 1);
    const from = block.ends.at(-1) ?? 0;
    block.ends.push(from + block.bytes.write(`${text},`, from));
    this.end++;
    const second = this.blocks[1];
    if (second && second.first <= this.start) this.blocks.shift();
  }

  /** Returns some events from a number on, as the inside of a JSON array, and the number after the last of them. */
  read(from: number): { readonly json: Buffer; readonly next: number } {
    const block = this.blocks.findLast(({ first }) => first <= from);
    if (!block || from >= this.end) return { json: Buffer.alloc(0), next: from };
    const { first, bytes, ends } = block;
    const start = ends[from - first - 1] ?? 0;
    return { json: bytes.subarray(start, (ends.at(-1) ?? 0) - 1), next: first + ends.length };
  }

  private blockFor(size: number): Block {
    const last = this.blocks.at(-1);
    if (last && (last.ends.at(-1) ?? 0) + size <= last.bytes.length) return last;
    const block = { first: this.end, bytes: Buffer.allocUnsafeSlow(Math.max(blockSize, size)), ends: [] };
    this.blocks.push(block);
    return block;
  }
}
