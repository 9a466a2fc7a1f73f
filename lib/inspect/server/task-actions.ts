import { placedRunners, type PlacedRunner } from '../../app/find-runner.js';
import type { CronRunner } from '../../cron/cron-runner.js';
import type { DynamicGroup } from '../../group/dynamic.js';
import type { SupervisedRunner } from '../../supervision/supervise.js';
import type { TaskRunner } from '../../task/types.js';
import { hasMethod } from '../../util/has-members.js';

/** An action of a task: of a cron, of a supervised task, or of a member of a dynamic group. */
export type TaskAction = 'trigger' | 'pause' | 'resume' | 'reschedule' | 'restart' | 'remove';

/** The number of runs that the answer to a `reschedule` has. */
const previewedRuns = 5;

export const taskActions: readonly TaskAction[] = ['trigger', 'pause', 'resume', 'reschedule', 'restart', 'remove'];

/** The parts of an action besides its task. */
export interface ActionOptions {
  /** The person or program that asks for it, in its event. */
  readonly by: string;
  /** The schedule of a `reschedule`: a period in ms, or a cron expression. */
  readonly schedule?: number | string;
  /** The time zone of that. */
  readonly timezone?: string;
}

/** Returns the kind of task that has an action, for an error. */
export const actionKinds: Readonly<Record<TaskAction, string>> = {
  trigger: 'a cron',
  pause: 'a cron',
  resume: 'a cron',
  reschedule: 'a cron',
  restart: 'a supervised task',
  remove: 'a member of a dynamic group',
};

/** Returns a function that begins an action, or `undefined` if the task is not of its kind. It may return a promise. */
export function actionOf(placed: PlacedRunner, action: TaskAction): ((options: ActionOptions) => unknown) | undefined {
  const { runner, group, memberName } = placed;
  if (action === 'remove')
    return isDynamic(group) && memberName !== undefined ? ({ by }) => group.remove(memberName, { by }) : undefined;
  if (action === 'restart') return isSupervised(runner) ? ({ by }) => runner.restart({ by }) : undefined;
  if (!isCron(runner)) return undefined;
  if (action !== 'reschedule') return ({ by }) => runner[action]({ by });
  return canReschedule(runner)
    ? ({ by, schedule = '', timezone }) => runner.reschedule(schedule, { by, timezone })
    : undefined;
}

/** Returns the next runs of a cron after a `reschedule`, in ms since 1970. */
export function nextRunsOf(
  { runner }: PlacedRunner,
  { schedule, timezone }: Pick<ActionOptions, 'schedule' | 'timezone'>,
): number[] {
  return (runner as CronRunner).nextRuns(previewedRuns, { schedule, timezone }).map(Number);
}

/** Returns the actions that make sense in the current state of a task. */
export function currentActions(placed: PlacedRunner): TaskAction[] {
  const { runner } = placed;
  const { status } = runner;
  const isStarted = status === 'initializing' || status === 'running';
  const isCurrent: Readonly<Record<TaskAction, () => boolean>> = {
    trigger: () => status === 'running',
    pause: () => (isStarted || status === 'idle') && !(runner as CronRunner).paused,
    resume: () => (isStarted || status === 'idle') && (runner as CronRunner).paused,
    reschedule: () => isStarted || status === 'idle',
    restart: () => isStarted,
    remove: () => status !== 'done',
  };
  return taskActions.filter((action) => actionOf(placed, action) && isCurrent[action]());
}

/** Returns the current actions of all tasks by their paths. */
export function currentActionsByPath(runners: readonly TaskRunner[]): ReadonlyMap<string, readonly TaskAction[]> {
  const actions = new Map<string, readonly TaskAction[]>();
  for (const placed of placedRunners(runners))
    if (!actions.has(placed.path)) actions.set(placed.path, currentActions(placed));
  return actions;
}

/** Whether a runner has the controls of a cron: it is one, or stands for one. */
function isCron(runner: TaskRunner): runner is CronRunner {
  return ['trigger', 'pause', 'resume'].every((name) => hasMethod(runner, name));
}

function canReschedule(runner: CronRunner): boolean {
  return ['reschedule', 'nextRuns'].every((name) => hasMethod(runner, name));
}

function isSupervised(runner: TaskRunner): runner is SupervisedRunner<unknown> {
  return hasMethod(runner, 'restart');
}

function isDynamic(runner: TaskRunner | undefined): runner is DynamicGroup {
  return runner !== undefined && hasMethod(runner, 'remove') && hasMethod(runner, 'replace');
}
