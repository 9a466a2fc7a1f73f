import type { Subscriber } from 'rxjs';
import { CancelContext } from '../context/cancel-context.js';
import type { CancelFunc } from '../context/types.js';
import type { CompositeRun } from '../task/composite.js';
import type { TaskRunner } from '../task/types.js';
import { GroupRun } from './group-run.js';

/** A group run whose members start together and stop together. */
export class ParallelRun<T> extends GroupRun<T> {
  /** The parent of the members' contexts, so that one cancel reaches all members. */
  private readonly membersContext: CancelContext;

  constructor(run: CompositeRun, cancelApp: CancelFunc, runners: readonly TaskRunner<T>[], subscriber: Subscriber<T>) {
    const membersContext = new CancelContext(run.scheduler, run);
    super(run, cancelApp, runners, subscriber, membersContext);
    this.membersContext = membersContext;
  }

  protected override canStartAfter(): boolean {
    return true;
  }

  protected override cancelMembers(cause: unknown): void {
    CancelContext.cancel(this.membersContext, cause);
  }
}
