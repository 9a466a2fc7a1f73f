import type { RecordedError, RecordedEvent } from '../../recording/types.js';
import { duration } from '../../util/duration.js';
import type { TaskState } from '../server/app-state.js';
import type { TaskDetails } from '../server/task-details.js';
import { isFailure, markKind, statusLabel, styles } from '../styles.js';
import type { Mark, Span, TaskRow } from '../task-timeline.js';
import type { ActionBar } from './action-bar.js';
import type { Hit } from './chart.js';
import { cronEntries, type Entry } from './cron-facts.js';
import { element } from './element.js';
import { clockTime, localDate } from './format.js';
import type { PageRow } from './page-rows.js';
import { RescheduleForm } from './reschedule-form.js';
import { runParts, waitsForText } from './run-parts.js';
import { taskButtons } from './task-buttons.js';

/** The number of marks in the list of a task. */
const maxMarks = 30;

/** The panel with the details of a task, a mark or a span. */
export class Details {
  private readonly root: HTMLElement;
  private readonly content: HTMLElement;
  private readonly open: (hit: Hit) => void;
  private readonly actions: ActionBar;
  private readonly form = new RescheduleForm();
  private subject: unknown;

  constructor(root: HTMLElement, content: HTMLElement, open: (hit: Hit) => void, actions: ActionBar) {
    this.actions = actions;
    this.root = root;
    this.content = content;
    this.open = open;
  }

  get isOpen(): boolean {
    return !this.root.hidden;
  }

  close(): void {
    // Takes back a question.
    this.actions.show('', []);
    this.root.hidden = true;
  }

  /** @param known the details from the server; `undefined` before its first answer. */
  show(hit: Hit, now: number, known: TaskDetails | undefined): void {
    const parts = hit.mark
      ? markParts(hit.row, hit.mark)
      : hit.span
        ? spanParts(hit.row, hit.span, now)
        : this.taskParts(hit.row, now, known);
    this.root.hidden = false;
    const { content } = this;
    const subject = hit.mark ?? hit.span ?? hit.row.task;
    if (subject !== this.subject) content.replaceChildren();
    this.subject = subject;
    const current = [...content.children];
    parts.forEach((part, index) => {
      const old = current[index];
      if (!old) content.append(part);
      // An unchanged part keeps its selection.
      else if (!old.isEqualNode(part) && !isInUse(old, part)) old.replaceWith(part);
    });
    for (const old of current.slice(parts.length)) old.remove();
  }

  private taskParts(pageRow: PageRow, now: number, known: TaskDetails | undefined): Node[] {
    const { row, state, status, restarts } = pageRow;
    const since = row?.since ?? state?.since;
    const error = known?.lastError ?? row?.lastError ?? state?.lastError;
    const latest = row?.marks.slice(-maxMarks).reverse() ?? [];
    this.actions.show(pageRow.task, taskButtons(pageRow.task, state?.actions ?? [], this.form));
    return [
      element('h2', pageRow.task),
      definitions([
        ['Status', statusLabel(status)],
        ['Since', since === undefined ? undefined : `${clockTime(since)}, for ${duration(Math.max(0, now - since))}`],
        ['Waits for', known && waitsForText(known)],
        ...(state?.history ? cronEntries(state, now) : runEntries(row, known)),
        ['Started runs', childrenText(state?.children)],
        ['Restarts', positive(restarts)],
      ]),
      this.actions.root,
      ...errorParts('Last error', error),
      ...(known ? runParts(known, now) : []),
      ...(latest.length === 0 ? [] : [element('h3', 'Latest'), this.markList(pageRow, latest)]),
    ];
  }

  private markList(row: PageRow, marks: readonly Mark[]): Node {
    return element(
      'ol',
      '',
      ...marks.map((mark) => {
        const button = element('button', '', element('time', clockTime(mark.at)), element('span', labelOf(mark)));
        if (isFailure(mark.kind)) button.lastElementChild?.classList.add('bad');
        button.addEventListener('click', () => this.open({ row, mark }));
        return element('li', '', button);
      }),
    );
  }
}

