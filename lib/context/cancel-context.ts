import { setMaxListeners } from 'node:events';
import { Observable, type SchedulerLike } from 'rxjs';
import { CancelledError } from '../errors/cancelled-error.js';
import { append, remove, ListNode, Listener, notify, type LinkedList } from '../util/linked-list.js';
import type { Context, RunContext, RunHooks } from './types.js';

// The causes of a context whose run has ended, and of one whose subscriber has unsubscribed. The error is created only
// when `cause` is read, because a stack trace is expensive.
export const endedNormally: unique symbol = Symbol('Ended');
export const unsubscribed: unique symbol = Symbol('Unsubscribed');

/** The contexts of their own signals, and of those that users brought. */
export const contextOfSignal: WeakMap<AbortSignal, CancelContext> = new WeakMap<AbortSignal, CancelContext>();

/**
 * A node of the cancellation tree. Every context is one, like Go's `cancelCtx`. Its children and its listeners are
 * in one list, in the order in which they were attached. {@link CancelContext.cancel} is static, because tasks hold the
 * context and must not be able to cancel it.
 */
export class CancelContext extends ListNode implements Context, LinkedList {
  readonly scheduler: SchedulerLike;
  /** Called around the hooks of every run under this context. Children inherit them. */
  readonly runHooks: RunHooks | undefined;
  first: ListNode | undefined = undefined;
  last: ListNode | undefined = undefined;
  /** The cause of the cancel, or a symbol that stands for it; `undefined` before the cancel. */
  private reason: unknown = undefined;
  private controller: AbortController | undefined = undefined;

  /**
   * The run whose context this is. `null` for a context under which a parent starts one child: that child is not added
   * to the run above a second time. `undefined` for any other context.
   */
  get ownRun(): RunContext | null | undefined {
    return undefined;
  }

  constructor(scheduler: SchedulerLike, parent?: CancelContext, runHooks: RunHooks | undefined = parent?.runHooks) {
    super();
    this.scheduler = scheduler;
    this.runHooks = runHooks;
    if (parent?.cancelled) this.reason = parent.cause;
    else parent?.attach(this);
  }

  get cancelled(): boolean {
    return this.reason !== undefined;
  }

  get cause(): unknown {
    if (this.reason === endedNormally || this.reason === unsubscribed)
      this.reason = new CancelledError(this.reason.description);
    return this.reason;
  }

  get cancelled$(): Observable<unknown> {
    return new Observable((subscriber) =>
      this.onCancel((cause) => {
        subscriber.next(cause);
        subscriber.complete();
      }),
    );
  }

  get signal(): AbortSignal {
    if (!this.controller) {
      this.controller = new AbortController();
      // Node warns of a leak at the eleventh listener, but thousands may legitimately wait for one cancel.
      setMaxListeners(0, this.controller.signal);
      contextOfSignal.set(this.controller.signal, this);
    }
    // During a cancel, a listener may read a descendant's signal before that signal is aborted.
    if (this.cancelled) this.controller.abort(this.cause);
    return this.controller.signal;
  }

  /** Calls a function at the cancel, or immediately if the context is already cancelled. */
  onCancel(listen: (cause: unknown) => void): Listener<unknown> | undefined {
    if (this.cancelled) {
      listen(this.cause);
      return undefined;
    }
    const listener = new Listener(listen);
    this.attach(listener);
    return listener;
  }

  /** Adds a child or a listener. */
  protected attach(node: ListNode): void {
    append(this, node);
  }

  /** Called at the cancel, after all children and listeners were notified. */
  protected didCancel?(cause: unknown): void;

  override notify(cause: unknown): void {
    this.didCancel?.(cause);
  }

  /** Cancels a context and its descendants. Default cause: a CancelledError. */
  static cancel(context: CancelContext, cause?: unknown): void {
    if (context.reason !== undefined) return;
    context.reason = cause === undefined ? new CancelledError() : cause;
    remove(context);
    if (!context.first && !context.controller) return notify(context, context.reason);
    CancelContext.markCancelled(context);
    context.propagate();
  }

  /** Sets the state of all descendants, then aborts their signals. Other listeners are notified later. */
  private static markCancelled(root: CancelContext): void {
    const { cause } = root;
    const controllers: AbortController[] = [];
    for (let node: ListNode | undefined = root; node; node = nextInTree(node, root)) {
      if (!(node instanceof CancelContext)) continue;
      node.reason = cause;
      if (node.controller) controllers.push(node.controller);
    }
    for (const controller of controllers) controller.abort(cause);
  }

  /**
   * Notifies all descendants, depth first. The loop has its own stack, because the tree may be deeper than the call
   * stack.
   */
  private propagate(): void {
    const { cause } = this;
    const path: CancelContext[] = [this];
    for (let context = path.at(-1); context; context = path.at(-1)) {
      const node = context.first;
      if (node instanceof CancelContext) {
        remove(node);
        path.push(node);
      } else if (node) {
        remove(node);
        notify(node, cause);
      } else {
        path.pop();
        notify(context, cause);
      }
    }
  }
}

/** Returns the next node of a depth-first walk below `root`. Uses no stack, because the tree may be deep. */
function nextInTree(node: ListNode, root: CancelContext): ListNode | undefined {
  if (node instanceof CancelContext && node.first) return node.first;
  let current = node;
  while (current !== root && !current.nextNode) current = current.list as CancelContext;
  // The root has no next node, because it was removed from its parent's list.
  return current.nextNode;
}
