import type { TaskRunner } from '../task/types.js';
import { duration } from '../util/duration.js';
import { runningTasks } from './running-tasks.js';
import { taskList } from './task-list.js';

/** The time after the cancel of an application at which its stop is slow, in ms. */
export const slowStopMs = 5000;

/** Names on stderr the tasks that the stop of an application waits for. */
export function warnOfSlowStop(runners: readonly TaskRunner[]): void {
  // Members that their group has not cancelled yet only wait for the others.
  const names = taskList(runningTasks(runners).filter(({ stopping }) => stopping));
  if (names !== '') console.error(`Not ended ${duration(slowStopMs)} after the cancel: ${names}`);
}
