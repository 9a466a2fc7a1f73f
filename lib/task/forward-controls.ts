import type { TaskRunner } from './types.js';

/** The members of a runner that change what it does while it runs: those of a cron, a group, and a supervised task. */
const controls = [
  'trigger',
  'pause',
  'resume',
  'paused',
  'reschedule',
  'nextRuns',
  'running',
  'history',
  'add',
  'replace',
  'remove',
  'get',
  'keys',
  'restart',
] as const;

/** Gives a runner that stands for another one the controls of that one. */
export function forwardControls<R extends TaskRunner>(runner: R, inner: TaskRunner): R {
  const source = inner as TaskRunner & Partial<Record<string, unknown>>;
  for (const name of controls) {
    if (!(name in source)) continue;
    const get = (): unknown => {
      const value = source[name];
      return typeof value === 'function' ? (value.bind(source) as unknown) : value;
    };
    Object.defineProperty(runner, name, { get, configurable: true });
  }
  return runner;
}
