import { duration } from '../../util/duration.js';
import { printable } from '../../util/printable.js';
import { appMarkText, ownError, statusSummary, taskErrorText } from '../labels.js';
import { appMarkColor, appMarkStyles, kinds, statusColors, styles, type Kind } from '../styles.js';
import { taskTree, type Branch } from '../task-tree.js';
import type { TaskRow } from '../task-timeline.js';
import { displayWidth, maxOf, padToWidth, truncate } from '../text-width.js';
import { formatTime, isLong, ticks } from '../time-axis.js';
import type { TimeWindow } from '../time-window.js';
import { cellOf, ColumnScale, kindsOf, paintCells } from './cells.js';
import { legendLines } from './legend.js';
import type { Paint } from './paint.js';

/** A timeline as lines of text, none wider than requested. */
export interface Drawing {
  readonly axis: readonly string[];
  /** In the order of the tree. */
  readonly rows: readonly { readonly text: string; readonly row: TaskRow }[];
  readonly appMarks: readonly string[];
  readonly legend: readonly string[];
  readonly errors: readonly string[];
}

/** The largest number of application marks below a drawing. */
const maxAppMarks = 10;

export function drawText(window: TimeWindow, width: number, paint: Paint, maxRows?: number): Drawing {
  const { timeline, from, to, zero = from } = window;
  const branches = mostImportant(taskTree(timeline.rows), maxRows ?? Infinity);
  const { labelWidth, maxIndent, statusWidth, chartWidth } = columnWidths(branches, width);
  const scale = new ColumnScale(window, chartWidth);
  const drawnKinds = new Set<Kind>();
  const appMarks = timeline.appMarks.filter(({ at }) => at >= from);
  const appMarkIn = new Map(appMarks.map((mark) => [scale.columnOf(mark.at), mark]));

  const rowText = ({ row, depth, label }: Branch): string => {
    const indent = '  '.repeat(Math.min(depth, maxIndent));
    const cells = kindsOf(row, scale, window).map((kind, column) => {
      if (kind) drawnKinds.add(kind);
      return cellOf(kind, appMarkIn.get(column));
    });
    const status = statusWidth > 0 ? paint(truncate(statusSummary(row), statusWidth), statusColors[row.status]) : '';
    return `${padToWidth(indent + label, labelWidth)}  ${paintCells(cells, paint)}${status && `  ${status}`}`.trimEnd();
  };
  const rows = branches.map((branch) => ({ text: rowText(branch), row: branch.row }));
  return {
    axis: axisLines(window, chartWidth).map((line) => paint(' '.repeat(labelWidth + 2) + line, 'gray')),
    rows,
    appMarks: appMarks.slice(-maxAppMarks).map((mark) => {
      const text = ` ${appMarkText(mark)}, ${formatTime(mark.at, zero, to)}`;
      return paint(appMarkStyles[mark.type].symbol, appMarkColor(mark)) + truncate(text, width - 1);
    }),
    legend: legendLines(
      kinds.filter((kind) => drawnKinds.has(kind)),
      width,
      paint,
    ),
    errors: branches.flatMap(({ row }) => errorLines(row, timeline.rows, width, paint)),
  };
}

/** Returns the number of tasks, the length of the window and the number of dropped events. */
export function heading({ timeline, from, to, zero = from }: TimeWindow, dropped: number): string {
  const tasks = timeline.rows.size;
  const start = isLong(zero, to) ? ` from ${formatTime(zero, zero, to)} UTC` : '';
  const missing = dropped > 0 ? `, ${dropped} earlier events were not kept` : '';
  return `${tasks} task${tasks === 1 ? '' : 's'}, ${duration(to - zero)}${start}${missing}`;
}

function columnWidths(branches: readonly Branch[], width: number) {
  const maxWidth = Math.floor(width * 0.3);
  const statusWidth =
    width < 50
      ? 0
      : Math.min(
          maxWidth,
          maxOf(branches, ({ row }) => statusSummary(row).length),
        );
  const widestLabel = maxOf(branches, ({ depth, label }) => displayWidth(label) + 2 * depth);
  const labelWidth = Math.min(maxWidth, Math.max(4, widestLabel));
  // Deep in a tree, the names need room, too.
  const maxIndent = widestLabel <= labelWidth ? Infinity : Math.floor(labelWidth / 4);
  const chartWidth = width - labelWidth - 2 - (statusWidth > 0 ? statusWidth + 2 : 0);
  return { labelWidth, maxIndent, statusWidth, chartWidth };
}

/** Returns at most `maxRows` rows: failed tasks first, then active ones. */
function mostImportant(branches: readonly Branch[], maxRows: number): readonly Branch[] {
  if (branches.length <= maxRows) return branches;
  const importance = ({ row: { status, failures } }: Branch) =>
    status === 'failed' || status === 'timed-out'
      ? 3
      : status === 'completed' || status === 'cancelled' || status === 'not-started'
        ? 0
        : status === 'running' && failures === 0
          ? 1
          : 2;
  const sorted = [...branches].sort((a, b) => importance(b) - importance(a) || b.row.since - a.row.since);
  const kept = new Set(sorted.slice(0, maxRows));
  return branches.filter((branch) => kept.has(branch));
}

function errorLines(row: TaskRow, rows: ReadonlyMap<string, TaskRow>, width: number, paint: Paint): string[] {
  const { task, status } = row;
  const error = ownError(row, rows);
  if (!error) return [];
  // The last error of an active task is that of a slot, or of a run that was restarted.
  const { symbol } = styles[status === 'failed' || status === 'timed-out' ? status : 'slot-failed'];
  const head = truncate(`${symbol} ${printable(task)}`, width);
  const text = taskErrorText(error, task);
  const remaining = width - displayWidth(head) - 2;
  if (displayWidth(text) <= remaining) return [`${paint(head, 'red')}  ${text}`];
  return [paint(head, 'red'), `    ${truncate(text, width - 4)}`];
}

/** Returns two lines: the labels of the ticks, and the ticks. */
function axisLines({ from, to, zero = from }: TimeWindow, chartWidth: number): [string, string] {
  const columnsPerTick = isLong(zero, to) ? 14 : 10;
  const maxTicks = Math.max(1, Math.floor(chartWidth / columnsPerTick));
  let labels = '';
  let line = '';
  for (const { at, label } of ticks(from, to, maxTicks, zero)) {
    const column = Math.floor(((at - from) / (to - from)) * chartWidth);
    if (column >= chartWidth) break;
    line = `${line.padEnd(column, '─')}┬`;
    if ((labels.length < column || column === 0) && column + label.length <= chartWidth)
      labels = labels.padEnd(column) + label;
  }
  return [labels, line.padEnd(chartWidth, '─')];
}
