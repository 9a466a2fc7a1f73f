import { addAbortListener } from 'node:events';
import { asyncScheduler, type SchedulerLike } from 'rxjs';
import { hasMembers } from '../util/has-members.js';
import type { ListNode } from '../util/linked-list.js';
import { invalid } from '../util/validate.js';
import { CancelContext, contextOfSignal } from './cancel-context.js';
import type { Context } from './types.js';

/**
 * Returns a caller's context or AbortSignal as a node of the cancellation tree.
 *
 * @throws TypeError when it is neither.
 */
export function toContext(ctx: Context | AbortSignal): CancelContext {
  if (ctx instanceof CancelContext) return ctx;
  if (hasMembers(ctx, 'aborted', 'addEventListener')) return fromSignal(ctx, asyncScheduler);
  // A context of another copy of this package is followed by its signal.
  if (hasMembers(ctx, 'cancelled$', 'scheduler', 'signal')) return fromSignal(ctx.signal, ctx.scheduler);
  const hint = hasMembers(ctx, 'signal', 'abort') ? '. Give its `signal`' : '';
  throw new TypeError(invalid('ctx', 'a Context or an AbortSignal', ctx) + hint);
}

function fromSignal(signal: AbortSignal, scheduler: SchedulerLike): CancelContext {
  let context = contextOfSignal.get(signal);
  if (!context) contextOfSignal.set(signal, (context = new AbortSignalContext(signal, scheduler)));
  return context;
}

/** An AbortSignal as a context. It has one abort listener for all its children, and none without children. */
class AbortSignalContext extends CancelContext {
  private readonly source: AbortSignal;
  private listener: Disposable | undefined = undefined;

  constructor(source: AbortSignal, scheduler: SchedulerLike) {
    super(scheduler);
    this.source = source;
  }

  // Checks the signal itself: another abort listener may run before ours, and without children there is none of ours.
  override get cancelled(): boolean {
    if (this.source.aborted) CancelContext.cancel(this, this.source.reason);
    return super.cancelled;
  }

  protected override attach(node: ListNode): void {
    // Unlike `addEventListener`, it listens even if another listener stops the event.
    if (!this.first) this.listener = addAbortListener(this.source, () => this.cancelled);
    super.attach(node);
  }

  onEmpty(): void {
    this.listener?.[Symbol.dispose]();
  }
}
