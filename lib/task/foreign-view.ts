import { TaskError } from '../errors/errors.js';
import { attempt } from '../util/attempt.js';
import type { MemberRole, TaskHistory } from './composite.js';
import { readRole, readView, type RunnerView } from './runner-protocol.js';
import { isTaskRunner } from './runner.js';
import type { Outcome, SlotHistory, TaskRunner } from './types.js';

/** An object that may have any properties. */
type Unknown<T> = { readonly [K in keyof T]?: unknown };

/**
 * Returns the role of a runner that is not our own, if it has one. A custom runner has none. That of another copy of
 * this package may have one. Any other object may throw or return anything.
 */
export function foreignRole(runner: TaskRunner): MemberRole | undefined {
  const role = call(runner, readRole);
  return role === 'optional' || role === 'essential' || role === 'critical' ? role : undefined;
}

/** Returns the state of a runner that is not our own. Only one of another copy of this package has any. */
export function foreignView(runner: TaskRunner): RunnerView {
  return attempt(() => toView((call(runner, readView) ?? {}) as Unknown<RunnerView>), {});
}

type Method = typeof readRole | typeof readView;

function call(runner: TaskRunner & Partial<Record<Method, () => unknown>>, method: Method): unknown {
  return attempt(() => runner[method]?.(), undefined);
}

function toView(view: Unknown<RunnerView>): RunnerView {
  const { members, memberName, children, transparent, since, stopping } = view;
  const lastError = (view.outcome as Unknown<Outcome> | undefined)?.error;
  const history = toHistory(view.history ?? {});
  const childCounts = numbersOf<NonNullable<Outcome['children']>>(view.childCounts, ['started', 'failed']);
  return {
    ...(isRunners(members) && { members: [...members] }),
    ...(typeof memberName === 'function' && { memberName: (member) => nameOf(member, memberName as () => unknown) }),
    ...(isRunners(children) && { children: [...children] }),
    ...(transparent === true && { transparent }),
    ...(typeof since === 'number' && { since }),
    ...(typeof stopping === 'boolean' && { stopping }),
    ...(childCounts && { childCounts }),
    history: { ...history, ...(lastError instanceof TaskError && { lastError }) },
  };
}

function toHistory(history: Unknown<TaskHistory>): TaskHistory {
  const { lastError, paused } = history;
  const slots = numbersOf<SlotHistory>(history.slots, ['runs', 'failures', 'skipped', 'missed']);
  return {
    ...numbersOf<TaskHistory>(history, ['restarts']),
    ...numbersOf<TaskHistory>(history, ['nextAt']),
    ...numbersOf<TaskHistory>(history, ['running']),
    ...(typeof paused === 'boolean' && { paused }),
    ...(lastError instanceof TaskError && { lastError }),
    ...(slots && { slots }),
  };
}

/** Returns these properties of an object if all of them are numbers. */
function numbersOf<T extends object>(object: unknown, names: readonly (keyof T)[]): T | undefined {
  const values = names.map((name) => (object as Partial<Record<keyof T, unknown>> | undefined)?.[name]);
  if (!values.every((value) => typeof value === 'number')) return undefined;
  return Object.fromEntries(names.map((name, index) => [name, values[index]])) as T;
}

function isRunners(runners: unknown): runners is readonly TaskRunner[] {
  return Array.isArray(runners) && runners.every(isTaskRunner);
}

function nameOf(member: TaskRunner, memberName: (member: TaskRunner) => unknown): string {
  const name = attempt(() => memberName(member), undefined);
  return typeof name === 'string' ? name : member.toString();
}
