import type { Run } from './run.js';

type Listener = Context | ((cause: unknown) => void);

/**
 * «Cancelling is synchronous, idempotent (the first cause wins) and level-triggered: the state of the context and of
 * all its descendants is set before anyone is told. It flows down only; a child gets its parent's cause.»
 */
export class Context {
  cancelled = false;
  cause: unknown = undefined;
  /** Called after all listeners were notified. */
  didCancel: (() => void) | undefined = undefined;
  /** The run whose own context this is. */
  readonly run: Run | undefined;
  private readonly parent: Context | undefined;
  private readonly listeners = new Set<Listener>();

  constructor(parent?: Context, run?: Run) {
    this.parent = parent;
    this.run = run;
    if (parent?.cancelled) this.markCancelled(parent.cause);
    else parent?.listeners.add(this);
  }

  /** The run that a runner is a child of if it is started under this context. */
  get enclosingRun(): Run | undefined {
    return this.cancelled ? undefined : (this.run ?? this.parent?.enclosingRun);
  }

  onCancel(listener: (cause: unknown) => void): void {
    if (this.cancelled) listener(this.cause);
    else this.listeners.add(listener);
  }

  cancel(cause: unknown = 'CancelledError'): void {
    if (this.cancelled) return;
    this.markCancelled(cause);
    this.notify();
  }

  private markCancelled(cause: unknown): void {
    this.cancelled = true;
    this.cause = cause;
    for (const listener of this.listeners) if (listener instanceof Context) listener.markCancelled(cause);
  }

  private notify(): void {
    this.parent?.listeners.delete(this);
    for (const listener of this.listeners) {
      this.listeners.delete(listener);
      if (listener instanceof Context) listener.notify();
      else listener(this.cause);
    }
    this.didCancel?.();
  }
}
