import type { Mark, Row, Span } from './row.js';

/** What is told apart in a drawing. */
export type Kind = Span['kind'] | Exclude<Mark['kind'], 'done'> | 'completed' | 'cancelled' | 'timed-out';

export type Color = 'blue' | 'cyan' | 'gray' | 'green' | 'magenta' | 'red' | 'yellow';

export interface Look {
  readonly label: string;
  /** In a terminal: one column, and none twice, so that nothing is told by its colour alone. */
  readonly symbol: string;
  readonly color: Color;
}

/** In the order of a legend. */
export const looks: Readonly<Record<Kind, Look>> = {
  initializing: { label: 'initializing', symbol: '░', color: 'cyan' },
  running: { label: 'running', symbol: '━', color: 'blue' },
  finalizing: { label: 'finalizing', symbol: '▒', color: 'magenta' },
  waiting: { label: 'waiting to restart', symbol: '┄', color: 'gray' },
  'slot-started': { label: 'run of a cron', symbol: '┿', color: 'blue' },
  cancelling: { label: 'told to stop', symbol: '!', color: 'yellow' },
  cancelled: { label: 'cancelled', symbol: '■', color: 'gray' },
  completed: { label: 'completed', symbol: '✓', color: 'green' },
  'result-dropped': { label: 'result dropped', symbol: "'", color: 'yellow' },
  overdue: { label: 'overdue', symbol: ':', color: 'yellow' },
  skipped: { label: 'skipped', symbol: '/', color: 'yellow' },
  missed: { label: 'missed', symbol: '%', color: 'yellow' },
  restarting: { label: 'restarting', symbol: '↻', color: 'yellow' },
  'slot-failed': { label: 'run failed', symbol: 'x', color: 'red' },
  'timed-out': { label: 'timed out', symbol: '?', color: 'red' },
  failed: { label: 'failed', symbol: '✗', color: 'red' },
};

export const kinds: readonly Kind[] = Object.keys(looks) as Kind[];

/** What matters more is shown where there is room for one: the later in the legend, the more it does. */
export const rank = (kind: Kind): number => kinds.indexOf(kind);

/** A mark as it is drawn. */
export interface Sign {
  readonly at: number;
  readonly kind: Kind;
  readonly mark?: Mark;
}

/** The marks of a row in the order of time, and that of the join. */
export function signsOf({ marks, status, since }: Row): Sign[] {
  const signs: Sign[] = marks.map((mark) => ({ at: mark.at, kind: kindOf(mark), mark }));
  if (status === 'timed-out') signs.push({ at: since, kind: 'timed-out' });
  return signs.sort((a, b) => a.at - b.at);
}

function kindOf({ kind, event }: Mark): Kind {
  if (kind !== 'done') return kind;
  return event.outcome?.status === 'cancelled' ? 'cancelled' : 'completed';
}

export function statusColor(status: Row['status']): Color {
  if (status === 'idle' || status === 'not-started') return 'gray';
  return looks[status].color;
}

/** What a row has come to, in few words. */
export function statusText({ status, restarts, failures }: Row): string {
  const counted = (count: number, what: string) => (count === 0 ? '' : `, ${count} ${what}${count === 1 ? '' : 's'}`);
  const word = status.replace('-', ' ');
  // A failed task has failed once, of course.
  return word + (restarts > 0 ? counted(restarts, 'restart') : status === 'failed' ? '' : counted(failures, 'failure'));
}
