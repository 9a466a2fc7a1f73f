import { taskList } from '../app/task-list.js';
import { ScenarioError } from './scenario-error.js';
import type { TaskHook } from './waiting-hooks.js';

/** Returns a text that names the hooks that wait, and says how a test replaces what they wait for. */
export function explainWait(waiting: readonly TaskHook[], resources: readonly string[] = []): string {
  const active = resources.length > 0 ? ` Active in this process: ${resources.join(', ')}.` : '';
  return (
    `Still waiting: ${taskList(waiting)}.${active} A scenario does not wait for I/O, for real timers, or for a ` +
    'promise that only code outside it settles. Replace the task by a `script`, or pass it a fake of what it waits for'
  );
}

/** Creates the error of a scenario whose `during` has not ended. */
export function waitingError(duration: number | undefined, waiting: readonly TaskHook[]): Error {
  const reason = duration === undefined ? 'but no timer is pending' : `but the \`duration\` of ${duration} ms is over`;
  const explanation = waiting.length > 0 ? `. ${explainWait(waiting)}` : '';
  return new Error(`\`during\` is still waiting, ${reason}${explanation}`);
}

/** Creates the error of a scenario that has ended before its application, because no timer is pending. */
export function stuckError(waiting: readonly TaskHook[], resources: readonly string[], marbles: string): Error {
  return new ScenarioError(
    `The scenario can go no further, because no timer is pending. ${explainWait(waiting, resources)}. ` +
      `\`duration\` ends a scenario that is meant to wait.\n\n${marbles}`,
  );
}
