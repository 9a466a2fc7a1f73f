import type { FleetState } from '../../fleet/types.js';
import { duration } from '../../util/duration.js';
import { printable } from '../../util/printable.js';
import { element, setText } from './element.js';
import type { FleetSnapshot } from './fleet-feed.js';
import { cronsTable, membersTable, queuesTable } from './fleet-tables.js';
import { clockTime, counted, shortTime } from './format.js';
import { loadSetting, saveSetting } from './local-storage.js';
import { QueuePanel } from './queue-panel.js';
import { replaceIfChanged } from './replace-changed.js';

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
  private readonly body = element('div', '');
  private readonly queuePanel: QueuePanel;
  private lastShown = '';

  /** @param onPerformed called after each action. */
  constructor(root: HTMLElement, onPerformed: () => void) {
    const { banner, fold, note, counts, notice, body } = this;
    this.queuePanel = new QueuePanel(onPerformed, (queue) => this.focusQueue(queue));
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
    body.addEventListener('click', ({ target }) => {
      const queue = target instanceof HTMLElement && target.dataset['queue'];
      if (typeof queue === 'string') this.queuePanel.open(queue);
    });
    body.append(notice, ...[0, 1, 2].map(() => element('table', '')));
    fold.append(summary, body);
    root.append(banner, fold, this.queuePanel.root);
  }

  /**
   * @param snapshot `undefined` if there is no fleet.
   * @param hasActions whether the inspector has the actions of queues.
   */
  show(snapshot: FleetSnapshot | undefined, isConnected: boolean, hasActions: boolean): void {
    // Changing the document costs more than everything else.
    const shown = JSON.stringify([
      snapshot?.at,
      snapshot?.now,
      snapshot?.failure,
      snapshot === undefined,
      isConnected,
      hasActions,
    ]);
    if (shown === this.lastShown) return;
    this.lastShown = shown;
    this.root.hidden = !snapshot;
    this.queuePanel.show(snapshot, hasActions);
    if (!snapshot) return;
    const { state, failure, at } = snapshot;
    this.showCancel(state, at);
    this.fold.toggleAttribute('data-stale', failure !== undefined || !isConnected);
    const { note, counts } = headingOf(snapshot);
    setTextAndTitle(this.note, note, failure ?? '');
    this.note.dataset['kind'] = failure === undefined ? 'bad' : 'warn';
    setTextAndTitle(this.counts, counts, state ? `Schema ${state.schema}` : '');
    setText(this.notice, failure === undefined ? '' : staleText(snapshot));
    this.notice.hidden = failure === undefined;
    if (state)
      this.showTables([
        membersTable(state.members, at),
        queuesTable(state.queues),
        cronsTable(state.crons, state.paused, at),
      ]);
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

  /** Focuses the button of a queue: the one that was pressed to open it may have been replaced. */
  private focusQueue(name: string): void {
    const buttons = [...this.body.querySelectorAll<HTMLElement>('[data-queue]')];
    buttons.find(({ dataset }) => dataset['queue'] === name)?.focus();
  }

  private showTables(tables: readonly Node[]): void {
    const current = [...this.body.querySelectorAll('table')];
    tables.forEach((table, index) => {
      const old = current[index];
      if (old) replaceIfChanged(old, table);
    });
  }
}

/** Returns why the fleet does not answer, and how old the last state was then. */
function staleText({ state, failure = '', at, now }: FleetSnapshot): string {
  return state ? `${failure}. This is its last known state, ${duration(Math.max(0, now - at))} old.` : failure;
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
