import { asyncScheduler, type SchedulerLike } from 'rxjs';
import type { Context } from './types.js';
import type { Link } from '../util/linked-list.js';
import { expected } from '../util/validate.js';
import { Scope } from './cancel-context.js';

const scopes = new WeakMap<AbortSignal, SignalScope>();

/** The scope behind what a caller gave as a context. */
export function toScope(ctx: Context | AbortSignal): Scope {
  if (ctx instanceof Scope) return ctx;
  if (hasAll(ctx, 'aborted', 'addEventListener')) return ofSignal(ctx as AbortSignal, asyncScheduler);
  // A context of another copy of this package is followed by its signal.
  if (hasAll(ctx, 'cancelled$', 'scheduler', 'signal'))
    return ofSignal((ctx as Context).signal, (ctx as Context).scheduler);
  throw new TypeError(expected('ctx', 'a Context or an AbortSignal', ctx));
}

function hasAll(x: unknown, ...keys: readonly string[]): boolean {
  return typeof x === 'object' && x !== null && keys.every((key) => key in x);
}

function ofSignal(signal: AbortSignal, scheduler: SchedulerLike): Scope {
  let scope = scopes.get(signal);
  if (!scope) scopes.set(signal, (scope = new SignalScope(signal, scheduler)));
  return scope;
}

/** An AbortSignal as a scope: one abort listener for any number of children, there only while there is a child. */
class SignalScope extends Scope {
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
    Scope.cancel(this, this.source.reason);
  }

  protected override admit(link: Link): void {
    if (!this.first) this.source.addEventListener('abort', this);
    super.admit(link);
  }

  emptied(): void {
    this.source.removeEventListener('abort', this);
  }
}
