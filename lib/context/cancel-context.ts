import { setMaxListeners } from 'node:events';
import { Observable, type SchedulerLike } from 'rxjs';
import type { Context, RunHooks } from './types.js';
import { CancelledError } from '../errors/cancelled-error.js';
import { join, leave, Link, Listener, tell, type Chain } from '../util/linked-list.js';

const live = Symbol('live');
// The causes of a scope that ended by itself, and of one whose subscriber left. The error is made when someone looks: most
// nobody does, and a stack trace is dear.
export const ended: unique symbol = Symbol('Ended');
export const unsubscribed: unique symbol = Symbol('Unsubscribed');

/**
 * Every context there is: a node in the tree of cancellation. Its children and its listeners stand in one chain, in the
 * order in which they came. It has no method to cancel it, because tasks hold it: that is {@link Scope.cancel}.
 */
export class Scope extends Link implements Context, Chain {
  readonly scheduler: SchedulerLike;
  /** Called around the hooks of every run under this context; children inherit them. */
  readonly hooks: RunHooks | undefined;
  first: Link | undefined = undefined;
  last: Link | undefined = undefined;
  private state: unknown = live;
  private controller: AbortController | undefined = undefined;

  constructor(scheduler: SchedulerLike, parent?: Scope, hooks: RunHooks | undefined = parent?.hooks) {
    super();
    this.scheduler = scheduler;
    this.hooks = hooks;
    if (parent?.cancelled) this.state = parent.cause;
    else parent?.admit(this);
  }

  get cancelled(): boolean {
    return this.state !== live;
  }

  get cause(): unknown {
    if (this.state === ended || this.state === unsubscribed) this.state = new CancelledError(this.state.description);
    return this.cancelled ? this.state : undefined;
  }

  get cancelled$(): Observable<unknown> {
    return new Observable((subscriber) =>
      this.whenCancelled((cause) => {
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
  whenCancelled(listen: (cause: unknown) => void): Listener<unknown> | undefined {
    if (this.cancelled) {
      listen(this.cause);
      return undefined;
    }
    const listener = new Listener(listen);
    this.admit(listener);
    return listener;
  }

  /** Takes a child or a listener in. */
  protected admit(link: Link): void {
    join(this, link);
  }

  /** What the scope itself does about its cancel, after all that hang on it have been told. */
  protected afterCancel?(cause: unknown): void;

  override tell(cause: unknown): void {
    this.afterCancel?.(cause);
  }

  /** Without a cause it is a CancelledError. */
  static cancel(scope: Scope, cause?: unknown): void {
    if (scope.state !== live) return;
    scope.state = cause === undefined ? new CancelledError() : cause;
    leave(scope);
    if (!scope.first && !scope.controller) return tell(scope, scope.state);
    Scope.mark(scope);
    scope.spread();
  }

  /** Sets the state of all descendants, and then of the signals among them, before anyone else is told. */
  private static mark(root: Scope): void {
    const { cause } = root;
    const controllers: AbortController[] = [];
    for (let link: Link | undefined = root; link; link = following(link, root)) {
      if (!(link instanceof Scope)) continue;
      link.state = cause;
      if (link.controller) controllers.push(link.controller);
    }
    for (const controller of controllers) controller.abort(cause);
  }

  /** Tells all descendants, depth first, with a stack of its own for the same reason. */
  private spread(): void {
    const { cause } = this;
    const path: Scope[] = [this];
    for (let scope = path.at(-1); scope; scope = path.at(-1)) {
      const link = scope.first;
      if (link instanceof Scope) {
        leave(link);
        path.push(link);
      } else if (link) {
        leave(link);
        tell(link, cause);
      } else {
        path.pop();
        tell(scope, cause);
      }
    }
  }
}

/** The next link in a walk over all that hangs on a scope, without a stack: a chain of contexts may be longer than the call stack. */
function following(link: Link, root: Scope): Link | undefined {
  if (link instanceof Scope && link.first) return link.first;
  let place = link;
  while (place !== root && !place.following) place = place.chain as Scope;
  // The root has left whatever it stood in.
  return place.following;
}
