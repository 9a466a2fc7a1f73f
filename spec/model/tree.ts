import { critical, cron, ordered, parallel, supervise, taskRunner, type TaskRunner } from '../../lib/index.js';
import { Cron, type CronPlan } from './cron.js';
import { Ordered, Parallel } from './groups.js';
import { Doll } from './doll.js';
import type { Script } from './script.js';
import type { Log } from './log.js';
import { Puppet } from './puppet.js';
import { Runner } from './runner.js';
import type { Work } from './words.js';
import type { Stage } from './stage.js';
import { Critical, Supervised, type Policy } from './supervise.js';
import { nextOf } from './timetable.js';

/** What runs: a task, or what is made of others. */
export type Tree =
  | { readonly kind: 'task'; readonly script: Script; readonly cron?: CronPlan }
  | { readonly kind: 'ordered' | 'parallel'; readonly members: readonly Tree[] }
  | { readonly kind: 'supervise'; readonly of: Tree; readonly policy: Policy }
  | { readonly kind: 'critical'; readonly of: Tree };

/** Trees that have grown: all the runners in them, those inside before those that they are in, and their tasks. */
export interface Grown<R, T> {
  readonly roots: R[];
  readonly runners: R[];
  readonly tasks: T[];
}

/** Tasks are called by letters, groups by numbers, in the order in which they grow. */
function grow<R, T>(
  trees: readonly Tree[],
  toTask: (name: string, script: Script) => T,
  toRunner: (task: T, cron?: CronPlan) => R,
  toGroup: (tree: Exclude<Tree, { kind: 'task' }>, name: string, members: R[]) => R,
): Grown<R, T> {
  const runners: R[] = [];
  const tasks: T[] = [];
  let groups = 0;
  const one = (tree: Tree): R => {
    let runner: R;
    if (tree.kind === 'task') {
      const task = toTask(String.fromCharCode(97 + tasks.length), tree.script);
      tasks.push(task);
      runner = toRunner(task, tree.cron);
    } else if ('members' in tree) {
      const name = `${groups++}`;
      runner = toGroup(tree, name, tree.members.map(one));
    } else runner = toGroup(tree, '', [one(tree.of)]);
    runners.push(runner);
    return runner;
  };
  return { roots: trees.map(one), runners, tasks };
}

export function modelled(trees: readonly Tree[], stage: Stage): Grown<Runner, Doll> {
  return grow(
    trees,
    (name, script) => new Doll(stage, name, script),
    (doll, plan) => new Runner(stage, plan ? cronWork(doll, plan) : doll.work),
    (tree, name, members) => {
      const [first] = members as [Runner];
      const whole = (execute: Work['execute']) => new Runner(stage, { name, ofParts: true, saysReady: true, execute });
      const guard = (execute: Work['execute']) =>
        new Runner(stage, { name: first.work.name, ofParts: true, saysReady: true, seenThrough: true, execute });
      switch (tree.kind) {
        case 'ordered':
          return whole((run) => new Ordered(run, members));
        case 'parallel':
          return whole((run) => new Parallel(run, members));
        case 'supervise':
          return guard((run) => new Supervised(run, first, tree.policy));
        case 'critical':
          return guard((run) => new Critical(run, first));
      }
    },
  );
}

export function real(trees: readonly Tree[], log: Log): Grown<TaskRunner<string>, Puppet> {
  return grow(
    trees,
    (name, script) => new Puppet(name, script, log),
    (puppet, plan) => (plan ? cronRunner(puppet, plan) : taskRunner<string>(puppet.task)),
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

function cronWork(doll: Doll, plan: CronPlan): Work {
  /** «started again, it does not catch up with the same slots» */
  let { lastRun } = plan;
  const remember = (slot: number) => {
    if (plan.lastRun !== undefined) lastRun = slot;
  };
  const execute: Work['execute'] = (run) =>
    new Cron(run, doll, { ...plan, ...(lastRun !== undefined && { lastRun }) }, remember);
  return { ...doll.work, ofParts: true, execute };
}

function cronRunner({ task, coordinator }: Puppet, { slots, leased, ...rest }: CronPlan): TaskRunner<string> {
  const options = { ...rest, ...(leased && { coordinator }) };
  return cron(task, typeof slots === 'number' ? slots : { next: (after) => nextOf(slots, after) }, options);
}
