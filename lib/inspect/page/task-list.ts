import { printable } from '../../util/printable.js';
import { statusLabel } from '../styles.js';
import type { Layout } from './chart.js';
import { cronNote } from './cron-facts.js';
import { hasFailed, type PageRow } from './page-rows.js';

/** The names beside the chart. Only visible rows have elements, which are reused while scrolling. */
export class TaskList {
  private readonly root: HTMLElement;
  private readonly entries: ListEntry[] = [];

  constructor(root: HTMLElement, onSelect: (task: string) => void) {
    this.root = root;
    root.addEventListener('click', ({ target }) => {
      const task = target instanceof Element && target.closest<HTMLElement>('.row')?.dataset['task'];
      if (typeof task === 'string') onSelect(task);
    });
  }

  show(
    rows: readonly PageRow[],
    { axisHeight, rowHeight, barHeight, top, height, left }: Layout,
    now: number,
    selected: string | undefined,
  ): void {
    const first = Math.floor(top / rowHeight);
    const count = Math.max(0, Math.min(rows.length, Math.ceil((top + height - axisHeight) / rowHeight)) - first);
    while (this.entries.length < count) this.entries.push(new ListEntry(this.root));
    this.entries.forEach((entry, index) => {
      const row = index < count ? rows[first + index] : undefined;
      const rowTop = axisHeight + (first + index) * rowHeight - top;
      // Without a column of names, the name lies above the bar.
      entry.show(row, rowTop, left > 0 ? rowHeight : rowHeight - barHeight, now, row?.task === selected);
    });
  }
}

class ListEntry {
  private readonly button = document.createElement('button');
  private readonly dot = document.createElement('span');
  private readonly name = document.createElement('span');
  private readonly note = document.createElement('span');
  private lastShown = '';

  constructor(root: HTMLElement) {
    const { button, dot, name, note } = this;
    button.type = 'button';
    button.className = 'row';
    // The timeline handles the keyboard.
    button.tabIndex = -1;
    dot.className = 'dot';
    name.className = 'name';
    button.append(dot, name, note);
    root.append(button);
  }

  show(row: PageRow | undefined, top: number, height: number, now: number, isSelected: boolean): void {
    const { button, dot, name, note } = this;
    const status = row ? statusLabel(row.status) : '';
    const { text, title, isBad } = row ? noteOf(row, now) : emptyNote;
    const isPaused = row?.state?.paused === true && row.status === 'running';
    const position = [top, height, isSelected];
    // Changing the document costs more than everything else.
    const shown = JSON.stringify([row?.task, row?.label, row?.depth, status, isPaused, position, text, title, isBad]);
    if (shown === this.lastShown) return;
    this.lastShown = shown;
    button.hidden = !row;
    button.style.display = row ? '' : 'none';
    if (!row) {
      delete button.dataset['task'];
      button.removeAttribute('aria-label');
      return;
    }
    button.dataset['task'] = row.task;
    const task = printable(row.task);
    button.title = `${task}: ${status}${title && `, ${title}`}`;
    button.style.top = `${top}px`;
    button.style.height = `${height}px`;
    button.style.paddingLeft = `${10 + row.depth * 14}px`;
    button.setAttribute('aria-current', String(isSelected));
    button.setAttribute('aria-label', `${task}, ${status}`);
    dot.dataset['status'] = isPaused ? 'paused' : row.status;
    name.textContent = printable(row.label);
    note.textContent = text;
    note.className = isBad ? 'note bad' : 'note';
  }
}

/** The most important facts about a row. */
interface Note {
  readonly text: string;
  /** Further facts for the title of the row. */
  readonly title: string;
  readonly isBad: boolean;
}

const emptyNote: Note = { text: '', title: '', isBad: false };

function noteOf(pageRow: PageRow, now: number): Note {
  const { status, restarts, row, state } = pageRow;
  const note = (text: string, isBad = false) => ({ ...emptyNote, text, isBad });
  if (hasFailed(pageRow) || status === 'not-started') return note(statusLabel(status), true);
  if (restarts > 0 && status !== 'completed' && status !== 'cancelled')
    return note(`↻ ${restarts}`, (row?.lastError ?? state?.lastError) !== undefined);
  const isActive = status === 'running' || status === 'idle';
  const facts = state && isActive ? cronNote(state, now) : undefined;
  if (facts) return facts;
  if (row && row.active > 1) return note(`${row.active} runs`, row.failures > 0);
  return note(isActive ? '' : statusLabel(status));
}
