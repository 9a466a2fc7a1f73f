import { defer, Subscription } from 'rxjs';
import { CancelContext } from '../context/cancel-context.js';
import type { CancelFunc } from '../context/types.js';
import { TaskError } from '../errors/errors.js';
import { captureAsyncContext, runInAsyncContext } from '../util/async-context.js';
import type { ChildContext } from './child.js';
import type { Status } from './composite.js';
import type { TaskEvent, TaskRunner } from './types.js';

const statusAfter: Partial<Record<TaskEvent['type'], Status>> = {
  initializing: 'initializing',
  ready: 'running',
  finalizing: 'finalizing',
};

/** Starts a TaskRunner that is not a `Runner`, by its public members, and reports it under the child's path. */
export function startCustomRunner<T>(runner: TaskRunner<T>, child: ChildContext<T>, cancel: CancelFunc): void {
  const subscriptions = new Subscription();
  const withPath = <D extends { task: string }>(data: D): D => ({ ...data, task: child.path });
  const name = runner.toString();
  // The code that emits or ends the runner must not run the members that follow in its own async context.
  const asyncContext = captureAsyncContext();
  const inContext =
    <V>(call: (value: V) => void) =>
    (value: V) =>
      runInAsyncContext(asyncContext, call, undefined, value);
  // A separate context: the custom runner may start one of our runners under it, which must not become the child.
  const context = new CancelContext(child.scheduler, child);
  let failure: TaskError | undefined;
  const onFailure = (error: TaskError) => {
    if (failure) return;
    failure = error;
    child.onFailure(error);
  };
  const onEvent = (event: TaskEvent) => {
    const status = event.task === name ? statusAfter[event.type] : undefined;
    if (status) child.setStatus(status)?.setStatus(status);
    if (status === 'finalizing') child.onEnding();
    const own = withPath(event.type === 'done' ? { ...event, outcome: withPath(event.outcome) } : event);
    child.forward(own)?.forward(own);
    if (event.type === 'failed' && event.task === name) onFailure(event.error);
  };
  subscriptions.add(runner.events$.subscribe(inContext(onEvent)));
  subscriptions.add(
    // Deferred, because `start` may throw.
    defer(() => runner.start(context, cancel)).subscribe({
      next: inContext((value) => child.next(value)),
      error: inContext((error: unknown) => {
        if (error instanceof TaskError) return;
        subscriptions.unsubscribe();
        child.startFailed(error);
      }),
    }),
  );
  if (subscriptions.closed) return;
  subscriptions.add(runner.ready$.subscribe(inContext(() => child.readyChanged(true))));
  subscriptions.add(
    runner.done$.subscribe(
      inContext((outcome) => {
        subscriptions.unsubscribe();
        child.onEnd(withPath(outcome));
      }),
    ),
  );
}
