import { Subscription, type Observable } from 'rxjs';
import { CancelContext } from '../context/cancel-context.js';
import type { CancelFunc } from '../context/types.js';
import { TaskError } from '../errors/errors.js';
import { captureAsyncContext, runInAsyncContext, type AsyncContext } from '../util/async-context.js';
import { ForeignSubscription, type ForeignObserver } from '../util/foreign-subscription.js';
import { logError } from '../util/log-error.js';
import type { ChildContext } from './child.js';
import type { Status } from './composite.js';
import { hasAppListener } from './event-listeners.js';
import { mapOutcomes } from './map-outcomes.js';
import type { Outcome, TaskEvent, TaskRunner } from './types.js';

const statusAfter: Partial<Record<TaskEvent['type'], Status>> = {
  initializing: 'initializing',
  ready: 'running',
  finalizing: 'finalizing',
};

/**
 * Starts a TaskRunner that is not a `Runner`, or is one of another copy of this package, by its public members. Reports
 * it, and everything that it is made of, under the child's path.
 */
export function startCustomRunner<T>(runner: TaskRunner<T>, child: ChildContext<T>, cancel: CancelFunc): void {
  const name = runner.toString();
  const subscriptions = new Subscription();
  // The code that emits or ends the runner must not run the members that follow in its own async context.
  const asyncContext = captureAsyncContext();
  let runId = 1;
  const teardownFailed = (error: unknown) => {
    if (!hasAppListener(child.runHooks) && !child.parent?.observed) return logError(error);
    const event: TaskEvent = { type: 'teardown-failed', task: child.path, runId, at: child.scheduler.now(), error };
    child.forward(event)?.forward(event);
  };
  const subscribe = <V>(source: () => Observable<V>, next: (value: V) => void) => {
    const observer = { next, error: startFailed, complete: () => undefined, teardownFailed };
    const subscription = new ForeignSubscription<V>(observer, asyncContext);
    subscriptions.add(subscription);
    subscription.subscribeTo(source);
  };
  const pathOf = (task: string) => (task.startsWith(`${name}/`) ? child.path + task.slice(name.length) : child.path);
  const outcomeOf = (outcome: Outcome) =>
    mapOutcomes<Outcome>([outcome], (each, members) => withPath(each, pathOf, members))[0];
  const onEvent = (event: TaskEvent) => {
    if (event.task === name) runId = event.runId;
    const status = event.task === name ? statusAfter[event.type] : undefined;
    if (status) child.setStatus(status)?.setStatus(status);
    if (status === 'finalizing') child.onEnding();
    const outcome = event.type === 'done' && outcomeOf(event.outcome);
    const own = { ...event, task: pathOf(event.task), ...(outcome && { outcome }) } as TaskEvent;
    child.forward(own)?.forward(own);
  };
  const startFailed = (error: unknown) => {
    if (subscriptions.closed) return;
    subscriptions.unsubscribe();
    child.startFailed(error);
  };
  const onDone = (outcome: Outcome) => {
    if (subscriptions.closed) return;
    subscriptions.unsubscribe();
    child.onEnd(outcomeOf(outcome) ?? outcome);
  };
  subscribe(() => runner.events$, onEvent);
  const values = new ValueSubscription<T>(
    {
      next: (value) => child.next(value),
      onFailure: (error) => child.onFailure(error),
      // `done$` reports a failed run.
      error: (error) => error instanceof TaskError || startFailed(error),
      complete: () => undefined,
      teardownFailed,
    },
    asyncContext,
  );
  subscriptions.add(values);
  // A separate context: the custom runner may start one of our runners under it, which must not become the child.
  values.subscribeTo(() => runner.start(new CancelContext(child.scheduler, child), cancel));
  if (subscriptions.closed) return;
  subscribe(
    () => runner.ready$,
    () => child.readyChanged(true),
  );
  subscribe(() => runner.done$, onDone);
}

interface ValueObserver<T> extends ForeignObserver<T> {
  onFailure(error: TaskError): void;
}

/** A subscription to a custom runner's values. A runner of another copy of this package calls `onFailure` at once. */
class ValueSubscription<T> extends ForeignSubscription<T> {
  private readonly failureObserver: ValueObserver<T>;
  private readonly failureContext: AsyncContext;

  constructor(observer: ValueObserver<T>, asyncContext: AsyncContext) {
    super(observer, asyncContext);
    this.failureObserver = observer;
    this.failureContext = asyncContext;
  }

  onFailure(error: TaskError): void {
    if (!this.closed) runInAsyncContext(this.failureContext, reportFailure, this.failureObserver, error);
  }
}

function reportFailure(observer: { onFailure(error: TaskError): void }, error: TaskError): void {
  observer.onFailure(error);
}

/** Returns the outcome of a custom runner, or of one of its members, with its path. Its error may be of any type. */
function withPath(outcome: Outcome, pathOf: (task: string) => string, members: Outcome[] | undefined): Outcome {
  const own: { -readonly [K in keyof Outcome]: Outcome[K] } = { ...outcome, task: pathOf(outcome.task) };
  if (own.error !== undefined && !((own.error as unknown) instanceof TaskError))
    own.error = new TaskError(own.task, 'execute', own.error);
  if (members) own.members = members;
  else delete own.members;
  return own;
}
