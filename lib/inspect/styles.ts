import type { Mark, Span, TaskRow } from './task-timeline.js';
import type { AppMark } from './timeline.js';

/** A kind of mark in a drawing. */
export type MarkKind = Exclude<Mark['kind'], 'done'> | 'completed' | 'cancelled' | 'timed-out';
/** A kind of bar or mark in a drawing. */
export type Kind = Span['kind'] | MarkKind;

export type Color = 'blue' | 'cyan' | 'gray' | 'green' | 'magenta' | 'red' | 'yellow';
export type Surface = 'background' | 'panel' | 'edge' | 'grid' | 'text';

/**
 * The colours of the light theme and of the dark one. Colour-blind readers can also distinguish adjacent bars and
 * marks.
 */
export const palette: Readonly<Record<Color | Surface, readonly [light: string, dark: string]>> = {
  blue: ['#2f6fce', '#6ba4f0'],
  cyan: ['#1795a8', '#4fc3d4'],
  gray: ['#5c6a79', '#94a1b0'],
  green: ['#1a7f37', '#4ec26a'],
  magenta: ['#8250df', '#b695f5'],
  red: ['#cf222e', '#ff7b72'],
  yellow: ['#9a6700', '#e3b341'],
  background: ['#ffffff', '#12161c'],
  panel: ['#f6f7f9', '#191f27'],
  edge: ['#dfe3e8', '#2c3540'],
  grid: ['#e4e8ec', '#272e37'],
  text: ['#1f2328', '#e6edf3'],
};

/** The style of a kind: its label, and a look in a terminal and in a picture. */
interface Style {
  readonly label: string;
  /** One character, one column wide. No two kinds share a symbol, because colour alone does not distinguish them. */
  readonly symbol: string;
  readonly color: Color;
}

/** A stripe along a bar. The vertical axis of a bar reaches from -6 to 6. */
export interface Stripe {
  readonly top: number;
  readonly height: number;
  /** Default: 1. */
  readonly opacity?: number;
  /** The length of its dashes. Default: no dashes. */
  readonly dash?: number;
}

/**
 * An SVG path around (0, 0). `outline`: stroked in colour, filled with the background. `solid`: filled with colour.
 * `cutout`: a line in the background colour. `backdrop`: an area in the background colour.
 */
export interface MarkPath {
  readonly paint: 'outline' | 'solid' | 'cutout' | 'backdrop';
  readonly path: string;
}

const circle = (radius: number): string =>
  `M${-radius} 0a${radius} ${radius} 0 1 0 ${2 * radius} 0a${radius} ${radius} 0 1 0 ${-2 * radius} 0Z`;

const square = (half: number): string => `M${-half}${-half}H${half}V${half}H${-half}Z`;

export const barStyles: Readonly<Record<Span['kind'], Style & { readonly stripes: readonly Stripe[] }>> = {
  initializing: {
    label: 'initializing',
    symbol: '░',
    color: 'cyan',
    stripes: [
      { top: -6, height: 12, opacity: 0.3 },
      { top: -6, height: 1.5 },
      { top: 4.5, height: 1.5 },
    ],
  },
  running: { label: 'running', symbol: '━', color: 'blue', stripes: [{ top: -6, height: 12 }] },
  finalizing: { label: 'finalizing', symbol: '▒', color: 'magenta', stripes: [{ top: -3, height: 6 }] },
  waiting: {
    label: 'waiting to restart',
    symbol: '┄',
    color: 'gray',
    stripes: [{ top: -0.75, height: 1.5, dash: 3 }],
  },
};

