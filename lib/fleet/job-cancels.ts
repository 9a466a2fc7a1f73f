import type { Subscription } from 'rxjs';
import { readCancelled } from './cancelled-jobs.js';
import type { ControlMessage } from './control-message.js';
import { Hints } from './hints.js';
import type { JobKey } from './job-reader.js';
import type { QueueHandle } from './queue-handle.js';

/**
 * The cancels of a queue's jobs. A message from another process only says that a job may have been cancelled: the row
 * of the job decides.
 *
 * @param isHeld whether the worker has claimed a job. Messages about other jobs have no effect.
 */
export function watchCancels(
  { name, services }: QueueHandle,
  isHeld: (job: string) => boolean,
  onCancelled: (job: string) => void,
): Subscription {
  const { control, database } = services;
  const hints = new Hints<JobKey>(async (keys) => {
    try {
      const cancelled = await readCancelled(database, keys);
      for (const job of cancelled) onCancelled(job);
      return cancelled.length > 0;
    } catch (error) {
      database.report(error);
      return false;
    }
  });
  const cancelOf = (message: ControlMessage) =>
    message.type === 'cancel' && message.queue === name && isHeld(message.job) ? message.job : undefined;
  const subscription = control.local$.subscribe((message) => {
    const job = cancelOf(message);
    if (job !== undefined) onCancelled(job);
  });
  subscription.add(
    control.remote$.subscribe((message) => {
      const job = cancelOf(message);
      if (job !== undefined) hints.add(job, { queue: name, job });
    }),
  );
  return subscription;
}
