import { map, type Observable } from 'rxjs';
import { task, taskRunner, type Outcome, type TaskDefinition, type TaskRunner } from '../../lib/index.js';

/** Creates a runner whose task has the given hooks and logs each call of a hook. */
export function loggingRunner(log: string[], hooks: Partial<TaskDefinition<unknown>> = {}): TaskRunner {
  return taskRunner(
    task('logging', {
      ...hooks,
      initialize(ctx) {
        log.push('initialize');
        return hooks.initialize?.(ctx);
      },
      execute(ctx, cancel) {
        log.push('execute');
        return hooks.execute?.(ctx, cancel);
      },
      finalize() {
        log.push('finalize');
        return hooks.finalize?.();
      },
    }),
  );
}

/** Emits the status of the current or the next run at its end. */
export function statusOf(runner: TaskRunner): Observable<Outcome['status']> {
  return runner.done$.pipe(map(({ status }) => status));
}
