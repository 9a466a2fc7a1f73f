import type { CancelFunc, RunContext } from '../context/types.js';
import { taskName, type TaskHooks } from '../task/task-hooks.js';
import type { SimpleTask, TaskOutput } from '../task/types.js';

/** The task of a single slot: `execute` alone, with the name and the grace of the cron's task. */
export class SlotTask<T> implements SimpleTask<T> {
  readonly grace: number | undefined;
  private readonly hooks: TaskHooks<T>;
  private readonly name: string;

  constructor(hooks: TaskHooks<T>) {
    this.hooks = hooks;
    this.grace = hooks.grace;
    this.name = taskName(hooks);
  }

  execute(ctx: RunContext, cancel: CancelFunc): TaskOutput<T> {
    return this.hooks.execute(ctx, cancel);
  }

  toString(): string {
    return this.name;
  }
}
