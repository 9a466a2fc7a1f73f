import type { Outcome } from './types.js';

/** The counts and outcomes of the children that were started under a run's context. Slots of a cron share one. */
export class ChildTotals {
  /** The outcomes of the children that were running when the stop began, and have ended since. */
  readonly members: Outcome[] = [];
  private readonly run: { readonly cancelled: boolean };
  private started = 0;
  private failed = 0;

  constructor(run: { readonly cancelled: boolean }) {
    this.run = run;
  }

  countStart(): void {
    this.started++;
  }

  undoStart(): void {
    this.started--;
  }

  countEnd(outcome: Outcome): void {
    if (outcome.error) this.failed++;
    if (this.run.cancelled) this.members.push(outcome);
  }

  get counts(): NonNullable<Outcome['children']> {
    const { started, failed } = this;
    return { started, failed };
  }

  outcome(): Pick<Outcome, 'members' | 'children'> {
    const { members, counts } = this;
    return { members, ...(counts.started > 0 && { children: counts }) };
  }
}
