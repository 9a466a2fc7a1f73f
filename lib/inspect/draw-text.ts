import type { Paint } from './ansi.js';
import { duration, isLong, moment, ticks } from './axis.js';
import { columns, cut, fit, most } from './columns.js';
import { kinds, looks, rank, signsOf, statusColor, statusText, type Kind, type Look } from './looks.js';
import { printable } from './printable.js';
import type { Row } from './row.js';
import type { Line } from './timeline.js';
import { tree, type Branch } from './tree.js';
import type { View } from './view.js';
import { lineText, ownErrorText, toldError } from './words.js';

/** A timeline as lines of text, none of them wider than asked for. */
export interface Drawing {
  readonly axis: readonly string[];
  /** In the order of the tree, and which row each is of. */
  readonly rows: readonly { readonly text: string; readonly row: Row }[];
  readonly lines: readonly string[];
  readonly legend: readonly string[];
  readonly errors: readonly string[];
}

const lineSymbols: Readonly<Record<Line['type'], string>> = { draining: '╎', cancelled: '┊', shutdown: '│' };

type Cell = Partial<Pick<Look, 'color'>> & Pick<Look, 'symbol'>;
const blank: Cell = { symbol: ' ' };

export function drawText(view: View, width: number, paint: Paint, limit?: number): Drawing {
  const { timeline, from, to, zero = from } = view;
  const branches = mattering(tree(timeline.rows), limit ?? Infinity).map((branch) => ({
    ...branch,
    label: printable(branch.label),
  }));
  const statuses = Math.min(
    most(branches, ({ row }) => statusText(row).length),
    Math.floor(width * 0.3),
  );
  const status = width < 50 ? 0 : statuses;
  const label = Math.min(
    Math.max(
      4,
      most(branches, ({ depth, label }) => columns(label) + 2 * depth),
    ),
    Math.floor(width * 0.3),
  );
  const chart = Math.max(4, width - label - 2 - (status > 0 ? status + 2 : 0));
  const columnOf = (at: number) => Math.min(chart - 1, Math.max(0, Math.floor(((at - from) / (to - from)) * chart)));
  const seen = new Set<Kind>();
  const lines = timeline.lines.filter(({ at }) => at >= from);
  const through = new Map(lines.map((line) => [columnOf(line.at), line]));

  const rowText = ({ row, depth, label: name }: Branch): string => {
    const indent = '  '.repeat(Math.min(depth, Math.floor(label / 4)));
    const cells = cellsOf(row, chart, columnOf, view).map((kind, column): Cell => {
      if (kind) seen.add(kind);
      const line = through.get(column);
      if (kind) return looks[kind];
      return line ? { symbol: lineSymbols[line.type], color: lineColor(line) } : blank;
    });
    const end = status > 0 ? paint(cut(statusText(row), status), statusColor(row.status)) : '';
    return `${fit(indent + name, label)}  ${painted(cells, paint)}${end && `  ${end}`}`.trimEnd();
  };
  const rows = branches.map((branch) => ({ text: rowText(branch), row: branch.row }));
  return {
    axis: axis(view, chart).map((line) => paint(' '.repeat(label + 2) + line, 'gray')),
    rows,
    lines: lines.slice(-10).map((line) => {
      const text = ` ${lineText(line)}, ${moment(line.at, zero, to)}`;
      return paint(lineSymbols[line.type], lineColor(line)) + cut(text, width - 1);
    }),
    legend: legend(
      kinds.filter((kind) => seen.has(kind)),
      width,
      paint,
    ),
    errors: branches.flatMap(({ row }) => errorLines(row, timeline.rows, width, paint)),
  };
}

/** So many rows, those that go on, or went wrong, rather than the others. */
function mattering(branches: readonly Branch[], limit: number): readonly Branch[] {
  if (branches.length <= limit) return branches;
  const weight = ({ row: { status, failures } }: Branch) =>
    status === 'failed' || status === 'timed-out'
      ? 3
      : status === 'completed' || status === 'cancelled' || status === 'not-started'
        ? 0
        : status === 'running' && failures === 0
          ? 1
          : 2;
  const first = [...branches].sort((a, b) => weight(b) - weight(a) || b.row.since - a.row.since).slice(0, limit);
  const kept = new Set(first);
  return branches.filter((branch) => kept.has(branch));
}

