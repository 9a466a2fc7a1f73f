import { duration } from '../../util/duration.js';
import { printableName } from '../../util/printable.js';
import type { EndedRunState } from '../server/run-log.js';
import type { TaskDetails } from '../server/task-details.js';
import { statusLabel } from '../styles.js';
import { element } from './element.js';
import { shortTime } from './format.js';
import { durationOf, sparkline } from './sparkline.js';

/** The most tasks that a task is said to wait for. */
const maxWaitsFor = 10;

const waitLabels: Readonly<Record<string, string>> = {
  initializing: 'initializing',
  restarting: 'waits for its restart',
  idle: 'not started yet',
  done: 'has ended',
};

/** Returns the text for the tasks that a task waits for. */
export function waitsForText({ task, waitsFor }: TaskDetails): string | undefined {
  if (!waitsFor) return undefined;
  const named = waitsFor.slice(0, maxWaitsFor).map(({ path, status }) => {
    if (path !== task) return `${printableName(path)} (${waitLabels[status] ?? status})`;
    return status === 'restarting' ? 'its restart' : 'its initialize';
  });
  const more = waitsFor.length - named.length;
  return named.join(', ') + (more > 0 ? ` and ${more} more` : '');
}

/** Returns what the details show of the last runs: their durations, and a table. */
export function runParts({ lastRuns, durations }: TaskDetails, now: number): Node[] {
  if (!durations) return [];
  const { median, p95 } = durations;
  const summary = element('p', `Median ${duration(median)}, 95 % within ${duration(p95)}`);
  summary.className = 'summary';
  return [
    element('h3', lastRuns.length === 1 ? 'Last run' : `Last ${lastRuns.length} runs`),
    summary,
    sparkline(lastRuns, now),
    runTable(lastRuns, now),
  ];
}

function runTable(runs: readonly EndedRunState[], now: number): Node {
  const heads = ['Start', 'Duration', 'Outcome'].map((text) => {
    const head = element('th', text);
    head.setAttribute('scope', 'col');
    return head;
  });
  const rows = runs.toReversed().map((run) => {
    const outcome = element('td', statusLabel(run.status));
    outcome.className = run.status === 'failed' || run.status === 'timed-out' ? 'bad' : '';
    return element(
      'tr',
      '',
      element('td', shortTime(run.startedAt, now)),
      element('td', duration(durationOf(run))),
      outcome,
    );
  });
  const table = element('table', '', element('thead', '', element('tr', '', ...heads)), element('tbody', '', ...rows));
  const frame = element('div', '', table);
  frame.className = 'runs';
  frame.tabIndex = 0;
  frame.setAttribute('role', 'group');
  frame.setAttribute('aria-label', 'Last runs');
  return frame;
}
