type Hanging = Context | ((cause: unknown) => void);

/**
 * «Cancelling is synchronous, idempotent (the first cause wins) and level-triggered: the state of the context and of all its
 * descendants is set before anyone is told. It flows down only; a child gets its parent's cause.»
 */
export class Context {
  cancelled = false;
  cause: unknown = undefined;
  /** What whoever has made it does about its cancel, when all that hang on it have been told. */
  afterCancel: (() => void) | undefined = undefined;
  private readonly parent: Context | undefined;
  private readonly hanging = new Set<Hanging>();

  constructor(parent?: Context) {
    this.parent = parent;
    if (parent?.cancelled) this.set(parent.cause);
    else parent?.hanging.add(this);
  }

  onCancel(listen: (cause: unknown) => void): void {
    if (this.cancelled) listen(this.cause);
    else this.hanging.add(listen);
  }

  cancel(cause: unknown = 'CancelledError'): void {
    if (this.cancelled) return;
    this.set(cause);
    this.tell();
  }

  private set(cause: unknown): void {
    this.cancelled = true;
    this.cause = cause;
    for (const one of this.hanging) if (one instanceof Context) one.set(cause);
  }

  private tell(): void {
    this.parent?.hanging.delete(this);
    for (const one of this.hanging) {
      this.hanging.delete(one);
      if (one instanceof Context) one.tell();
      else one(this.cause);
    }
    this.afterCancel?.();
  }
}
