import { duration } from '../../util/duration.js';
import { statusLabel } from '../styles.js';
import { ActionBar } from './action-bar.js';
import { Chart, type Hit, type Layout } from './chart.js';
import { Details } from './details.js';
import { toDirectoryAddress } from './directory-address.js';
import { elementById, setText } from './element.js';
import { Feed } from './feed.js';
import { FleetSection } from './fleet-section.js';
import { listenToKeys } from './keyboard.js';
import { drawLegend } from './legend.js';
import { filterRows, hasFailed, pageRows, type PageRow, type StatusFilter } from './page-rows.js';
import { operatorField } from './operator-name.js';
import { listenToPointer } from './pointer.js';
import { SignIn } from './sign-in.js';
import { TaskList } from './task-list.js';
import { ThemeSwitch } from './theme.js';
import { Viewport, type VisiblePeriod } from './viewport.js';
import { waitingText } from './waiting.js';

toDirectoryAddress();

const stage = elementById('stage');
const stageWindow = elementById('window');
const sizer = elementById('sizer');
const filterInput = elementById('filter') as HTMLInputElement;
const statusFilter = elementById('status') as HTMLSelectElement;
const canvas = elementById('chart') as HTMLCanvasElement;

const viewport = new Viewport();
const chart = new Chart(canvas);
let needsLayout = true;
const feed = new Feed(() => (needsLayout = true));
const list = new TaskList(elementById('names'), (task) => select(task));
const actions = new ActionBar('Actions', () => feed.refresh(), operatorField());
const details = new Details(elementById('details'), elementById('content'), (hit) => open(hit), actions);
const fleet = new FleetSection(elementById('fleet'), () => feed.refresh());
const signIn = new SignIn(() => feed.reconnect());
let rows: readonly PageRow[] = [];
let selected: string | undefined;
let opened: Hit | undefined;

// Drawing

function layout(): Layout {
  const isNarrow = innerWidth <= 640;
  return {
    width: stage.clientWidth,
    height: stage.clientHeight,
    left: isNarrow ? 0 : 270,
    axisHeight: 24,
    rowHeight: isNarrow ? 42 : 28,
    barHeight: 14,
    top: stage.scrollTop,
  };
}

function period(): VisiblePeriod {
  return viewport.period(feed.now());
}

let drawnFrom = NaN;
function drawFrame(): void {
  requestAnimationFrame(drawFrame);
  const current = layout();
  const time = period();
  const msPerPixel = (time.to - time.from) / current.width;
  // Skips a frame that would look the same.
  const hasMoved = Math.abs(time.from - drawnFrom) >= msPerPixel / 2 || Number.isNaN(drawnFrom);
  if (!needsLayout && !hasMoved && !(viewport.isFollowing && msPerPixel < 1)) return;
  if (needsLayout) updateLayout(current);
  needsLayout = false;
  drawnFrom = time.from;
  chart.draw(rows, feed.timeline, time, layout(), selected);
  list.show(rows, layout(), time.now, selected);
  if (details.isOpen && opened) details.show(refreshed(opened), time.now, feed.task.of(opened.row.task));
}

function updateLayout({ axisHeight, rowHeight, height }: Layout): void {
  // The state has the order of the tree. Rows without it would move under the pointer.
  const all = feed.state ? pageRows(feed.timeline, feed.state) : [];
  rows = filterRows(all, filterInput.value, statusFilter.value as StatusFilter);
  sizer.style.height = `${axisHeight + rows.length * rowHeight}px`;
  stageWindow.style.height = `${height}px`;
  stageWindow.style.top = `${stage.scrollTop}px`;
  const empty = elementById('empty');
  empty.hidden = rows.length > 0 || feed.status === 'refused';
  empty.textContent = all.length === 0 ? 'No tasks yet' : 'No task matches';
  showAppStatus(all);
  signIn.show(feed.status === 'refused');
  const hasRedrive = feed.state?.actions?.includes('redrive') ?? false;
  fleet.show(feed.state?.fleet && feed.fleet, feed.status === 'open', hasRedrive);
  elementById('span').textContent = duration(viewport.span);
  elementById('pause').setAttribute('aria-pressed', String(!viewport.isFollowing));
}

function showAppStatus(all: readonly PageRow[]): void {
  const [status, label] = appStatus();
  const pill = elementById('state');
  setText(pill, label);
  pill.dataset['state'] = status;
  showWaiting(status === 'starting' ? (feed.state?.waitingFor ?? []) : []);
  const running = all.filter((row) => row.status === 'running').length;
  const failed = all.filter(hasFailed).length;
  setText(elementById('counts'), `${all.length} tasks, ${running} running${failed > 0 ? `, ${failed} failed` : ''}`);
  document.title = `${label} – rxjs-tasks`;
}

