import { callWithoutStores } from '../util/call-in-context.js';

/** A limit of the total length of a batch, in any unit. */
export interface LengthLimit<Item> {
  lengthOf(item: Item): number;
  readonly max: number;
}

/** Limits of batches. */
export interface BatchLimits<Item> {
  /** The maximum number of items in a batch. */
  readonly maxCount: number;
  /** The maximum number of batches that are written at the same time. Default: 1. */
  readonly maxConcurrent?: number;
  readonly length?: LengthLimit<Item>;
  /** Waits until some of the items can be written, and returns how many. Default: all of them, at once. */
  readonly room?: (items: readonly Item[]) => Promise<number>;
}

interface WaitingItem<Item, Result> {
  readonly item: Item;
  readonly resolve: (result: Result) => void;
  readonly reject: (error: unknown) => void;
}

/** Collects items and writes them in batches. Items that are added during a write form the next batch. */
export class Batcher<Item, Result> {
  private readonly write: (items: readonly Item[]) => Promise<readonly Result[]>;
  private readonly limits: BatchLimits<Item>;
  private waiting: WaitingItem<Item, Result>[] = [];
  private readonly writing = new Set<Promise<void>>();
  private writers = 0;

  constructor(write: (items: readonly Item[]) => Promise<readonly Result[]>, limits: BatchLimits<Item>) {
    this.write = write;
    this.limits = limits;
  }

  add(item: Item): Promise<Result> {
    return new Promise((resolve, reject) => {
      this.waiting.push({ item, resolve, reject });
      if (this.writers < (this.limits.maxConcurrent ?? 1)) this.startWriter();
    });
  }

  /** Waits until all items are written. */
  async flush(): Promise<void> {
    while (this.writing.size > 0) await Promise.all(this.writing);
  }

  private startWriter(): void {
    this.writers++;
    // In the stores of no caller, because a batch has the items of several.
    const writing = callWithoutStores(() => this.writeAll());
    this.writing.add(writing);
    void writing.then(() => this.writing.delete(writing));
  }

  private async writeAll(): Promise<void> {
    // Collects the items that are added in the same turn.
    await new Promise(setImmediate);
    while (this.waiting.length > 0) {
      const batch = this.waiting.splice(0, this.nextCount());
      try {
        const { room } = this.limits;
        if (room) this.waiting.unshift(...batch.splice(await room(itemsOf(batch))));
        const results = await this.write(itemsOf(batch));
        batch.forEach(({ resolve }, index) => resolve(results[index] as Result));
      } catch (error) {
        for (const { reject } of batch) reject(error);
      }
    }
    // In the same turn as the check above: an item added in between would wait for the next one.
    this.writers--;
  }

  /** Returns the number of items in the next batch. A single item that exceeds the limit has a batch of its own. */
  private nextCount(): number {
    const { maxCount, length } = this.limits;
    if (!length) return maxCount;
    let total = 0;
    const next = this.waiting.slice(0, maxCount);
    const index = next.findIndex(({ item }) => (total += length.lengthOf(item)) > length.max);
    return index < 0 ? maxCount : Math.max(1, index);
  }
}

function itemsOf<Item>(batch: readonly { readonly item: Item }[]): Item[] {
  return batch.map(({ item }) => item);
}
