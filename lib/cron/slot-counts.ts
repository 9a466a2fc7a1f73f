import type { SlotHistory, SlotOutcome } from '../task/types.js';

/** Counts the slots of a cron, over all its runs. */
export class SlotCounts implements SlotHistory {
  runs = 0;
  failures = 0;
  skipped = 0;
  missed = 0;
  last?: SlotOutcome;

  /** Counts a slot that was run or skipped. */
  add(outcome: SlotOutcome): void {
    const { status } = outcome;
    if (status === 'skipped') {
      this.skipped++;
      return;
    }
    this.runs++;
    if (status === 'failed') this.failures++;
    this.last = outcome;
  }

  get counted(): boolean {
    return this.runs + this.skipped + this.missed > 0;
  }

  /** Returns the counts at this time. */
  get now(): SlotHistory {
    const { runs, failures, skipped, missed, last } = this;
    return { runs, failures, skipped, missed, ...(last && { last }) };
  }
}
