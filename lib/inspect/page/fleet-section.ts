import type { FleetState } from '../../fleet/types.js';
import { printable } from '../../util/printable.js';
import { element, setText } from './element.js';
import { cronsTable, membersTable, queuesTable } from './fleet-tables.js';
import { clockTime, counted, shortTime } from './format.js';
import { loadSetting, saveSetting } from './local-storage.js';
import { performAction } from './perform-action.js';

/** The data of the section. */
export interface FleetSnapshot {
  readonly state: FleetState | undefined;
  readonly failure: string | undefined;
  readonly at: number;
}

/**
 * The members, queues and crons of the fleet. Only a cancel changes the height, so that the rows below stay in place.
 */
export class FleetSection {
  private readonly root: HTMLElement;
  private readonly banner = element('p', '');
  private readonly fold = document.createElement('details');
  private readonly note = element('span', '');
  private readonly counts = element('span', '');
  private readonly notice = element('p', '');
  /** The result of the last action. */
  private readonly result = element('p', '');
  private readonly body = element('div', '');
  private readonly onPerformed: () => void;
  private lastShown = '';

  /** @param onPerformed called after each action. */
  constructor(root: HTMLElement, onPerformed: () => void) {
    const { banner, fold, note, counts, notice, result, body } = this;
    this.onPerformed = onPerformed;
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
    const setting = loadSetting('fleet');
    fold.open = setting === null ? innerWidth > 640 : setting === 'open';
    // Stores what the user does, not the default.
    summary.addEventListener('click', () => saveSetting('fleet', fold.open ? 'closed' : 'open'));
    result.className = 'result';
    result.setAttribute('role', 'status');
    body.addEventListener('click', ({ target }) => {
      const queue = target instanceof HTMLElement && target.dataset['queue'];
      if (typeof queue === 'string') void this.redrive(queue);
    });
    body.append(notice, result, ...[0, 1, 2].map(() => element('table', '')));
    fold.append(summary, body);
    root.append(banner, fold);
  }

  /**
   * @param snapshot `undefined` if there is no fleet.
   * @param hasRedrive whether dead letters can be submitted again.
   */
  show(snapshot: FleetSnapshot | undefined, isConnected: boolean, hasRedrive: boolean): void {
    // Changing the document costs more than everything else.
    const shown = JSON.stringify([snapshot?.at, snapshot?.failure, snapshot === undefined, isConnected, hasRedrive]);
    if (shown === this.lastShown) return;
    this.lastShown = shown;
    this.root.hidden = !snapshot;
    if (!snapshot) return;
    const { state, failure, at } = snapshot;
    this.showCancel(state, at);
    this.fold.toggleAttribute('data-stale', failure !== undefined || !isConnected);
    const { note, counts } = headingOf(snapshot);
    setTextAndTitle(this.note, note, failure ?? '');
    this.note.dataset['kind'] = failure === undefined ? 'bad' : 'warn';
    setTextAndTitle(this.counts, counts, state ? `Schema ${state.schema}` : '');
    setText(this.notice, failure ?? '');
    this.notice.hidden = failure === undefined;
    if (state)
      this.showTables([
        membersTable(state.members, at),
        queuesTable(state.queues, hasRedrive),
        cronsTable(state.crons, state.paused, at),
      ]);
  }

  private async redrive(queue: string): Promise<void> {
    setText(this.result, '');
    const { error, count = 0 } = await performAction({ action: 'redrive', queue });
    this.result.classList.toggle('bad', error !== undefined);
    setText(this.result, `${queue}: ${error ?? `${counted(count, 'job')} submitted again`}`);
    this.onPerformed();
  }

  private showCancel(state: FleetState | undefined, now: number): void {
    const cancelled = state?.cancelled;
    this.banner.hidden = !cancelled;
    // A screen reader reads every change, so the text has no running time.
    setText(
      this.banner,
      cancelled ? `Cancelled by ${cancelled.by} at ${shortTime(cancelled.at, now)}: ${cancelled.reason}` : '',
    );
  }

  private showTables(tables: readonly Node[]): void {
    const current = [...this.body.querySelectorAll('table')];
    // An unchanged table keeps its selection.
    tables.forEach((table, index) => {
      if (!current[index]?.isEqualNode(table)) current[index]?.replaceWith(table);
    });
  }
}

function headingOf({ state, failure, at }: FleetSnapshot): { readonly note: string; readonly counts: string } {
  if (!state) return failure === undefined ? { note: '', counts: 'Loading …' } : { note: 'No answer', counts: '' };
  const { members, queues, crons, paused } = state;
  const quiet = members.filter(({ live }) => !live).length;
  const dead = queues.reduce((sum, queue) => sum + queue.dead, 0);
  const problems = [
    ...(dead > 0 ? [`${dead.toLocaleString('en')} dead`] : []),
    ...(quiet > 0 ? [`${quiet} quiet`] : []),
  ];
  return {
    note: failure === undefined ? problems.join(', ') : `No answer since ${clockTime(at, 1000)}`,
    counts: [
      counted(members.length, 'member'),
      counted(queues.length, 'queue'),
      counted(crons.length, 'cron') + (paused.length > 0 ? `, ${paused.length.toLocaleString('en')} paused` : ''),
    ].join(', '),
  };
}

function setTextAndTitle(target: HTMLElement, text: string, title: string): void {
  setText(target, text);
  const shown = printable(title);
  if (target.title !== shown) target.title = shown;
}
