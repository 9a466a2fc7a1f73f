import type { Outcome } from './types.js';

/** The most names whose runs are counted: a task that makes up a name for each child has no end of names. */
const maxNames = 1000;

/** The counts and outcomes of the children that were started under a run's context. Slots of a cron share one. */
export class ChildTotals {
  /** The outcomes of the children that were running when the stop began, and have ended since. */
  readonly members: Outcome[] = [];
  private readonly run: { readonly cancelled: boolean };
  /** The number of runs by path. The path that was used last comes last. */
  private readonly runIds = new Map<string, number>();
  private started = 0;
  private failed = 0;

  constructor(run: { readonly cancelled: boolean }) {
    this.run = run;
  }

  /** Counts a run, and returns its number among those of the same path. */
  countStart(path: string): number {
    this.started++;
    const runId = (this.runIds.get(path) ?? 0) + 1;
    this.runIds.delete(path);
    this.runIds.set(path, runId);
    const [oldest] = this.runIds.size > maxNames ? this.runIds.keys() : [];
    if (oldest !== undefined) this.runIds.delete(oldest);
    return runId;
  }

  countEnd(outcome: Outcome): void {
    if (outcome.error) this.failed++;
    if (this.run.cancelled) this.members.push(outcome);
  }

  outcome(): Pick<Outcome, 'members' | 'children'> {
    const { members, started, failed } = this;
    return { ...(members.length > 0 && { members }), children: { started, failed } };
  }
}
