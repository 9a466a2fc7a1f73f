import type { RunContext, RunJob } from '../context/types.js';
import { FixedTask } from '../task/task-hooks.js';
import type { SimpleTask, TaskOutput } from '../task/types.js';

/** The task of one attempt of a job. The context of its run has the job, for the instrumentation. */
export class JobTask<Out> extends FixedTask implements SimpleTask<Out> {
  readonly job: RunJob;
  private readonly handle: (ctx: RunContext) => TaskOutput<Out>;

  constructor(job: RunJob, handle: (ctx: RunContext) => TaskOutput<Out>) {
    super();
    this.job = job;
    this.handle = handle;
  }

  execute(ctx: RunContext): TaskOutput<Out> {
    return this.handle(ctx);
  }

  override toString(): string {
    return 'job';
  }
}