function markParts(row: PageRow, mark: Mark): Node[] {
  const { event, at } = mark;
  const { error, cause, outcome } = event;
  const fields = Object.entries(event).filter(([name, value]) => !ownFields.has(name) && typeof value !== 'object');
  return [
    element('h2', row.task),
    definitions([
      ['Event', labelOf(mark)],
      ['At', dateAndTime(at)],
      ['Slot', event.slot === undefined ? undefined : dateAndTime(event.slot)],
      ['Outcome', outcome?.status],
      ...fields.map(([name, value]): Entry => [fieldLabel(event, name), formats[name]?.(Number(value)) ?? value]),
    ]),
    ...errorParts('Error', error ?? outcome?.error),
    ...errorParts('Cause', cause),
  ];
}

function spanParts(row: PageRow, { kind, from, to }: Span, now: number): Node[] {
  return [
    element('h2', row.task),
    definitions([
      ['Phase', styles[kind].label],
      ['From', dateAndTime(from)],
      ['To', to === undefined ? 'now' : dateAndTime(to)],
      ['Duration', duration((to ?? now) - from)],
    ]),
  ];
}

/** Fields of an event that have a place of their own. */
const ownFields = new Set(['type', 'at', 'task', 'slot', 'error', 'cause', 'outcome']);
const fieldLabels: Readonly<Record<string, string>> = {
  runId: 'Run',
  count: 'Slots',
  lateBy: 'Late by',
  reason: 'Reason',
  restart: 'Restart',
  delay: 'Delay',
  phase: 'Phase',
  option: 'Option',
  key: 'Key',
  by: 'By',
  nextAt: 'Next run',
  action: 'Action',
  target: 'Target',
};
const formats: Readonly<Record<string, (value: number) => string>> = {
  delay: duration,
  lateBy: duration,
  nextAt: dateAndTime,
};

function fieldLabel({ type }: RecordedEvent, name: string): string {
  return name === 'count' && type === 'operated' ? 'Jobs' : (fieldLabels[name] ?? name);
}

function labelOf(mark: Mark): string {
  const { key } = mark.event;
  return styles[markKind(mark)].label + (key === undefined ? '' : ` ${key}`);
}

function dateAndTime(at: number): string {
  return `${localDate(at)} ${clockTime(at)}`;
}

function errorParts(title: string, error: (RecordedError & { readonly stack?: string }) | undefined): Node[] {
  if (!error) return [];
  const { name, message, stack = '' } = error;
  const phase = error.phase ? ` in ${error.phase}` : '';
  const text = element('pre', stack || `${name}: ${message}`);
  // It may be longer than its place, and the keyboard can scroll what has the focus.
  text.tabIndex = 0;
  return [element('h3', `${title}${phase}`), text];
}

/** Whether a part is a list that the user points at, which keeps its entries. */
function isInUse(old: Element, part: Node): boolean {
  return old.nodeName === part.nodeName && old.matches(':is(ol, .runs):is(:hover, :focus-within)');
}

function childrenText(children: TaskState['children']): string | undefined {
  if (!children) return undefined;
  return `${children.started}${children.failed > 0 ? `, ${children.failed} failed` : ''}`;
}

function runEntries(row: TaskRow | undefined, known: TaskDetails | undefined): readonly Entry[] {
  const { slotsStarted = 0, runs = 0, active = 0, failures = 0 } = row ?? {};
  if (known)
    return [
      ['Ended runs', known.failures > 0 ? `${known.runs}, ${known.failures} failed` : positive(known.runs)],
      ['Active runs', active > 1 ? active : undefined],
    ];
  return [
    ['Runs', positive(slotsStarted) ?? (runs > 1 ? runs : undefined)],
    ['Active runs', active > 1 ? active : undefined],
    ['Failures', positive(failures)],
  ];
}

function positive(count: number | undefined): number | undefined {
  return count === 0 ? undefined : count;
}

function definitions(entries: readonly Entry[]): Node {
  const defined = entries.filter(([, value]) => value !== undefined);
  return element('dl', '', ...defined.flatMap(([name, value]) => [element('dt', name), element('dd', String(value))]));
}