/** Names the tasks that readiness waits for. */
function showWaiting(paths: readonly string[]): void {
  const target = elementById('waiting');
  const { text, title } = waitingText(paths);
  setText(target, text);
  target.title = title;
  target.hidden = paths.length === 0;
}

function appStatus(): readonly [status: string, label: string] {
  const { status, state, timeline } = feed;
  if (status === 'refused') return ['lost', 'Token needed'];
  if (status === 'lost') return ['lost', 'Connection lost, reconnecting'];
  if (status === 'ended') return ['lost', 'The application has ended'];
  if (status === 'connecting' || !state) return ['connecting', 'Connecting'];
  const lastMark = timeline.appMarks.at(-1);
  if (lastMark) return ['stopping', lastMark.type === 'draining' ? 'Draining' : 'Stopping'];
  return state.ready ? ['ready', 'Ready'] : ['starting', 'Not ready'];
}

// Selection

/** Returns the hit with the current state of its row. */
function refreshed(hit: Hit): Hit {
  const row = rows.find(({ task }) => task === hit.row.task) ?? hit.row;
  return { ...hit, row };
}

function open(hit: Hit): void {
  opened = hit;
  selected = hit.row.task;
  needsLayout = true;
  feed.follow(hit.row.task);
  details.show(hit, feed.now(), feed.task.of(hit.row.task));
}

function select(task: string): void {
  const row = rows.find((each) => each.task === task);
  if (row) open({ row });
}

function close(): void {
  if (elementById('details').contains(document.activeElement)) stage.focus();
  details.close();
  feed.follow(undefined);
  opened = undefined;
  selected = undefined;
  needsLayout = true;
}

/** Selects another row and scrolls it into view. */
function selectRelative(offset: number): void {
  const index = rows.findIndex(({ task }) => task === selected);
  const next = rows[Math.max(0, Math.min(rows.length - 1, index < 0 ? 0 : index + offset))];
  if (!next) return;
  selected = next.task;
  const { rowHeight, axisHeight, height } = layout();
  const top = rows.indexOf(next) * rowHeight;
  if (top < stage.scrollTop) stage.scrollTop = top;
  else if (top + rowHeight > stage.scrollTop + height - axisHeight)
    stage.scrollTop = top + rowHeight - height + axisHeight;
  if (details.isOpen) open({ row: next });
  setText(elementById('announcement'), `${next.task}, ${statusLabel(next.status)}`);
  needsLayout = true;
}

// Actions

function change(action: () => void): void {
  action();
  needsLayout = true;
}

const zoom = (factor: number, at = (period().from + period().to) / 2) => change(() => viewport.zoom(factor, at));
const togglePause = () => change(() => (viewport.isFollowing ? viewport.pause(feed.now()) : viewport.follow()));
const showAll = () => change(() => viewport.showSince(feed.timeline.from ?? feed.now(), feed.now()));
const move = (fraction: number) => change(() => viewport.move(fraction, feed.now()));
const scrollToTop = () => change(() => (stage.scrollTop = 0));

elementById('in').addEventListener('click', () => zoom(0.5));
elementById('out').addEventListener('click', () => zoom(2));
elementById('fit').addEventListener('click', showAll);
elementById('pause').addEventListener('click', togglePause);
elementById('close').addEventListener('click', close);
filterInput.addEventListener('input', scrollToTop);
statusFilter.addEventListener('change', scrollToTop);
stage.addEventListener('scroll', () => {
  stageWindow.style.top = `${stage.scrollTop}px`;
  needsLayout = true;
});
new ResizeObserver(() => (needsLayout = true)).observe(stage);

const theme = new ThemeSwitch(() => {
  chart.refreshTheme();
  drawLegend(elementById('legend'));
  needsLayout = true;
});

listenToKeys({
  ' ': togglePause,
  '+': () => zoom(0.5),
  '=': () => zoom(0.5),
  '-': () => zoom(2),
  '0': showAll,
  t: () => theme.next(),
  ArrowLeft: () => move(-0.2),
  ArrowRight: () => move(0.2),
  ArrowUp: () => selectRelative(-1),
  ArrowDown: () => selectRelative(1),
  Enter() {
    if (selected === undefined) return;
    select(selected);
    elementById('details').focus();
  },
  Escape: close,
  '/': () => filterInput.focus(),
});

const hitAt = (x: number, y: number) => chart.hitTest(x, y, rows, period(), layout());
listenToPointer(canvas, {
  click(x, y) {
    const hit = hitAt(x, y);
    if (hit) open(hit);
    else close();
  },
  drag(distance) {
    const { width, left } = layout();
    move(-distance / (width - left));
  },
  zoom(factor, x) {
    const { width, left } = layout();
    const { from, to } = period();
    zoom(factor, from + ((x - left) / (width - left)) * (to - from));
  },
  isClickable(x, y) {
    const hit = hitAt(x, y);
    return hit?.mark !== undefined || hit?.span !== undefined;
  },
});

drawFrame();
