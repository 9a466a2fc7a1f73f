import { duration } from '../axis.js';
import type { Period } from './axis.js';
import { Chart, type Found, type Layout } from './chart.js';
import { Details } from './details.js';
import { Feed } from './feed.js';
import { FleetSection } from './fleet.js';
import { kept } from './kept.js';
import { drawLegend } from './legend.js';
import { List } from './list.js';
import { chosen, rowsOf, type Shown, type Which } from './rows.js';
import { View } from './view.js';

function get(id: string): HTMLElement {
  const found = document.getElementById(id);
  if (!found) throw new Error(`The page has no ${id}`);
  return found;
}

const stage = get('stage');
const shell = get('window');
const sizer = get('sizer');
const filter = get('filter') as HTMLInputElement;
const which = get('status') as HTMLSelectElement;
const canvas = get('chart') as HTMLCanvasElement;

const view = new View();
const chart = new Chart(canvas);
let dirty = true;
const feed = new Feed(() => (dirty = true));
const list = new List(get('names'), (task) => select(task));
const details = new Details(get('details'), get('content'), (found) => show(found));
const fleet = new FleetSection(get('fleet'));
let rows: readonly Shown[] = [];
let selected: string | undefined;
let found: Found | undefined;

// What is shown.

function layout(): Layout {
  const narrow = innerWidth <= 640;
  return {
    width: stage.clientWidth,
    height: stage.clientHeight,
    left: narrow ? 0 : 270,
    axis: 24,
    rowHeight: narrow ? 42 : 28,
    barHeight: narrow ? 14 : 16,
    top: stage.scrollTop,
  };
}

function period(): Period {
  const now = feed.now();
  return { from: view.from(now), to: view.to(now), now };
}

let lastFrom = NaN;
function frame(): void {
  requestAnimationFrame(frame);
  const place = layout();
  const time = period();
  const perPixel = (time.to - time.from) / place.width;
  // A picture that would look the same need not be drawn.
  if (!dirty && !(Math.abs(time.from - lastFrom) >= perPixel / 2) && !(view.follows && perPixel < 1)) return;
  if (dirty) arrange(place);
  dirty = false;
  lastFrom = time.from;
  chart.draw(rows, feed.timeline, time, layout(), selected);
  list.show(rows, layout(), time.now, selected);
  if (details.shown && found) details.show(renewed(found), time.now);
}

function arrange({ axis, rowHeight, height }: Layout): void {
  // Their order is the tree's: before that is known a row would move from under the pointer.
  const all = feed.state ? rowsOf(feed.timeline, feed.state) : [];
  rows = chosen(all, filter.value, which.value as Which);
  sizer.style.height = `${axis + rows.length * rowHeight}px`;
  shell.style.height = `${height}px`;
  shell.style.top = `${stage.scrollTop}px`;
  const empty = get('empty');
  empty.hidden = rows.length > 0;
  empty.textContent = all.length === 0 ? 'Nothing has been heard yet' : 'No task matches';
  tellState(all);
  fleet.show(feed.state?.fleet && feed.fleet, feed.connection === 'open');
  get('span').textContent = duration(view.span);
  get('pause').setAttribute('aria-pressed', String(!view.follows));
}

function tellState(all: readonly Shown[]): void {
  const { connection, state, timeline } = feed;
  const stopping = timeline.lines.length > 0;
  const [is, words] =
    connection === 'lost'
      ? ['lost', 'Connection lost; trying again']
      : connection === 'ended'
        ? ['lost', 'The application has ended']
        : connection === 'connecting' || !state
          ? ['connecting', 'Connecting']
          : stopping
            ? ['stopping', timeline.lines.at(-1)?.type === 'draining' ? 'Draining' : 'Stopping']
            : state.ready
              ? ['ready', 'Ready']
              : ['starting', 'Not ready'];
  const pill = get('state');
  if (pill.textContent !== words) pill.textContent = words;
  pill.dataset['state'] = is;
  const going = all.filter(({ status }) => status === 'running').length;
  const failed = all.filter(({ status }) => status === 'failed' || status === 'timed-out').length;
  const counts = `${all.length} tasks, ${going} running${failed > 0 ? `, ${failed} failed` : ''}`;
  const shownCounts = get('counts');
  if (shownCounts.textContent !== counts) shownCounts.textContent = counts;
  document.title = `${words} – rxjs-tasks`;
}

// What is looked at.

/** The same with what has become of it. */
function renewed(one: Found): Found {
  const row = rows.find(({ task }) => task === one.row.task) ?? one.row;
  return { ...one, row };
}

function show(next: Found): void {
  found = next;
  selected = next.row.task;
  dirty = true;
  details.show(next, feed.now());
}

function select(task: string): void {
  const row = rows.find((one) => one.task === task);
  if (row) show({ row });
}

function close(): void {
  if (get('details').contains(document.activeElement)) stage.focus();
  details.close();
  found = undefined;
  selected = undefined;
  dirty = true;
}

/** Another row, which is brought into sight. */
function step(by: number): void {
  const place = rows.findIndex(({ task }) => task === selected);
  const next = rows[Math.max(0, Math.min(rows.length - 1, place < 0 ? 0 : place + by))];
  if (!next) return;
  selected = next.task;
  const { rowHeight, axis, height } = layout();
  const top = rows.indexOf(next) * rowHeight;
  if (top < stage.scrollTop) stage.scrollTop = top;
  else if (top + rowHeight > stage.scrollTop + height - axis) stage.scrollTop = top + rowHeight - height + axis;
  if (details.shown) show({ row: next });
  get('said').textContent = `${next.task}, ${next.status}`;
  dirty = true;
}