export const markStyles: Readonly<Record<MarkKind, Style & { readonly paths: readonly MarkPath[] }>> = {
  'slot-started': {
    label: 'slot started',
    symbol: '┿',
    color: 'blue',
    paths: [{ paint: 'outline', path: 'M0-9V9' }],
  },
  added: {
    label: 'added',
    symbol: '{',
    color: 'cyan',
    paths: [{ paint: 'outline', path: `${square(4.5)}M-2.5 0H2.5M0-2.5V2.5` }],
  },
  removed: {
    label: 'removed',
    symbol: ';',
    color: 'cyan',
    paths: [{ paint: 'outline', path: `${square(4.5)}M-2.5 0H2.5` }],
  },
  triggered: {
    label: 'triggered',
    symbol: '^',
    color: 'blue',
    // Points up from below the bar, which may have its colour.
    paths: [
      { paint: 'backdrop', path: 'M-6.5 10H6.5L0 0Z' },
      { paint: 'solid', path: 'M-4 9H4L0 3Z' },
    ],
  },
  resumed: {
    label: 'resumed',
    symbol: '&',
    color: 'cyan',
    paths: [{ paint: 'outline', path: 'M-3.5-5L5 0L-3.5 5Z' }],
  },
  rescheduled: {
    label: 'rescheduled',
    symbol: '@',
    color: 'cyan',
    paths: [{ paint: 'outline', path: `${circle(5)}M-2.5 0H2.5` }],
  },
  'restart-requested': {
    label: 'restart requested',
    symbol: '"',
    color: 'cyan',
    paths: [{ paint: 'outline', path: `${circle(5)}M-2-2.5L2.5 0L-2 2.5Z` }],
  },
  paused: {
    label: 'paused',
    symbol: ',',
    color: 'cyan',
    paths: [
      { paint: 'backdrop', path: square(6) },
      { paint: 'solid', path: 'M-3.5-4.5H-2V4.5H-3.5ZM2-4.5H3.5V4.5H2Z' },
    ],
  },
  operated: {
    label: 'operated',
    symbol: '`',
    color: 'cyan',
    paths: [{ paint: 'outline', path: 'M0-6L6 0L0 6L-6 0Z' }],
  },
  cancelling: {
    label: 'cancelling',
    symbol: '!',
    color: 'yellow',
    paths: [{ paint: 'solid', path: 'M-4-9H4L0-3Z' }],
  },
  cancelled: {
    label: 'cancelled',
    symbol: '■',
    color: 'gray',
    paths: [{ paint: 'outline', path: 'M-4-4H4V4H-4Z' }],
  },
  completed: {
    label: 'completed',
    symbol: '✓',
    color: 'green',
    paths: [
      { paint: 'solid', path: circle(5.5) },
      { paint: 'cutout', path: 'M-2.5 0L-.5 2.2L2.6-2' },
    ],
  },
  'result-dropped': {
    label: 'result dropped',
    symbol: "'",
    color: 'yellow',
    paths: [{ paint: 'outline', path: 'M-4-4H4L-4 4H4Z' }],
  },
  'teardown-failed': {
    label: 'teardown failed',
    symbol: '}',
    color: 'yellow',
    paths: [{ paint: 'outline', path: 'M-5-5H5V1L0 5.5L-5 1Z' }],
  },
  'option-failed': {
    label: 'option failed',
    symbol: '=',
    color: 'yellow',
    paths: [{ paint: 'outline', path: 'M0-5.5L5.5 4.5H-5.5Z' }],
  },
  overdue: {
    label: 'overdue',
    symbol: ':',
    color: 'yellow',
    paths: [{ paint: 'outline', path: `${circle(5)}M0-2.5V0L2 1.5` }],
  },
  skipped: {
    label: 'skipped',
    symbol: '/',
    color: 'yellow',
    paths: [{ paint: 'outline', path: 'M0-5.5L5.5 0L0 5.5L-5.5 0Z' }],
  },
  missed: {
    label: 'missed',
    symbol: '%',
    color: 'yellow',
    paths: [{ paint: 'outline', path: 'M-5.5-4.5H5.5L0 5.5Z' }],
  },
  restarting: {
    label: 'restarting',
    symbol: '↻',
    color: 'yellow',
    paths: [{ paint: 'solid', path: 'M-3.5-5L5 0L-3.5 5Z' }],
  },
  'slot-failed': {
    label: 'slot failed',
    symbol: 'x',
    color: 'red',
    paths: [
      { paint: 'backdrop', path: circle(5) },
      { paint: 'outline', path: 'M-3.2-3.2L3.2 3.2M3.2-3.2L-3.2 3.2' },
    ],
  },
  'future-failed': {
    label: 'future failed',
    symbol: '$',
    color: 'red',
    paths: [{ paint: 'outline', path: `${circle(5.5)}M-2.2-2.2L2.2 2.2M2.2-2.2L-2.2 2.2` }],
  },
  'timed-out': {
    label: 'timed out',
    symbol: '?',
    color: 'red',
    paths: [{ paint: 'outline', path: 'M-5.5-5.5H5.5L0 0L5.5 5.5H-5.5L0 0Z' }],
  },
  failed: {
    label: 'failed',
    symbol: '✗',
    color: 'red',
    paths: [
      { paint: 'solid', path: 'M-2.5-6H2.5L6-2.5V2.5L2.5 6H-2.5L-6 2.5V-2.5Z' },
      { paint: 'cutout', path: 'M-2.2-2.2L2.2 2.2M2.2-2.2L-2.2 2.2' },
    ],
  },
};

