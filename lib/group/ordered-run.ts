import { CancelContext } from '../context/cancel-context.js';
import { callNested } from '../util/nested-calls.js';
import { GroupRun, type GroupMember } from './group-run.js';

/** A group run whose members start one after another and stop in reverse order, one at a time. */
export class OrderedRun<T> extends GroupRun<T> {
  private cancelling = false;
  /**
   * Index of the member that is being stopped; all started members after it have ended. `undefined` before the stop.
   */
  private stopIndex: number | undefined = undefined;

  protected override canStartAfter(member: GroupMember<T>): boolean {
    return member.isReady;
  }

  /** A loop, because a member may end before its cancel returns. */
  protected override cancelMembers(cause: unknown): void {
    if (this.cancelling) return;
    this.cancelling = true;
    for (this.stopIndex ??= this.startedCount - 1; this.stopIndex >= 0; this.stopIndex--) {
      const member = this.members[this.stopIndex];
      if (!member?.running) continue;
      callNested(cancelMember, member, cause);
      if (isRunning(member)) break;
    }
    this.cancelling = false;
  }
}

function cancelMember(member: CancelContext, cause: unknown): void {
  CancelContext.cancel(member, cause);
}

/** Reads the property in a function, because the compiler assumes that it is unchanged since the last check. */
function isRunning({ running }: { readonly running: boolean }): boolean {
  return running;
}