// What one can do.

function act(change: () => void): void {
  change();
  dirty = true;
}

const zoom = (factor: number, at = (period().from + period().to) / 2) => act(() => view.zoom(factor, at));
const pause = () => act(() => (view.follows ? view.hold(feed.now()) : view.follow()));
const fit = () => act(() => view.show(feed.timeline.from ?? feed.now(), feed.now()));
const move = (part: number) => act(() => view.move(part, feed.now()));

get('in').addEventListener('click', () => zoom(0.5));
get('out').addEventListener('click', () => zoom(2));
get('fit').addEventListener('click', fit);
get('pause').addEventListener('click', pause);
get('close').addEventListener('click', close);
filter.addEventListener('input', () => act(() => (stage.scrollTop = 0)));
which.addEventListener('change', () => act(() => (stage.scrollTop = 0)));
stage.addEventListener('scroll', () => {
  shell.style.top = `${stage.scrollTop}px`;
  dirty = true;
});
new ResizeObserver(() => (dirty = true)).observe(stage);

const keys: Readonly<Record<string, () => void>> = {
  ' ': pause,
  '+': () => zoom(0.5),
  '=': () => zoom(0.5),
  '-': () => zoom(2),
  '0': fit,
  t: () => turnTheme(),
  ArrowLeft: () => move(-0.2),
  ArrowRight: () => move(0.2),
  ArrowUp: () => step(-1),
  ArrowDown: () => step(1),
  Enter() {
    if (selected === undefined) return;
    select(selected);
    get('details').focus();
  },
  Escape: close,
  '/': () => filter.focus(),
};
document.addEventListener('keydown', (event) => {
  const { key, target, ctrlKey, metaKey, altKey } = event;
  if (ctrlKey || metaKey || altKey) return;
  const typing = target instanceof HTMLInputElement || target instanceof HTMLSelectElement;
  if (typing && key === 'Escape') return target.blur();
  const on = (selector: string) => target instanceof Element && target.matches(selector);
  const onButton = on('button, summary') && (key === ' ' || key === 'Enter');
  // They scroll it.
  const inFleet = on('#fleet *') && (key === ' ' || key.startsWith('Arrow'));
  const act = typing || onButton || inFleet ? undefined : keys[key];
  if (!act) return;
  event.preventDefault();
  act();
});

const timeAt = (px: number) => {
  const { left, width } = layout();
  const { from, to } = period();
  return from + ((px - left) / (width - left)) * (to - from);
};
const within = ({ clientX, clientY }: MouseEvent) => {
  const { left, top } = canvas.getBoundingClientRect();
  return { x: clientX - left, y: clientY - top };
};
canvas.addEventListener(
  'wheel',
  (event) => {
    // Up and down scrolls the page, as everywhere.
    if (!event.ctrlKey && !event.shiftKey && Math.abs(event.deltaX) <= Math.abs(event.deltaY)) return;
    event.preventDefault();
    if (event.ctrlKey) zoom(Math.exp(event.deltaY / 200), timeAt(within(event).x));
    else move((event.deltaX || event.deltaY) / layout().width);
  },
  { passive: false },
);
let grip: { x: number; moved: boolean } | undefined;
canvas.addEventListener('pointerdown', (event) => {
  if (event.button !== 0) return;
  grip = { x: event.clientX, moved: false };
  canvas.setPointerCapture(event.pointerId);
});
canvas.addEventListener('pointermove', (event) => {
  const { x, y } = within(event);
  if (!grip) {
    const at = chart.find(x, y, rows, period(), layout());
    canvas.style.cursor = at?.mark || at?.span ? 'pointer' : 'default';
    return;
  }
  const by = event.clientX - grip.x;
  if (!grip.moved && Math.abs(by) < 4) return;
  grip = { x: event.clientX, moved: true };
  const { width, left } = layout();
  move(-by / (width - left));
});
canvas.addEventListener('pointerup', (event) => {
  const wasMoved = grip?.moved ?? true;
  grip = undefined;
  if (wasMoved) return;
  const { x, y } = within(event);
  const at = chart.find(x, y, rows, period(), layout());
  if (at) show(at);
  else close();
});
canvas.addEventListener('pointercancel', () => (grip = undefined));

// How it looks.

const themes = ['auto', 'light', 'dark'];
function theme(): string {
  return document.documentElement.dataset['theme'] ?? 'auto';
}
function setTheme(name: string): void {
  if (name === 'auto') delete document.documentElement.dataset['theme'];
  else document.documentElement.dataset['theme'] = name;
  get('theme').textContent = { auto: 'Theme: system', light: 'Theme: light', dark: 'Theme: dark' }[name] ?? '';
  chart.refresh();
  drawLegend(get('legend'));
  dirty = true;
}
function turnTheme(): void {
  const next = themes[(themes.indexOf(theme()) + 1) % themes.length] ?? 'auto';
  setTheme(next);
  kept('theme', next);
}
get('theme').addEventListener('click', turnTheme);
matchMedia('(prefers-color-scheme: dark)').addEventListener('change', () => setTheme(theme()));

setTheme(kept('theme') ?? 'auto');
frame();
