import { hooks } from './hooks.js';
import { formatError } from './log.js';
import type { Run } from './run.js';
import type { LeaseRequest, PendingHook, TaskPlan } from './task-plan.js';
import type { ModelWorld } from './model-world.js';
import type { HookOutput, Phase, TaskHooks } from './types.js';

/** The model of a task whose hooks are controlled by commands. */
export class ModelTask {
  readonly name: string;
  readonly world: ModelWorld;
  readonly hooks: TaskHooks;
  /** The pending hook calls, and the interrupted ones that may still settle. */
  readonly pendingHooks: Set<PendingHook> = new Set<PendingHook>();
  /** The lease requests, if this is the task of a cron. */
  readonly leaseRequests: Set<LeaseRequest> = new Set<LeaseRequest>();
  private readonly plan: TaskPlan;
  private readonly calls = { initialize: 0, execute: 0, finalize: 0 };
  private valueCount = 0;
  /** The last run that called a hook. */
  run: Run | undefined = undefined;
  cancel: ((cause: unknown) => void) | undefined = undefined;

  constructor(world: ModelWorld, name: string, plan: TaskPlan) {
    this.world = world;
    this.name = name;
    this.plan = plan;
    const { initialize, finalize, grace, startTimeout } = plan;
    this.hooks = {
      name,
      ...(grace !== null && { grace }),
      ...(startTimeout !== null && { startTimeout }),
      initialize: initialize && ((run) => this.call(run, 'initialize')),
      execute: (run) => this.call(run, 'execute'),
      finalize: finalize && ((run) => this.call(run, 'finalize')),
    } as TaskHooks;
  }

  nextValue(): string {
    return `${this.name}${++this.valueCount}`;
  }

  record(text: string): void {
    this.world.log.record('task', `${this.name} ${text}`);
  }

  private call(run: Run, phase: Phase): HookOutput {
    const kinds = this.plan[phase] ?? [];
    const kind = kinds[this.calls[phase]++ % kinds.length] ?? 'value';
    if (phase !== 'finalize' && this.run !== run) {
      this.run = run;
      run.ctx.onCancel((cause) => this.record(`is cancelled by ${formatError(cause)}`));
    }
    if (phase === 'execute') this.cancel = run.cancel;
    this.record(phase);
    return new hooks[kind](this, run, phase, kind);
  }
}
