import type { TaskError } from '../errors/errors.js';
import type { SlotHistory, SlotOutcome } from '../task/types.js';

/** A slot that was run or skipped. */
interface EndedSlot {
  readonly slot: number;
  readonly trigger: SlotOutcome['trigger'];
  readonly startedAt: number | undefined;
  readonly failure: TaskError | undefined;
}

/** Counts the slots of a cron, over all its runs. */
export class SlotCounts {
  missed = 0;
  private runs = 0;
  private failures = 0;
  private skipped = 0;
  // The last run, in fields: an object for each would outlive the young generation, which costs more than the run. So
  // would a number in a field that may also be `undefined`.
  private status: SlotOutcome['status'] = 'skipped';
  private trigger: SlotOutcome['trigger'] = 'schedule';
  private slot = NaN;
  /** `NaN` if the run has not started. */
  private startedAt = NaN;
  private endedAt = NaN;
  private failure: TaskError | undefined = undefined;

  /** Counts a slot that has ended now. */
  add({ slot, trigger, startedAt, failure }: EndedSlot, status: SlotOutcome['status'], now: number): void {
    if (status === 'skipped') {
      this.skipped++;
      return;
    }
    this.runs++;
    if (status === 'failed') this.failures++;
    this.status = status;
    this.trigger = trigger;
    this.slot = slot;
    this.startedAt = startedAt ?? NaN;
    this.endedAt = now;
    this.failure = failure;
  }

  get counted(): boolean {
    return this.runs + this.skipped + this.missed > 0;
  }

  /** Returns the counts at this time. */
  get now(): SlotHistory {
    const { runs, failures, skipped, missed } = this;
    return { runs, failures, skipped, missed, ...(runs > 0 && { last: this.last }) };
  }

  private get last(): SlotOutcome {
    const { slot, trigger, status, failure, startedAt, endedAt } = this;
    return {
      slot,
      trigger,
      status,
      ...(failure && { error: failure }),
      ...(!Number.isNaN(startedAt) && { startedAt, endedAt }),
    };
  }
}
