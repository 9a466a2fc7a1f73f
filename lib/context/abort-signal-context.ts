import { asyncScheduler, type SchedulerLike } from 'rxjs';
import type { Context } from './types.js';
import type { ListNode } from '../util/linked-list.js';
import { invalid } from '../util/validate.js';
import { CancelContext } from './cancel-context.js';

const contexts = new WeakMap<AbortSignal, AbortSignalContext>();

/** The scope behind what a caller gave as a context. */
export function toContext(ctx: Context | AbortSignal): CancelContext {
  if (ctx instanceof CancelContext) return ctx;
  if (hasAll(ctx, 'aborted', 'addEventListener')) return ofSignal(ctx as AbortSignal, asyncScheduler);
  // A context of another copy of this package is followed by its signal.
  if (hasAll(ctx, 'cancelled$', 'scheduler', 'signal'))
    return ofSignal((ctx as Context).signal, (ctx as Context).scheduler);
  throw new TypeError(invalid('ctx', 'a Context or an AbortSignal', ctx));
}

function hasAll(x: unknown, ...keys: readonly string[]): boolean {
  return typeof x === 'object' && x !== null && keys.every((key) => key in x);
}

function ofSignal(signal: AbortSignal, scheduler: SchedulerLike): CancelContext {
  let scope = contexts.get(signal);
  if (!scope) contexts.set(signal, (scope = new AbortSignalContext(signal, scheduler)));
  return scope;
}

/** An AbortSignal as a scope: one abort listener for any number of children, there only while there is a child. */
class AbortSignalContext extends CancelContext {
  private readonly source: AbortSignal;

  constructor(source: AbortSignal, scheduler: SchedulerLike) {
    super(scheduler);
    this.source = source;
  }

  /** Whoever asks may be told of the abort before this is, and without a child it is not told at all. */
  override get cancelled(): boolean {
    if (this.source.aborted) this.handleEvent();
    return super.cancelled;
  }

  handleEvent(): void {
    CancelContext.cancel(this, this.source.reason);
  }

  protected override attach(link: ListNode): void {
    if (!this.first) this.source.addEventListener('abort', this);
    super.attach(link);
  }

  onEmpty(): void {
    this.source.removeEventListener('abort', this);
  }
}
