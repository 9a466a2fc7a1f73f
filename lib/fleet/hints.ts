import { callWithoutStores } from '../util/call-in-context.js';

/** The maximum number of hints in one batch, and of those that wait. */
const [maxBatch, maxWaiting] = [500, 20_000];
/** The time for which hints are collected after a batch in which nothing was true, in ms. */
const pauseMs = 50;

/**
 * Hints that something has happened, which any role that may connect can send. They are checked in batches, one at a
 * time, each hint once. Forged hints make the batches rare: a true hint comes after a change, so it is seldom in vain.
 */
export class Hints<Hint> {
  private readonly check: (hints: readonly Hint[]) => Promise<boolean>;
  private readonly waiting = new Map<string, Hint>();
  private checking: Promise<void> | undefined = undefined;

  /** @param check returns whether any of the hints was true. It handles its errors. */
  constructor(check: (hints: readonly Hint[]) => Promise<boolean>) {
    this.check = check;
  }

  /** Whether a hint waits, or is being checked. */
  get busy(): boolean {
    return this.checking !== undefined;
  }

  /** Adds a hint, unless one with the same key waits. Too many are dropped. */
  add(key: string, hint: Hint): void {
    if (this.waiting.size >= maxWaiting) return;
    this.waiting.set(key, hint);
    this.checking ??= callWithoutStores(() => this.checkAll());
  }

  private async checkAll(): Promise<void> {
    // Collects the hints that arrive in the same turn.
    await new Promise(setImmediate);
    while (this.waiting.size > 0) {
      const isTrue = await this.check(this.take());
      // Also if no hint waits: forged ones would otherwise be checked as quickly as the database answers.
      if (!isTrue) await new Promise<void>((resolve) => setTimeout(resolve, pauseMs).unref());
    }
    this.checking = undefined;
  }

  private take(): Hint[] {
    const hints: Hint[] = [];
    for (const [key, hint] of this.waiting) {
      this.waiting.delete(key);
      if (hints.push(hint) === maxBatch) break;
    }
    return hints;
  }
}
