import { critical, cron, ordered, parallel, supervise, taskRunner, type TaskRunner } from '../../lib/index.js';
import { Cron, type CronPlan } from './cron.js';
import { Ordered, Parallel } from './groups.js';
import { ModelTask } from './model-task.js';
import type { TaskPlan } from './task-plan.js';
import type { Log } from './log.js';
import { ControlledTask } from './controlled-task.js';
import { Runner } from './runner.js';
import type { Run } from './run.js';
import type { TaskHooks } from './types.js';
import type { ModelWorld } from './model-world.js';
import { CriticalRun, SupervisedRun, type Policy } from './supervise.js';
import { SlotLog } from './slot-log.js';
import { nextSlotOf } from './slot-clock.js';

/** The structure of a runner: a task, or a runner that is composed of others. */
export type Tree =
  | { readonly kind: 'task'; readonly plan: TaskPlan; readonly cron?: CronPlan; readonly name?: string }
  | { readonly kind: 'ordered' | 'parallel'; readonly members: readonly Tree[]; readonly name?: string }
  | { readonly kind: 'supervise'; readonly of: Tree; readonly policy: Policy }
  | { readonly kind: 'critical'; readonly of: Tree };

/** The runners and tasks of some trees. */
export interface Built<R, T> {
  readonly roots: R[];
  /** All runners, members before their groups. */
  readonly runners: R[];
  readonly tasks: T[];
}

/**
 * Builds the runners of some trees. Tasks without a name are named by letters, groups by numbers, in the order of their
 * creation.
 */
function buildTrees<R, T>(
  trees: readonly Tree[],
  toTask: (name: string, plan: TaskPlan) => T,
  toRunner: (task: T, cron?: CronPlan) => R,
  toGroup: (tree: Exclude<Tree, { kind: 'task' }>, name: string, members: R[]) => R,
): Built<R, T> {
  const runners: R[] = [];
  const tasks: T[] = [];
  let groups = 0;
  const build = (tree: Tree): R => {
    let runner: R;
    if (tree.kind === 'task') {
      const task = toTask(tree.name ?? String.fromCharCode(97 + tasks.length), tree.plan);
      tasks.push(task);
      runner = toRunner(task, tree.cron);
    } else if ('members' in tree) {
      const name = tree.name ?? `${groups++}`;
      runner = toGroup(tree, name, tree.members.map(build));
    } else runner = toGroup(tree, '', [build(tree.of)]);
    runners.push(runner);
    return runner;
  };
  return { roots: trees.map(build), runners, tasks };
}

export function buildModel(trees: readonly Tree[], world: ModelWorld): Built<Runner, ModelTask> {
  return buildTrees(
    trees,
    (name, plan) => new ModelTask(world, name, plan),
    (modelTask, plan) => new Runner(world, plan ? modelCronHooks(modelTask, plan) : modelTask.hooks),
    (tree, name, members) => {
      const [first] = members as [Runner];
      const group = (execute: TaskHooks['execute']) =>
        new Runner(world, { name, composite: true, hasMembers: true, execute });
      const delegating = (execute: TaskHooks['execute']) =>
        new Runner(world, { name: first.hooks.name, composite: true, hasMembers: true, transparent: true, execute });
      switch (tree.kind) {
        case 'ordered':
          return group((run) => new Ordered(run, members));
        case 'parallel':
          return group((run) => new Parallel(run, members));
        case 'supervise':
          return superviseModel(first, tree.policy, delegating);
        case 'critical':
          return delegating((run) => new CriticalRun(run, first));
      }
    },
  );
}

export function buildReal(trees: readonly Tree[], log: Log): Built<TaskRunner<string>, ControlledTask> {
  return buildTrees(
    trees,
    (name, plan) => new ControlledTask(name, plan, log),
    (controlledTask, plan) => (plan ? realCron(controlledTask, plan) : taskRunner<string>(controlledTask.task)),
    (tree, name, members) => {
      const [first] = members as [TaskRunner<string>];
      switch (tree.kind) {
        case 'ordered':
          return ordered(name, ...members);
        case 'parallel':
          return parallel(name, ...members);
        case 'critical':
          return critical(first);
        case 'supervise': {
          const { initial, max, factor, ...limits } = tree.policy;
          return supervise(first, { ...limits, backoff: { initial, max, factor, jitter: 0 } });
        }
      }
    },
  );
}

function superviseModel(
  runner: Runner,
  policy: Policy,
  delegating: (execute: (run: Run) => SupervisedRun) => Runner,
): Runner {
  let current: SupervisedRun | undefined;
  const supervised = delegating((run) => (current = new SupervisedRun(run, runner, policy)));
  supervised.restart = (listener) => (current ? current.restart(listener) : listener('NotRunningError'));
  return supervised;
}

function modelCronHooks(task: ModelTask, plan: CronPlan): TaskHooks {
  // A cron that is started again does not run, or catch up with, the same slots.
  let lastSlot: number | undefined;
  const slotLog = new SlotLog(plan.timeout);
  // When it was due, by the clock.
  let lastDue: number | undefined;
  const isPeriod = typeof plan.slots === 'number';
  const setLastSlot = (slot: number, due: number) => {
    lastDue = due;
    if (!isPeriod) lastSlot = Math.max(slot, lastSlot ?? slot);
  };
  const execute: TaskHooks['execute'] = (run) => {
    const ownLastRun = isPeriod && lastDue !== undefined ? Math.min(lastDue, run.world.now) : lastSlot;
    const lastRun = plan.lastRun === undefined ? undefined : (ownLastRun ?? plan.lastRun);
    const times = { ...plan, lastSlot, ...(lastRun !== undefined && { lastRun }) };
    return new Cron(run, task, times, setLastSlot, slotLog);
  };
  return { ...task.hooks, composite: true, execute };
}

function realCron({ task, coordinator }: ControlledTask, { slots, leased, ...rest }: CronPlan): TaskRunner<string> {
  const options = { ...rest, ...(leased && { coordinator }) };
  return cron(task, typeof slots === 'number' ? slots : { next: (after) => nextSlotOf(slots, after) }, options);
}
