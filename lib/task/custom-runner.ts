import { Subscription } from 'rxjs';
import { CancelContext } from '../context/cancel-context.js';
import type { CancelFunc } from '../context/types.js';
import { TaskError } from '../errors/errors.js';
import { captureAsyncContext, runInAsyncContext } from '../util/async-context.js';
import type { ChildContext } from './child.js';
import type { Status } from './composite.js';
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
  const inContext =
    <V>(call: (value: V) => void) =>
    (value: V) =>
      runInAsyncContext(asyncContext, (_, given) => call(given), undefined, value);
  const pathOf = (task: string) => (task.startsWith(`${name}/`) ? child.path + task.slice(name.length) : child.path);
  const outcomeOf = (outcome: Outcome) =>
    mapOutcomes<Outcome>([outcome], (each, members) => withPath(each, pathOf, members))[0];
  const onEvent = (event: TaskEvent) => {
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
  try {
    subscriptions.add(runner.events$.subscribe(inContext(onEvent)));
    const values = new ValueSubscriber<T>({
      next: inContext((value: T) => child.next(value)),
      onFailure: inContext((error: TaskError) => child.onFailure(error)),
      error: inContext(startFailed),
    });
    subscriptions.add(values);
    // A separate context: the custom runner may start one of our runners under it, which must not become the child.
    runner.start(new CancelContext(child.scheduler, child), cancel).subscribe(values);
    if (subscriptions.closed) return;
    subscriptions.add(runner.ready$.subscribe(inContext(() => child.readyChanged(true))));
    subscriptions.add(runner.done$.subscribe({ next: inContext(onDone), error: inContext(startFailed) }));
  } catch (error) {
    startFailed(error);
  }
}

interface ValueObserver<T> {
  next(value: T): void;
  onFailure(error: TaskError): void;
  error(error: unknown): void;
}

/**
 * The subscriber of a custom runner's values. RxJS does not wrap a Subscription with an observer's methods, so that a
 * runner of another copy of this package finds `onFailure` and reports a failure at once.
 */
class ValueSubscriber<T> extends Subscription implements ValueObserver<T> {
  private readonly observer: ValueObserver<T>;

  constructor(observer: ValueObserver<T>) {
    super();
    this.observer = observer;
  }

  next(value: T): void {
    if (!this.closed) this.observer.next(value);
  }

  onFailure(error: TaskError): void {
    if (!this.closed) this.observer.onFailure(error);
  }

  error(error: unknown): void {
    // `done$` reports a failed run.
    if (!this.closed && !(error instanceof TaskError)) this.observer.error(error);
    this.unsubscribe();
  }

  complete(): void {
    this.unsubscribe();
  }
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
