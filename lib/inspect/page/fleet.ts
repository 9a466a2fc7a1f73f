import type { CronState, FleetMember, FleetState, QueueState } from '../../fleet/fleet-state.js';
import { duration } from '../axis.js';
import { element } from './element.js';
import { kept } from './kept.js';
import { clock } from './words.js';

/** How many of a table are shown. */
const most = 50;

/** What the section shows. */
export interface Heard {
  readonly state: FleetState | undefined;
  readonly failure: string | undefined;
  readonly at: number;
}

/** The members, queues and crons of the fleet: its height changes with nothing but a cancel, so that what is below stays in place. */
export class FleetSection {
  private readonly root: HTMLElement;
  private readonly banner = element('p', '');
  private readonly fold = document.createElement('details');
  private readonly note = element('span', '');
  private readonly counts = element('span', '');
  private readonly notice = element('p', '');
  private readonly body = element('div', '');
  private before = '';

  constructor(root: HTMLElement) {
    const { banner, fold, note, counts, notice, body } = this;
    this.root = root;
    banner.className = 'banner';
    banner.hidden = true;
    banner.setAttribute('role', 'status');
    note.className = 'note';
    counts.className = 'counts';
    notice.className = 'notice';
    body.className = 'tables';
    body.tabIndex = 0;
    body.setAttribute('role', 'group');
    body.setAttribute('aria-label', 'Members, queues and crons');
    const summary = element('summary', '', element('h2', 'Fleet'), note, counts);
    const open = kept('fleet');
    fold.open = open === null ? innerWidth > 640 : open === 'open';
    // Of what one does, and not of what the page does by itself.
    summary.addEventListener('click', () => kept('fleet', fold.open ? 'closed' : 'open'));
    body.append(notice, ...[0, 1, 2].map(() => element('table', '')));
    fold.append(summary, body);
    root.append(banner, fold);
  }

  /** @param heard `undefined` when there is no fleet. */
  show(heard: Heard | undefined, connected: boolean): void {
    // Touching the document costs more than all else.
    const after = JSON.stringify([heard?.at, heard?.failure, heard === undefined, connected]);
    if (after === this.before) return;
    this.before = after;
    this.root.hidden = !heard;
    if (!heard) return;
    const { state, failure, at } = heard;
    this.tellCancel(state, at);
    this.fold.toggleAttribute('data-stale', failure !== undefined || !connected);
    const [note, words] = noteOf(heard);
    set(this.note, note, failure ?? '');
    this.note.dataset['kind'] = failure === undefined ? 'bad' : 'warn';
    set(this.counts, words, state ? `Schema ${state.schema}` : '');
    set(this.notice, failure ?? '');
    this.notice.hidden = failure === undefined;
    if (state) this.fill([membersOf(state.members, at), queuesOf(state.queues), cronsOf(state.crons, at)]);
  }

  private tellCancel(state: FleetState | undefined, now: number): void {
    const cancelled = state?.cancelled;
    this.banner.hidden = !cancelled;
    // It is told to those who do not see it when it changes, so that it does not count the seconds.
    set(
      this.banner,
      cancelled ? `Cancelled by ${cancelled.by} at ${when(cancelled.at, now)}: ${cancelled.reason}` : '',
    );
  }

  private fill(tables: readonly Node[]): void {
    const old = [...this.body.querySelectorAll('table')];
    // What has not changed stays, with what one has selected in it.
    tables.forEach((table, place) => {
      if (!old[place]?.isEqualNode(table)) old[place]?.replaceWith(table);
    });
  }
}

function noteOf({ state, failure, at }: Heard): [string, string] {
  if (!state) return failure === undefined ? ['', 'Asking …'] : ['No answer', ''];
  const { members, queues, crons } = state;
  const quiet = members.filter(({ live }) => !live).length;
  const dead = queues.reduce((sum, one) => sum + one.dead, 0);
  const troubles = [
    ...(dead > 0 ? [`${dead.toLocaleString('en')} dead`] : []),
    ...(quiet > 0 ? [`${quiet} quiet`] : []),
  ];
  return [
    failure === undefined ? troubles.join(', ') : `No answer since ${clock(at, 1000)}`,
    [counted(members.length, 'member'), counted(queues.length, 'queue'), counted(crons.length, 'cron')].join(', '),
  ];
}

