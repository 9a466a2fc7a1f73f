import type { TaskAction } from '../server/task-actions.js';
import type { ActionButton } from './action-bar.js';
import type { RescheduleForm } from './reschedule-form.js';

const labels: Readonly<Record<TaskAction, string>> = {
  trigger: 'Trigger',
  pause: 'Pause schedule',
  resume: 'Resume schedule',
  reschedule: 'Reschedule',
  restart: 'Restart',
  remove: 'Remove',
};
const results: Readonly<Record<TaskAction, string>> = {
  trigger: 'Triggered',
  pause: 'Paused',
  resume: 'Resumed',
  reschedule: 'Rescheduled',
  restart: 'Restarting',
  remove: 'Removing',
};

/** Actions that end a run, and the question before each. */
const questions: Partial<Record<TaskAction, string>> = {
  restart: 'End the current run, and start the next?',
  remove: 'End this task for good?',
};

/** Returns the buttons for the actions of the task at a path. */
export function taskButtons(path: string, actions: readonly TaskAction[], form: RescheduleForm): ActionButton[] {
  return actions.map((action): ActionButton => {
    const label = labels[action];
    const resultOf: ActionButton['resultOf'] = ({ paused }) =>
      action === 'resume' && paused ? 'Still paused by its coordinator' : results[action];
    if (action === 'reschedule') return { label, form, path, resultOf };
    return { label, question: questions[action], request: { action, path }, resultOf };
  });
}
