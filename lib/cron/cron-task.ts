import type { Observable } from 'rxjs';
import type { CancelFunc, RunContext } from '../context/types.js';
import { runComposite, type CompositeRun, type CompositeTask } from '../task/composite.js';
import type { TaskHooks } from '../task/task-hooks.js';
import type { Task, TaskOutput } from '../task/types.js';
import { captureAsyncContext } from '../util/async-context.js';
import type { CronControl } from './cron-control.js';
import { dueSlots } from './slot-clock.js';
import { dispatchSlots } from './slot-dispatcher.js';

/** Returns the task of a whole cron, which runs the slots between the task's `initialize` and `finalize`. */
export function toCronTask<T>(hooks: TaskHooks<T>, control: CronControl<T>): CompositeTask<T> {
  return new CronTask(hooks, control);
}

/** A class, because there may be very many crons. */
class CronTask<T> implements CompositeTask<T> {
  readonly history: CronControl<T>;
  declare readonly initialize?: Task<T>['initialize'];
  declare readonly finalize?: Task<T>['finalize'];
  readonly grace: number | undefined;
  readonly startTimeout: number | undefined;

  constructor(hooks: TaskHooks<T>, control: CronControl<T>) {
    this.history = control;
    this.grace = hooks.grace;
    this.startTimeout = hooks.startTimeout;
    if (hooks.initialize) this.initialize = (ctx: RunContext) => hooks.initialize?.(ctx);
    if (hooks.finalize) this.finalize = () => hooks.finalize?.();
  }

  /** Like an `interval` piped into a flattening operator. */
  [runComposite](run: CompositeRun, cancelApp: CancelFunc): Observable<T> {
    const { scheduler } = run;
    const { history: control } = this;
    const asyncContext = captureAsyncContext();
    return dueSlots(() => control.timetable(scheduler.now()), scheduler, asyncContext, control).pipe(
      dispatchSlots(control, run, cancelApp, asyncContext),
    );
  }

  execute(): TaskOutput<T> {
    return undefined as T;
  }

  toString(): string {
    return this.history.slotHooks.toString();
  }
}
