import type { EndedJobs, QueueState } from '../../fleet/types.js';
import { duration, minute } from '../../util/duration.js';
import { element } from './element.js';

/** Creates the list of a queue's counts. */
export function queueFacts(queue: QueueState): Node {
  const { waiting, delayed, blocked, retrying, running, dead, ended, oldestMs } = queue;
  const facts: readonly [label: string, value: string, isBad?: boolean][] = [
    ['Waiting', countText(waiting - delayed - blocked - retrying)],
    ['Delayed', countText(delayed)],
    ['Blocked', countText(blocked)],
    ['Active', countText(running)],
    ['Retrying', countText(retrying)],
    ['Dead', countText(dead), dead > 0],
    ['Oldest', oldestMs === undefined ? '–' : duration(oldestMs)],
    ['Completed', `${countText(perMinute(ended.completed, ended))} / min`],
    ['Failed', `${countText(perMinute(ended.failed, ended))} / min`, ended.failed > 0],
  ];
  const list = element(
    'dl',
    '',
    ...facts.map(([label, value, isBad]) => {
      const shown = element('dd', value);
      if (isBad) shown.className = 'bad';
      return element('div', '', element('dt', label), shown);
    }),
  );
  list.className = 'facts';
  return list;
}

/** Returns the number of jobs in a minute, from a count of a shorter time. */
export function perMinute(count: number, { ms }: EndedJobs): number {
  return (count * minute) / Math.max(1, ms);
}

/** Names the time that the counts of ended jobs are of. */
export function endedTime({ ms }: EndedJobs): string {
  return `in the last ${ms === minute ? 'minute' : duration(ms)}`;
}

export function countText(count: number): string {
  return Math.round(count).toLocaleString('en');
}
