import { callWithoutStores } from '../util/call-in-context.js';

/** A limit of the total length of a batch, in any unit. */
export interface LengthLimit<Item> {
  lengthOf(item: Item): number;
  readonly max: number;
}

/** Collects items and writes them in batches, one batch at a time. Items added during a write form the next batch. */
export class Batcher<Item, Result> {
  private readonly write: (items: readonly Item[]) => Promise<readonly Result[]>;
  private readonly maxCount: number;
  private readonly lengthLimit: LengthLimit<Item> | undefined;
  private waiting: { item: Item; resolve: (result: Result) => void; reject: (error: unknown) => void }[] = [];
  private writing: Promise<void> | undefined = undefined;

  /** @param lengthLimit without it, only the number of items is limited. */
  constructor(
    write: (items: readonly Item[]) => Promise<readonly Result[]>,
    maxCount: number,
    lengthLimit?: LengthLimit<Item>,
  ) {
    this.write = write;
    this.maxCount = maxCount;
    this.lengthLimit = lengthLimit;
  }

  add(item: Item): Promise<Result> {
    return new Promise((resolve, reject) => {
      this.waiting.push({ item, resolve, reject });
      // In the stores of no caller, because the batch has the items of several.
      this.writing ??= callWithoutStores(() => this.writeAll());
    });
  }

  /** Waits until all items are written. */
  async flush(): Promise<void> {
    while (this.writing) await this.writing;
  }

  private async writeAll(): Promise<void> {
    // Collects the items that are added in the same turn.
    await new Promise(setImmediate);
    while (this.waiting.length > 0) {
      const batch = this.waiting.splice(0, this.nextCount());
      try {
        const results = await this.write(batch.map(({ item }) => item));
        batch.forEach(({ resolve }, index) => resolve(results[index] as Result));
      } catch (error) {
        for (const { reject } of batch) reject(error);
      }
    }
    // In the same turn as the check above: an item added in between would wait for the next one.
    this.writing = undefined;
  }

  /** Returns the number of items in the next batch. A single item that exceeds the limit has a batch of its own. */
  private nextCount(): number {
    const { waiting, maxCount, lengthLimit } = this;
    if (!lengthLimit) return maxCount;
    let length = 0;
    const index = waiting.findIndex(({ item }) => (length += lengthLimit.lengthOf(item)) > lengthLimit.max);
    return index < 0 ? maxCount : Math.min(Math.max(1, index), maxCount);
  }
}
