import { printable, printableName } from '../util/printable.js';

/** The most tasks in a line. */
const maxTasks = 100;

/** Lists the names or paths of tasks, each with the hook that it is in, for a line of text. */
export function taskList(tasks: readonly { readonly task: string; readonly hook?: string | undefined }[]): string {
  const more = tasks.length - maxTasks;
  return tasks
    .slice(0, maxTasks)
    .map(({ task, hook }) => printableName(task) + (hook ? ` (${printable(hook)})` : ''))
    .concat(more > 0 ? [`and ${more.toLocaleString('en')} more`] : [])
    .join(', ');
}
