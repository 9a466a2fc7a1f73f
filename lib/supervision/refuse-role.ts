import type { MemberRole } from '../task/composite.js';
import { roleOf } from '../task/runner-access.js';
import { isTaskRunner } from '../task/runner.js';

/** Throws if a task has a role that its group must see: `supervise` around it would hide that. */
export function refuseRole(runnable: unknown): void {
  const role = roleIn(runnable);
  // A critical task itself cancels the application.
  if (!role || role === 'critical') return;
  const wrapper = role === 'optional' ? 'optional' : 'critical';
  throw new TypeError(`Expected \`${wrapper}\` around \`supervise\`: write ${wrapper}(supervise(task))`);
}

/** Throws if a task has one of these roles, because its new role would contradict it. */
export function refuseBoth(runnable: unknown, ...roles: readonly MemberRole[]): void {
  const role = roleIn(runnable);
  if (role && roles.includes(role))
    throw new TypeError(
      'Expected `optional` or `critical` around a task, not both: the end of a critical task stops others',
    );
}

function roleIn(runnable: unknown): MemberRole | undefined {
  return isTaskRunner(runnable) ? roleOf(runnable) : undefined;
}
