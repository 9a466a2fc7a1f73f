import type { TaskRunner } from '../task/types.js';
import { runningTasks } from './running-tasks.js';
import { taskList } from './task-list.js';

/**
 * Names the tasks that have not ended, on stderr, when the process exits: other code may call `process.exit`.
 *
 * @returns the function that ends this.
 */
export function nameTasksAtExit(runners: readonly TaskRunner[]): () => void {
  const onExit = (code: number) => {
    const tasks = runningTasks(runners);
    if (tasks.length > 0) console.error(`Exiting with ${code} before these tasks have ended: ${taskList(tasks)}`);
  };
  process.on('exit', onExit);
  return () => process.off('exit', onExit);
}
