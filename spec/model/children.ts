import type { Context } from './context.js';
import type { Outcome } from './types.js';

/**
 * «`outcome.members` holds the children that were running when the stop began, `outcome.children = { started, failed }`
 * counts all.» Slots of a cron share the counts of the cron.
 */
export class ChildCounts {
  readonly members: Outcome[] = [];
  started = 0;
  failed = 0;
  private readonly ctx: Context;

  /** @param ctx the context whose cancel is the begin of the stop. */
  constructor(ctx: Context) {
    this.ctx = ctx;
  }

  countEnd(outcome: Outcome): void {
    if (outcome.error) this.failed++;
    if (this.ctx.cancelled) this.members.push(outcome);
  }
}