/** All styles, in the order of a legend, which is also the order of importance. */
export const styles: Readonly<Record<Kind, Style>> = { ...barStyles, ...markStyles };
export const kinds: readonly Kind[] = Object.keys(styles) as Kind[];

export function isBar(kind: Kind): kind is Span['kind'] {
  return kind in barStyles;
}

/** Whether a mark is a failure. */
export function isFailure(kind: MarkKind | Mark['kind']): boolean {
  return kind === 'failed' || kind === 'slot-failed' || kind === 'future-failed' || kind === 'timed-out';
}

/** Returns the distance by which a mark beside its bar moves to the middle of a legend. */
export function legendOffset(kind: MarkKind): number {
  if (kind === 'cancelling') return 6;
  return kind === 'triggered' ? -6 : 0;
}

/** Returns the importance of a kind: of several in one place, the one with the highest rank is shown. */
export function rank(kind: Kind): number {
  return kinds.indexOf(kind);
}

/** A mark at its place in a drawing. */
export interface PlottedMark {
  readonly at: number;
  readonly kind: MarkKind;
  /** Absent for `timed-out`, which has no event. */
  readonly mark?: Mark;
}

/** Returns the marks of a row in the order of time, with a mark for `timed-out`, which has no event. */
export function plottedMarks({ marks, status, since }: TaskRow): PlottedMark[] {
  const plotted: PlottedMark[] = marks.map((mark) => ({ at: mark.at, kind: markKind(mark), mark }));
  if (status === 'timed-out') plotted.push({ at: since, kind: 'timed-out' });
  return plotted.sort((a, b) => a.at - b.at);
}

export function markKind({ kind, event }: Mark): MarkKind {
  if (kind !== 'done') return kind;
  return event.outcome?.status === 'cancelled' ? 'cancelled' : 'completed';
}

export const statusColors: Readonly<Record<TaskRow['status'], Color>> = {
  idle: 'gray',
  'not-started': 'gray',
  initializing: styles.initializing.color,
  running: styles.running.color,
  finalizing: styles.finalizing.color,
  waiting: styles.waiting.color,
  completed: styles.completed.color,
  cancelled: styles.cancelled.color,
  failed: styles.failed.color,
  'timed-out': styles['timed-out'].color,
};

export function statusLabel(status: string): string {
  return status.replace('-', ' ');
}

export const appMarkStyles: Readonly<
  Record<AppMark['type'], { readonly symbol: string; readonly dash: readonly number[] }>
> = {
  draining: { symbol: '╎', dash: [1, 4] },
  cancelled: { symbol: '┊', dash: [6, 4] },
  shutdown: { symbol: '│', dash: [] },
};

export function appMarkColor({ type, event }: AppMark): 'gray' | 'red' | 'yellow' {
  if (type !== 'shutdown') return 'yellow';
  return event.clean ? 'gray' : 'red';
}
