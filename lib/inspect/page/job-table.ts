import type { GroupState } from '../../fleet/queue-types.js';
import { printable } from '../../util/printable.js';
import type { DeadLetterView, FailureView, JobView } from '../server/job-view.js';
import { button, element } from './element.js';
import { shortTime } from './format.js';
import { countText } from './queue-facts.js';

/** Creates the table of a page of jobs. The id of each is a button, whose click the panel handles. */
export function jobTable(jobs: readonly JobView[], now: number): HTMLElement {
  const rows = jobs.map((job) => {
    const { id, state, attempt, key, group, failure } = job;
    const status = element('td', state);
    status.dataset['state'] = state;
    return row(idButton(id), [
      status,
      element('td', timeText(job, now)),
      element('td', String(attempt)),
      titled(group ?? key ?? '', [group && `Group: ${group}`, key && `Key: ${key}`].filter(Boolean).join('\n')),
      failureCell(failure),
    ]);
  });
  return table('jobs', ['Job', 'State', 'Time', 'Attempt', 'Group or key', 'Failure'], rows, 'No jobs');
}

/** Creates the table of dead letters. With actions, each has a box to choose it. */
export function deadLetterTable(letters: readonly DeadLetterView[], now: number, hasActions: boolean): HTMLElement {
  const rows = letters.map(({ id, job, at, failure }) =>
    row(
      idButton(job),
      [element('td', shortTime(at, now)), failureCell(failure)],
      hasActions ? choice(id, job) : undefined,
    ),
  );
  const headings = [...(hasActions ? [''] : []), 'Job', 'Failed', 'Failure'];
  return table('dead-letters', headings, rows, 'No dead letters');
}

export function groupTable(groups: readonly GroupState[]): HTMLElement {
  const rows = groups.map(({ group, waiting, running }) =>
    row(document.createTextNode(printable(group)), [numberCell(waiting), numberCell(running)]),
  );
  return table('groups', ['Group', 'Waiting', 'Running'], rows, 'No groups');
}

/** Returns the time that matters in the state of a job. */
function timeText({ createdAt, dueAt, startedAt, endedAt, state }: JobView, now: number): string {
  if (endedAt !== undefined) return shortTime(endedAt, now);
  if (dueAt !== undefined) return `due ${shortTime(dueAt, now)}`;
  return state === 'active' && startedAt !== undefined
    ? `since ${shortTime(startedAt, now)}`
    : `from ${shortTime(createdAt, now)}`;
}

/** Shows the end of an id: its start is a time, which jobs have in common. */
function idButton(id: string): HTMLElement {
  const created = button(`…${id.slice(-12)}`);
  created.setAttribute('aria-label', `Job ${id}`);
  created.title = id;
  created.dataset['job'] = id;
  return created;
}

function choice(id: string, job: string): HTMLElement {
  const box = element('input', '');
  box.setAttribute('type', 'checkbox');
  box.setAttribute('aria-label', `Choose job ${job}`);
  box.dataset['letter'] = id;
  return element('td', '', box);
}

function failureCell(failure: FailureView | undefined): HTMLElement {
  const { name = '', message } = failure ?? {};
  return titled(message === undefined ? name : `${name}: ${message}`, undefined);
}

function titled(text: string, title: string | undefined): HTMLElement {
  const cell = element('td', text);
  cell.title = printable(title ?? text);
  return cell;
}

function numberCell(count: number): HTMLElement {
  const cell = element('td', countText(count));
  cell.className = count === 0 ? 'number none' : 'number';
  return cell;
}

function row(head: Node, cells: readonly HTMLElement[], before?: HTMLElement): HTMLElement {
  const heading = element('th', '', head);
  heading.setAttribute('scope', 'row');
  return element('tr', '', ...(before ? [before] : []), heading, ...cells);
}

function table(of: string, headings: readonly string[], rows: readonly HTMLElement[], none: string): HTMLElement {
  const heads = headings.map((text) => {
    const cell = element('th', text);
    cell.setAttribute('scope', 'col');
    return cell;
  });
  const empty = element('td', none);
  empty.className = 'none';
  empty.setAttribute('colspan', String(headings.length));
  const created = element(
    'table',
    '',
    element('thead', '', element('tr', '', ...heads)),
    element('tbody', '', ...(rows.length > 0 ? rows : [element('tr', '', empty)])),
  );
  created.dataset['of'] = of;
  return created;
}
