/** Items that are written together: one batch is under way at a time, and what comes meanwhile makes up the next. */
export class Batch<Item, Result> {
  private readonly write: (items: readonly Item[]) => Promise<readonly Result[]>;
  private readonly most: number;
  private waiting: { item: Item; resolve: (result: Result) => void; reject: (error: unknown) => void }[] = [];
  private writing: Promise<void> | undefined = undefined;

  constructor(write: (items: readonly Item[]) => Promise<readonly Result[]>, most: number) {
    this.write = write;
    this.most = most;
  }

  add(item: Item): Promise<Result> {
    return new Promise((resolve, reject) => {
      this.waiting.push({ item, resolve, reject });
      this.writing ??= this.writeAll();
    });
  }

  /** Waits until all is written. */
  async flush(): Promise<void> {
    while (this.writing) await this.writing;
  }

  private async writeAll(): Promise<void> {
    // What is added in one turn goes together.
    await new Promise(setImmediate);
    while (this.waiting.length > 0) {
      const batch = this.waiting.splice(0, this.most);
      try {
        const results = await this.write(batch.map(({ item }) => item));
        batch.forEach(({ resolve }, place) => resolve(results[place] as Result));
      } catch (error) {
        for (const { reject } of batch) reject(error);
      }
    }
    // In the same turn as the look above: what is added between the two would wait for what is added after it.
    this.writing = undefined;
  }
}
