import { defer, Subscription } from 'rxjs';
import { CancelContext } from '../context/cancel-context.js';
import type { CancelFunc } from '../context/types.js';
import { TaskError } from '../errors/errors.js';
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
  // A separate context: the custom runner may start one of our runners under it, which must not become the child.
  const context = new CancelContext(child.scheduler, child);
  subscriptions.add(
    runner.events$.subscribe((event) => {
      const status = event.task === runner.toString() ? statusAfter[event.type] : undefined;
      if (status) child.setStatus(status);
      child.forward(withPath(event.type === 'done' ? { ...event, outcome: withPath(event.outcome) } : event));
    }),
  );
  subscriptions.add(
    // Deferred, because `start` may throw.
    defer(() => runner.start(context, cancel)).subscribe({
      next: (value) => child.next(value),
      error: (error: unknown) => {
        if (error instanceof TaskError) return;
        subscriptions.unsubscribe();
        child.startFailed(error);
      },
    }),
  );
  if (subscriptions.closed) return;
  subscriptions.add(runner.ready$.subscribe(() => child.readyChanged(true)));
  subscriptions.add(
    runner.done$.subscribe((outcome) => {
      subscriptions.unsubscribe();
      child.onEnd(withPath(outcome));
    }),
  );
}