function membersOf(members: readonly FleetMember[], now: number): Node {
  return table('Members', ['Member', 'Sign of life'], members, ({ name, host, pid, seen, live }) => {
    const dot = element('span', '');
    dot.className = 'dot';
    dot.dataset['status'] = live ? 'running' : 'failed';
    const sign = element('td', live ? 'live' : `quiet for ${duration(Math.max(0, now - seen))}`);
    sign.prepend(dot);
    if (!live) sign.className = 'bad';
    return { name, more: `${name}: process ${pid} on ${host}`, cells: [sign], trouble: !live };
  });
}

function queuesOf(queues: readonly QueueState[]): Node {
  return table('Queues', ['Queue', 'Waiting', 'Running', 'Dead'], queues, ({ name, waiting, running, dead }) => {
    const cells = [waiting, running, dead].map((count) => {
      const cell = element('td', count.toLocaleString('en'));
      cell.className = count === 0 ? 'number none' : 'number';
      return cell;
    });
    if (dead > 0) cells[2]?.classList.add('bad');
    return { name, more: name, cells, trouble: dead > 0 };
  });
}

function cronsOf(crons: readonly CronState[], now: number): Node {
  return table('Crons', ['Cron', 'Last slot', 'Held by'], crons, ({ task, slot, holder }) => {
    const held = element('td', holder ?? 'nobody');
    if (holder === undefined) held.className = 'none';
    held.title = holder ?? '';
    return { name: task, more: task, cells: [element('td', when(slot, now)), held], trouble: false };
  });
}

interface Line {
  readonly name: string;
  readonly more: string;
  readonly cells: readonly HTMLElement[];
  /** Whether it is worth its place when there are too many. */
  readonly trouble: boolean;
}

/** In the order of the names, so that none moves from under the pointer. */
function table<T>(title: string, heads: readonly string[], all: readonly T[], lineOf: (one: T) => Line): Node {
  const lines = all.map(lineOf).sort((one, other) => one.name.localeCompare(other.name, 'en', { numeric: true }));
  const chosen = lines.length > most ? [...lines.filter(isTrouble), ...lines.filter((one) => !isTrouble(one))] : lines;
  const rows = chosen.slice(0, most).map(({ name, more, cells }) => {
    const head = element('th', name);
    head.setAttribute('scope', 'row');
    head.title = more;
    return element('tr', '', head, ...cells);
  });
  const rest = lines.length - rows.length;
  if (lines.length === 0 || rest > 0) {
    const cell = element('td', lines.length === 0 ? 'none' : `and ${rest} more`);
    cell.className = 'none';
    cell.setAttribute('colspan', String(heads.length));
    rows.push(element('tr', '', cell));
  }
  const head = heads.map((text) => {
    const cell = element('th', text);
    cell.setAttribute('scope', 'col');
    return cell;
  });
  const made = element(
    'table',
    '',
    element('caption', title),
    element('thead', '', element('tr', '', ...head)),
    element('tbody', '', ...rows),
  );
  made.dataset['of'] = title.toLowerCase();
  return made;
}

function isTrouble({ trouble }: Line): boolean {
  return trouble;
}

/** The local time, with its date unless that is today. */
function when(at: number, now: number): string {
  const [date, time] = [clock(at, 86_400_000), clock(at, 1000)];
  return date === clock(now, 86_400_000) ? time : `${date} ${time}`;
}

function counted(count: number, name: string): string {
  return `${count.toLocaleString('en')} ${name}${count === 1 ? '' : 's'}`;
}

/** Setting the same again would take away what one has selected, and have it read out again. */
function set(one: HTMLElement, text: string, title = ''): void {
  if (one.textContent !== text) one.textContent = text;
  if (one.title !== title) one.title = title;
}
