import { setMaxListeners } from 'node:events';
import { Observable, type SchedulerLike } from 'rxjs';
import type { Context, RunHooks } from './types.js';
import { CancelledError } from '../errors/cancelled-error.js';
import { append, remove, ListNode, Listener, notify, type LinkedList } from '../util/linked-list.js';

const active = Symbol('live');
// The causes of a scope that ended by itself, and of one whose subscriber left. The error is made when someone looks: most
// nobody does, and a stack trace is dear.
export const endedNormally: unique symbol = Symbol('Ended');
export const unsubscribed: unique symbol = Symbol('Unsubscribed');

/**
 * Every context there is: a node in the tree of cancellation. Its children and its listeners stand in one chain, in the
 * order in which they came. It has no method to cancel it, because tasks hold it: that is {@link CancelContext.cancel}.
 */
export class CancelContext extends ListNode implements Context, LinkedList {
  readonly scheduler: SchedulerLike;
  /** Called around the hooks of every run under this context; children inherit them. */
  readonly runHooks: RunHooks | undefined;
  first: ListNode | undefined = undefined;
  last: ListNode | undefined = undefined;
  private state: unknown = active;
  private controller: AbortController | undefined = undefined;

  constructor(scheduler: SchedulerLike, parent?: CancelContext, hooks: RunHooks | undefined = parent?.runHooks) {
    super();
    this.scheduler = scheduler;
    this.runHooks = hooks;
    if (parent?.cancelled) this.state = parent.cause;
    else parent?.attach(this);
  }

  get cancelled(): boolean {
    return this.state !== active;
  }

  get cause(): unknown {
    if (this.state === endedNormally || this.state === unsubscribed)
      this.state = new CancelledError(this.state.description);
    return this.cancelled ? this.state : undefined;
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
      // Node warns of a leak at the eleventh listener, but thousands may rightly wait for one cancel.
      setMaxListeners(0, this.controller.signal);
    }
    // It may be asked for by one signal's listener before its own turn to be aborted has come.
    if (this.cancelled) this.controller.abort(this.cause);
    return this.controller.signal;
  }

  /** Calls at once if it is cancelled already. */
  onCancel(listen: (cause: unknown) => void): Listener<unknown> | undefined {
    if (this.cancelled) {
      listen(this.cause);
      return undefined;
    }
    const listener = new Listener(listen);
    this.attach(listener);
    return listener;
  }

  /** Takes a child or a listener in. */
  protected attach(link: ListNode): void {
    append(this, link);
  }

  /** What the scope itself does about its cancel, after all that hang on it have been told. */
  protected didCancel?(cause: unknown): void;

  override notify(cause: unknown): void {
    this.didCancel?.(cause);
  }

  /** Without a cause it is a CancelledError. */
  static cancel(scope: CancelContext, cause?: unknown): void {
    if (scope.state !== active) return;
    scope.state = cause === undefined ? new CancelledError() : cause;
    remove(scope);
    if (!scope.first && !scope.controller) return notify(scope, scope.state);
    CancelContext.markCancelled(scope);
    scope.propagate();
  }

  /** Sets the state of all descendants, and then of the signals among them, before anyone else is told. */
  private static markCancelled(root: CancelContext): void {
    const { cause } = root;
    const controllers: AbortController[] = [];
    for (let link: ListNode | undefined = root; link; link = nextInTree(link, root)) {
      if (!(link instanceof CancelContext)) continue;
      link.state = cause;
      if (link.controller) controllers.push(link.controller);
    }
    for (const controller of controllers) controller.abort(cause);
  }

  /** Tells all descendants, depth first, with a stack of its own for the same reason. */
  private propagate(): void {
    const { cause } = this;
    const path: CancelContext[] = [this];
    for (let scope = path.at(-1); scope; scope = path.at(-1)) {
      const link = scope.first;
      if (link instanceof CancelContext) {
        remove(link);
        path.push(link);
      } else if (link) {
        remove(link);
        notify(link, cause);
      } else {
        path.pop();
        notify(scope, cause);
      }
    }
  }
}

/** The next link in a walk over all that hangs on a scope, without a stack: a chain of contexts may be longer than the call stack. */
function nextInTree(link: ListNode, root: CancelContext): ListNode | undefined {
  if (link instanceof CancelContext && link.first) return link.first;
  let place = link;
  while (place !== root && !place.nextNode) place = place.list as CancelContext;
  // The root has left whatever it stood in.
  return place.nextNode;
}
