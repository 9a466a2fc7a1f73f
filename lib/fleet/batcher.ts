/** Collects items and writes them in batches, one batch at a time. Items added during a write form the next batch. */
export class Batcher<Item, Result> {
  private readonly write: (items: readonly Item[]) => Promise<readonly Result[]>;
  private readonly maxSize: number;
  private waiting: { item: Item; resolve: (result: Result) => void; reject: (error: unknown) => void }[] = [];
  private writing: Promise<void> | undefined = undefined;

  constructor(write: (items: readonly Item[]) => Promise<readonly Result[]>, maxSize: number) {
    this.write = write;
    this.maxSize = maxSize;
  }

  add(item: Item): Promise<Result> {
    return new Promise((resolve, reject) => {
      this.waiting.push({ item, resolve, reject });
      this.writing ??= this.writeAll();
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
      const batch = this.waiting.splice(0, this.maxSize);
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
}
