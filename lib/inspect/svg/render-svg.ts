import { duration } from '../../util/duration.js';
import { printable } from '../../util/printable.js';
import { validateNumber, validateString } from '../../util/validate.js';
import { validateOptions } from '../../util/validate-options.js';
import type { Recording } from '../../recording/types.js';
import { ownError, statusSummary, taskErrorText } from '../labels.js';
import { plottedMarks, statusColors } from '../styles.js';
import { taskTree, type Branch } from '../task-tree.js';
import { displayWidth, maxOf, truncate } from '../text-width.js';
import { ticks, zoneOf } from '../time-axis.js';
import { windowOf, type TimeWindow } from '../time-window.js';
import { layoutAppMarks } from './app-marks.js';
import { Chart, columnWidth, margin } from './chart.js';
import { escapeXml } from './escape-xml.js';
import { drawLegend } from './legend.js';
import { drawBars, drawMarks } from './row.js';
import { round } from './shapes.js';
import { style } from './style.js';

/** Options of `renderSvg`. */
export interface SvgOptions {
  /** The width in px. Default: 960. */
  width?: number | undefined;
  /** Default: `rxjs-tasks`. */
  title?: string | undefined;
}

/**
 * Draws a recording as an SVG: a row of bars and marks for each task under a common time axis, and lines through all
 * rows for the drain, the cancel and the shutdown. The document has no scripts and loads nothing. Its colours follow
 * the reader's preference, light or dark. Marks that would overlap are drawn as one, with their number in its title.
 *
 * @throws TypeError for a value that is not a recording, RangeError for a `width` below 320.
 *
 * @example
 * ```ts
 * import { orchestrate } from 'rxjs-tasks';
 * import { record, renderSvg } from 'rxjs-tasks/inspect';
 * import { script, virtualClock } from 'rxjs-tasks/testing';
 *
 * const clock = virtualClock(0);
 * const recording = record(orchestrate([script('db', '[-->---]-|')], { scheduler: clock }), { clock });
 * clock.advance(1000);
 * console.log(renderSvg(recording, { title: 'db' }).slice(0, 4)); // → <svg
 * ```
 */
export function renderSvg(recording: Recording, options: SvgOptions = {}): string {
  validateOptions(options, ['width', 'title'], 'renderSvg');
  const { width = 960, title = 'rxjs-tasks' } = options;
  validateNumber('width', 320, 100_000, width);
  validateString('title', title);
  return new Picture(windowOf(recording), width, title, recording.dropped).toString();
}

/** The layout of a recording from top to bottom. */
class Picture {
  private readonly window: TimeWindow;
  private readonly width: number;
  private readonly title: string;
  private readonly dropped: number;
  private readonly branches: readonly Branch[];
  private readonly chart: Chart;

  constructor(window: TimeWindow, width: number, title: string, dropped: number) {
    this.window = window;
    this.width = width;
    this.title = printable(title);
    this.dropped = dropped;
    this.branches = taskTree(window.timeline.rows);
    const labelColumns = maxOf(this.branches, ({ depth, label }) => displayWidth(label) + 2 * depth);
    const statusColumns = maxOf(this.branches, ({ row }) => displayWidth(statusSummary(row)));
    this.chart = new Chart(window, width, labelColumns, statusColumns);
  }

  toString(): string {
    const { width, chart } = this;
    const { left, right } = chart;
    const title = escapeXml(this.title);
    const appMarks = layoutAppMarks(chart);
    const top = 66 + appMarks.bands * 16 + 22;
    const rows: RowPicture[] = [];
    let y = top;
    for (const [index, branch] of this.branches.entries()) {
      const row = this.row(branch, y, index % 2 === 0);
      rows.push(row);
      y += row.height;
    }
    const bottom = y + 4;
    const legend = drawLegend(chart, bottom + 26);
    const height = legend.bottom + margin;
    const textWidth = width - 2 * margin;
    return [
      `<svg xmlns="http://www.w3.org/2000/svg" class="rxjs-tasks" width="${width}" height="${height}"`,
      `  viewBox="0 0 ${width} ${height}" role="img" aria-label="${title}">`,
      `<title>${title}</title>`,
      `<style>${style}</style>`,
      `<rect class="background" width="${width}" height="${height}"/>`,
      `<text class="title" x="${margin}" y="30">${escapeXml(truncate(this.title, textWidth / 8))}</text>`,
      `<text class="dim" x="${margin}" y="48">${escapeXml(truncate(this.summary(), textWidth / columnWidth))}</text>`,
      // The stripes of all rows lie below the grid and the lines of the application.
      ...rows.map(({ background }) => background),
      this.axis(top, bottom),
      appMarks.draw(bottom),
      ...rows.map(({ foreground }) => foreground),
      `<path class="grid" d="M${left} ${bottom}H${right}"/>`,
      legend.svg,
      '</svg>',
      '',
    ].join('\n');
  }

  private summary(): string {
    const { from, to, timeline } = this.window;
    const tasks = timeline.rows.size;
    const parts = [
      `${tasks} task${tasks === 1 ? '' : 's'}`,
      `${duration(to - from)} from ${new Date(from).toISOString().replace('T', ' ').slice(0, 19)} UTC`,
    ];
    if (this.dropped > 0) parts.push(`${this.dropped} earlier events were not kept`);
    return parts.join(' · ');
  }

  private axis(top: number, bottom: number): string {
    const { from, to } = this.window;
    const { left, right } = this.chart;
    const maxTicks = Math.max(2, Math.floor((right - left) / 80));
    const all = ticks(from, to, maxTicks).map(({ at, label }) => {
      const x = round(this.chart.x(at));
      const text = `<text class="small dim" x="${x}" y="${top - 11}" text-anchor="middle">${label}</text>`;
      return `<path class="grid" d="M${x} ${top - 6}V${bottom}"/>${text}`;
    });
    const zone = zoneOf(from, to);
    return all.join('') + (zone && `<text class="small dim" x="${right + 18}" y="${top - 11}">${zone}</text>`);
  }

  private row({ row, depth, label }: Branch, y: number, isStriped: boolean): RowPicture {
    const { left, right } = this.chart;
    const hasFailed = row.status === 'failed' || row.status === 'timed-out';
    const error = hasFailed ? ownError(row, this.window.timeline.rows) : undefined;
    const height = error ? 42 : 26;
    const middle = y + 13;
    const indent = margin + depth * 12;
    const text = (x: number, content: string, color = '') =>
      `<text class="${color}" x="${x}" y="${middle + 4}">${content}</text>`;
    const status = truncate(statusSummary(row), (this.width - margin - right - 14) / columnWidth);
    const foreground = [
      text(
        indent,
        `<title>${escapeXml(row.task)}</title>${escapeXml(truncate(label, (left - 12 - indent) / columnWidth))}`,
      ),
      drawBars(row.spans, middle, this.chart),
      drawMarks(plottedMarks(row), middle, this.chart),
      text(right + 18, `<tspan>${escapeXml(status)}</tspan>`, statusColors[row.status]),
    ];
    if (error) {
      const shortened = truncate(taskErrorText(error, row.task), (this.width - margin - left) / 6);
      foreground.push(`<text class="small halo red" x="${left}" y="${y + 34}">${escapeXml(shortened)}</text>`);
    }
    return {
      height,
      background: isStriped
        ? `<rect class="stripe" x="8" y="${y}" width="${this.width - 16}" height="${height}" rx="3"/>`
        : '',
      foreground: foreground.join('\n'),
    };
  }
}

interface RowPicture {
  readonly height: number;
  readonly background: string;
  readonly foreground: string;
}
