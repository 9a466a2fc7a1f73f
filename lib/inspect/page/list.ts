import type { Layout } from './chart.js';
import type { Shown } from './rows.js';
import { until } from './words.js';

/** The names beside the chart: of the rows that are in sight alone, whose elements are used again as one scrolls. */
export class List {
  private readonly root: HTMLElement;
  private readonly elements: Entry[] = [];

  constructor(root: HTMLElement, chosen: (task: string) => void) {
    this.root = root;
    root.addEventListener('click', ({ target }) => {
      const task = target instanceof Element && target.closest<HTMLElement>('.row')?.dataset['task'];
      if (typeof task === 'string') chosen(task);
    });
  }

  show(
    rows: readonly Shown[],
    { axis, rowHeight, barHeight, top, height, left }: Layout,
    now: number,
    selected: string | undefined,
  ): void {
    const first = Math.floor(top / rowHeight);
    const count = Math.max(0, Math.min(rows.length, Math.ceil((top + height - axis) / rowHeight)) - first);
    while (this.elements.length < count) this.elements.push(new Entry(this.root));
    this.elements.forEach((entry, place) => {
      const shown = place < count ? rows[first + place] : undefined;
      entry.show(
        shown,
        axis + (first + place) * rowHeight - top,
        left > 0 ? rowHeight : rowHeight - barHeight,
        now,
        shown?.task === selected,
      );
    });
  }
}

class Entry {
  private readonly element = document.createElement('button');
  private readonly dot = document.createElement('span');
  private readonly name = document.createElement('span');
  private readonly note = document.createElement('span');
  private before = '';

  constructor(root: HTMLElement) {
    const { element, dot, name, note } = this;
    element.type = 'button';
    element.className = 'row';
    // The timeline itself takes the keys.
    element.tabIndex = -1;
    dot.className = 'dot';
    name.className = 'name';
    element.append(dot, name, note);
    root.append(element);
  }

  show(shown: Shown | undefined, top: number, height: number, now: number, selected: boolean): void {
    const { element, dot, name, note } = this;
    const words = shown ? noteOf(shown, now) : ['', ''];
    // Touching the document costs more than all else.
    const after = JSON.stringify([
      shown?.task,
      shown?.label,
      shown?.depth,
      shown?.status,
      top,
      height,
      selected,
      words,
    ]);
    if (after === this.before) return;
    this.before = after;
    element.hidden = !shown;
    element.style.display = shown ? '' : 'none';
    if (!shown) {
      delete element.dataset['task'];
      element.removeAttribute('aria-label');
      return;
    }
    element.dataset['task'] = shown.task;
    element.title = `${shown.task}: ${shown.status}`;
    element.style.top = `${top}px`;
    element.style.height = `${height}px`;
    element.style.paddingLeft = `${10 + shown.depth * 14}px`;
    element.setAttribute('aria-current', String(selected));
    element.setAttribute('aria-label', `${shown.task}, ${shown.status}`);
    dot.dataset['status'] = shown.status;
    name.textContent = shown.label;
    note.textContent = words[0] ?? '';
    note.className = `note ${words[1] ?? ''}`;
  }
}

/** The one thing that is most worth knowing, and whether it is bad. */
function noteOf({ status, restarts, nextAt, row, state }: Shown, now: number): [string, string] {
  if (status === 'failed' || status === 'timed-out' || status === 'not-started') return [status, 'bad'];
  if (restarts > 0 && status !== 'completed' && status !== 'cancelled')
    return [`↻ ${restarts}`, (row?.lastError ?? state?.lastError) ? 'bad' : ''];
  if (row && row.failures > 0 && nextAt !== undefined) return [`✕ ${row.failures} · ${until(nextAt, now)}`, 'bad'];
  if (nextAt !== undefined) return [until(nextAt, now), ''];
  return [status === 'running' || status === 'idle' ? '' : status, ''];
}
