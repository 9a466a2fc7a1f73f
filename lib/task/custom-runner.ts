import { defer, Subscription } from 'rxjs';
import type { CancelFunc } from '../context/types.js';
import { TaskError } from '../errors/errors.js';
import type { TaskEvent, TaskRunner } from './types.js';
import type { Status } from './composite.js';
import type { ChildContext } from './child.js';
import { CancelContext } from '../context/cancel-context.js';

const statusAfter: Partial<Record<TaskEvent['type'], Status>> = {
  initializing: 'initializing',
  ready: 'running',
  finalizing: 'finalizing',
};

/** A runner that someone else has written is asked by what is public, and called by its path. */
export function startCustomRunner<T>(runner: TaskRunner<T>, member: ChildContext<T>, cancel: CancelFunc): void {
  const over = new Subscription();
  const named = <D extends { task: string }>(told: D): D => ({ ...told, task: member.path });
  // A context of its own, because it may start one of ours under it, which is no member.
  const scope = new CancelContext(member.scheduler, member);
  over.add(
    runner.events$.subscribe((event) => {
      const status = event.task === runner.toString() ? statusAfter[event.type] : undefined;
      if (status) member.setStatus(status);
      member.forward(named(event.type === 'done' ? { ...event, outcome: named(event.outcome) } : event));
    }),
  );
  over.add(
    // Its start may throw.
    defer(() => runner.start(scope, cancel)).subscribe({
      next: (value) => member.next(value),
      error: (error: unknown) => {
        if (error instanceof TaskError) return;
        over.unsubscribe();
        member.startFailed(error);
      },
    }),
  );
  if (over.closed) return;
  over.add(runner.ready$.subscribe(() => member.readyChanged(true)));
  over.add(
    runner.done$.subscribe((outcome) => {
      over.unsubscribe();
      member.onEnd(named(outcome));
    }),
  );
}
