import { duration } from '../../util/duration.js';
import type { JobAnswer, JobDetails } from '../server/job-view.js';
import type { ActionButton } from './action-bar.js';
import { element } from './element.js';
import { clockTime, counted, localDate } from './format.js';

/** Creates the nodes that show one job. */
export function jobDetails({ job, showData }: JobAnswer): Node[] {
  const { state, attempt, priority, key, group, after, createdAt, dueAt, startedAt, endedAt, failure } = job;
  const took = startedAt !== undefined && endedAt !== undefined ? `, took ${duration(endedAt - startedAt)}` : '';
  const entries: readonly [string, string | undefined][] = [
    ['State', state],
    ['Attempts', attempt === 0 ? 'none yet' : String(attempt)],
    ['Priority', priority === 0 ? undefined : String(priority)],
    ['Key', key],
    ['Group', group],
    ['Waits for', after && `${counted(after.length, 'job')}: ${after.join(', ')}`],
    ['Submitted', dateAndTime(createdAt)],
    ['Due', dueAt === undefined ? undefined : dateAndTime(dueAt)],
    ['Started', startedAt === undefined ? undefined : dateAndTime(startedAt)],
    ['Ended', endedAt === undefined ? undefined : `${dateAndTime(endedAt)}${took}`],
  ];
  const shown = entries.filter(([, value]) => value !== undefined);
  const list = element('dl', '', ...shown.flatMap(([name, value = '']) => [element('dt', name), element('dd', value)]));
  list.className = 'entries';
  const failureText = failure && (failure.message === undefined ? failure.name : `${failure.name}: ${failure.message}`);
  return [
    list,
    ...(failureText === undefined ? [] : [element('h3', 'Failure'), failureBlock(failureText, showData)]),
    ...dataBlocks(job, showData),
  ];
}

/** Returns the buttons for the actions that make sense in the state of a job. */
export function jobButtons(queue: string, { id, state }: JobDetails): ActionButton[] {
  const request = { queue, job: id };
  const isWaiting = state === 'delayed' || state === 'retrying';
  const hasFailed = state === 'failed' || state === 'cancelled';
  return [
    ...(isWaiting
      ? [
          {
            label: 'Promote',
            request: { action: 'promote-job', ...request },
            resultOf: () => 'It may start now',
          } as const,
        ]
      : []),
    ...(hasFailed
      ? [{ label: 'Retry', request: { action: 'retry-job', ...request }, resultOf: () => 'It runs again' } as const]
      : []),
    ...(state === 'active'
      ? []
      : [
          {
            label: 'Remove',
            question: 'Delete this job for good?',
            request: { action: 'remove-job', ...request },
            resultOf: () => 'Removed',
          } as const,
        ]),
  ];
}

function dataBlocks({ bytes, ...job }: JobDetails, showData: boolean): Node[] {
  const titles = { input: 'Input', output: 'Output', progress: 'Progress' } as const;
  return (['input', 'progress', 'output'] as const).flatMap((name) => {
    const length = bytes[name];
    if (length === undefined) return [];
    const value = job[name];
    const isShown = showData && value !== undefined;
    const hidden = showData ? `${counted(length, 'byte')} of JSON, too many to show` : hiddenText(length);
    return [element('h3', titles[name]), isShown ? element('pre', JSON.stringify(value, null, 2)) : note(hidden)];
  });
}

function failureBlock(text: string, showData: boolean): Node {
  const block = element('pre', text);
  block.className = 'bad';
  return showData ? block : element('div', '', block, note('Its message is hidden.'));
}

function hiddenText(bytes: number): string {
  return `${counted(bytes, 'byte')} of JSON, hidden: inspector({ showData: true }) shows them`;
}

function note(text: string): HTMLElement {
  const created = element('p', text);
  created.className = 'none';
  return created;
}

function dateAndTime(at: number): string {
  return `${localDate(at)} ${clockTime(at, 1000)}`;
}