/** What is drawn in each column: the mark that matters most, else what the task was doing for most of its time. */
function cellsOf(
  row: Row,
  chart: number,
  columnOf: (at: number) => number,
  { from: begin, to: end }: View,
): (Kind | undefined)[] {
  const cells = Array.from({ length: chart }, (): Kind | undefined => undefined);
  const covered = new Float64Array(chart);
  for (const { from, to = end, kind } of row.spans) {
    if (to < begin) continue;
    const [first, last] = [columnOf(from), columnOf(to)];
    for (let column = first; column <= last; column++) {
      // A span that ends or begins within a column has a part of it.
      const part =
        first === last ? to - from : column === first || column === last ? (to - from) / (last - first + 1) : Infinity;
      if (part < (covered[column] ?? 0) || from === to) continue;
      covered[column] = part;
      cells[column] = kind;
    }
  }
  for (const { at, kind } of signsOf(row)) {
    if (at < begin) continue;
    const column = columnOf(at);
    const other = cells[column];
    if (!other || rank(kind) >= rank(other)) cells[column] = kind;
  }
  return cells;
}

function errorLines(row: Row, rows: ReadonlyMap<string, Row>, width: number, paint: Paint): string[] {
  const { task, status } = row;
  const error = toldError(row, rows);
  if (!error) return [];
  // Of one that goes on it is the last of its runs, or lives, that has failed.
  const symbol = looks[status === 'failed' || status === 'timed-out' ? status : 'slot-failed'].symbol;
  const head = cut(`${symbol} ${printable(task)}`, width);
  const text = ownErrorText(error, task);
  const left = width - columns(head) - 2;
  if (columns(text) <= left) return [`${paint(head, 'red')}  ${text}`];
  return [paint(head, 'red'), `    ${cut(text, width - 4)}`];
}

/** Two lines: the times, and where they are. */
function axis({ from, to, zero = from }: View, chart: number): [string, string] {
  const room = isLong(zero, to) ? 14 : 10;
  let labels = '';
  let marks = '';
  for (const { at, label } of ticks(from, to, Math.max(1, Math.floor(chart / room)), zero)) {
    const column = Math.floor(((at - from) / (to - from)) * chart);
    if (column >= chart) break;
    marks = `${marks.padEnd(column, '─')}┬`;
    if ((labels.length < column || column === 0) && column + label.length <= chart)
      labels = labels.padEnd(column) + label;
  }
  return [labels, marks.padEnd(chart, '─')];
}

function legend(seen: readonly Kind[], width: number, paint: Paint): string[] {
  const lines: string[] = [];
  let length = Infinity;
  for (const kind of seen) {
    const { symbol, label, color } = looks[kind];
    const text = `${paint(symbol, color)} ${label}`;
    const needed = 2 + label.length;
    if (length + 3 + needed > width) {
      lines.push(text);
      length = needed;
    } else {
      lines.push(`${lines.pop() ?? ''}   ${text}`);
      length += 3 + needed;
    }
  }
  return lines;
}

function lineColor({ type, event }: Line): 'red' | 'gray' | 'yellow' {
  if (type !== 'shutdown') return 'yellow';
  return event.clean ? 'gray' : 'red';
}

/** Cells of one colour next to one another are told their colour once. */
function painted(cells: readonly Cell[], paint: Paint): string {
  let line = '';
  for (let start = 0, end = 0; start < cells.length; start = end) {
    const { color } = cells[start] ?? blank;
    let text = '';
    for (; end < cells.length && cells[end]?.color === color; end++) text += cells[end]?.symbol ?? '';
    line += color ? paint(text, color) : text;
  }
  return line;
}

/** What is drawn of how much. */
export function heading({ timeline, from, to, zero = from }: View, dropped: number): string {
  const tasks = timeline.rows.size;
  const start = isLong(zero, to) ? ` from ${moment(zero, zero, to)} UTC` : '';
  const before = dropped > 0 ? `, ${dropped} events before that were not kept` : '';
  return `${tasks} task${tasks === 1 ? '' : 's'}, ${duration(to - zero)}${start}${before}`;
}
