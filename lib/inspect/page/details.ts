import type { RecordedError } from '../../recording/recorded.js';
import { duration } from '../axis.js';
import type { Mark, Span } from '../row.js';
import type { Found } from './chart.js';
import { element } from './element.js';
import type { Shown } from './rows.js';
import { isBad } from './shapes.js';
import { clock, until } from './words.js';

/** What is known of a task, or of what happened to it. Whatever comes from tasks is text, and never markup. */
export class Details {
  private readonly root: HTMLElement;
  private readonly content: HTMLElement;
  private readonly open: (found: Found) => void;
  private before: unknown;

  constructor(root: HTMLElement, content: HTMLElement, open: (found: Found) => void) {
    this.root = root;
    this.content = content;
    this.open = open;
  }

  get shown(): boolean {
    return !this.root.hidden;
  }

  close(): void {
    this.root.hidden = true;
  }

  show(found: Found, now: number): void {
    const parts = found.mark
      ? ofMark(found.row, found.mark)
      : found.span
        ? ofSpan(found.row, found.span, now)
        : this.ofTask(found.row, now);
    this.root.hidden = false;
    const { content } = this;
    const about = found.mark ?? found.span ?? found.row.task;
    if (about !== this.before) content.replaceChildren();
    this.before = about;
    const old = [...content.children];
    parts.forEach((part, place) => {
      const one = old[place];
      if (!one) content.append(part);
      // What has not changed stays, with what one has selected in it; so does a list that one is about to choose from.
      else if (!one.isEqualNode(part) && !one.matches('ol:hover, ol:focus-within')) one.replaceWith(part);
    });
    for (const one of old.slice(parts.length)) one.remove();
  }

  private ofTask(shown: Shown, now: number): Node[] {
    const { row, state, status, restarts, nextAt } = shown;
    const since = row?.since ?? state?.since;
    const error = row?.lastError ?? state?.lastError;
    const latest = row?.marks.slice(-30).reverse() ?? [];
    return [
      element('h2', shown.task),
      list([
        ['Status', status],
        ['Since', since === undefined ? undefined : `${clock(since)}, for ${duration(Math.max(0, now - since))}`],
        ['Next run', nextAt === undefined ? undefined : `${clock(nextAt, 1000)}, ${until(nextAt, now)}`],
        ['Runs', some(row?.ticks)],
        ['Failures', some(row?.failures)],
        ['Restarts', some(restarts)],
      ]),
      ...errorParts('Last error', error),
      ...(latest.length === 0 ? [] : [element('h3', 'Latest'), this.listOf(shown, latest)]),
    ];
  }

  private listOf(row: Shown, marks: readonly Mark[]): Node {
    return element(
      'ol',
      '',
      ...marks.map((mark) => {
        const button = element('button', '', element('time', clock(mark.at)), element('span', wordsOf(mark)));
        if (isBad(mark.kind)) button.lastElementChild?.classList.add('bad');
        button.addEventListener('click', () => this.open({ row, mark }));
        return element('li', '', button);
      }),
    );
  }
}

function ofMark(row: Shown, mark: Mark): Node[] {
  const { event, at } = mark;
  const { error, cause, outcome } = event;
  const more = Object.entries(event).filter(([name, value]) => !known.has(name) && typeof value !== 'object');
  return [
    element('h2', row.task),
    list([
      ['What', wordsOf(mark)],
      ['At', `${clock(at, 86_400_000)} ${clock(at)}`],
      ['Due at', event.slot === undefined ? undefined : `${clock(event.slot, 86_400_000)} ${clock(event.slot)}`],
      ['Outcome', outcome?.status],
      ...more.map(([name, value]): [string, unknown] => [
        labels[name] ?? name,
        name === 'delay' || name === 'lateBy' ? duration(Number(value)) : value,
      ]),
    ]),
    ...errorParts('Error', error ?? outcome?.error),
    ...errorParts('Cause', cause),
  ];
}

function ofSpan(row: Shown, { kind, from, to }: Span, now: number): Node[] {
  return [
    element('h2', row.task),
    list([
      ['What', kind],
      ['From', `${clock(from, 86_400_000)} ${clock(from)}`],
      ['To', to === undefined ? 'now' : `${clock(to, 86_400_000)} ${clock(to)}`],
      ['For', duration((to ?? now) - from)],
    ]),
  ];
}

const known = new Set(['type', 'at', 'task', 'slot', 'error', 'cause', 'outcome']);
const labels: Readonly<Record<string, string>> = {
  runId: 'Run',
  count: 'How many',
  lateBy: 'Late by',
  reason: 'Because of',
  restart: 'Restart',
  delay: 'After',
  phase: 'In',
};

function wordsOf({ kind, event }: Mark): string {
  if (kind === 'done' && event.outcome) return event.outcome.status;
  return kind === 'slot-started' ? 'run' : kind === 'slot-failed' ? 'run failed' : kind;
}

function errorParts(title: string, error: RecordedError | undefined): Node[] {
  if (!error) return [];
  const where = error.phase ? ` in ${error.phase}` : '';
  return [element('h3', `${title}${where}`), element('pre', `${error.name}: ${error.message}`)];
}

function some(count: number | undefined): number | undefined {
  return count === 0 ? undefined : count;
}

function list(entries: readonly (readonly [string, unknown])[]): Node {
  const told = entries.filter(([, value]) => value !== undefined);
  return element('dl', '', ...told.flatMap(([name, value]) => [element('dt', name), element('dd', String(value))]));
}
