import { validateNumber, validateOptions, validateString } from '../util/validate.js';
import type { Recording } from '../recording/tape.js';
import { duration, origin, ticks } from './axis.js';
import { columns, cut, most } from './columns.js';
import { signsOf, statusColor, statusText } from './looks.js';
import type { Row } from './row.js';
import { Chart, column, pad } from './svg-chart.js';
import { legendOf } from './svg-legend.js';
import { linesOf } from './svg-lines.js';
import { bars, signs } from './svg-row.js';
import { number } from './svg-shapes.js';
import { patterns, style } from './svg-style.js';
import { tree, type Branch } from './tree.js';
import { viewOf, type View } from './view.js';
import { ownErrorText, toldError } from './words.js';
import { xml } from './xml.js';

/** How a recording is drawn as SVG. */
export interface SvgOptions {
  /** In px; 960 unless said. */
  width?: number;
  /** `rxjs-tasks` unless said. */
  title?: string;
}

/**
 * Draws a recording as an SVG: a row of bars and marks for each task, under a common axis of time, through them what happened to all.
 * It is a document of its own, without scripts and without anything to load, in the colours that its reader prefers, light or dark.
 * Of many marks that would lie on one another one is drawn, which says how many they are.
 *
 * @throws TypeError for what is no recording, RangeError for a `width` below 320.
 *
 * @example
 * ```ts
 * import { orchestrate } from 'rxjs-tasks';
 * import { record, renderSvg } from 'rxjs-tasks/inspect';
 * import { at, script } from 'rxjs-tasks/testing';
 *
 * const clock = at(0);
 * const recording = record(orchestrate([script('db', '[-->---]-|')], { scheduler: clock }), { clock });
 * clock.advance(1000);
 * console.log(renderSvg(recording, { title: 'db' }).slice(0, 4)); // → <svg
 * ```
 */
export function renderSvg(recording: Recording, options: SvgOptions = {}): string {
  validateOptions(options, ['width', 'title']);
  const { width = 960, title = 'rxjs-tasks' } = options;
  validateNumber('width', 320, 100_000, width);
  validateString('title', title);
  return new Sheet(viewOf(recording), width, title, recording.dropped).toString();
}

/** What is drawn from top to bottom. */
class Sheet {
  private readonly view: View;
  private readonly width: number;
  private readonly title: string;
  private readonly before: number;
  private readonly branches: readonly Branch[];
  private readonly chart: Chart;

  constructor(view: View, width: number, title: string, before: number) {
    this.view = view;
    this.width = width;
    this.title = title;
    this.before = before;
    this.branches = tree(view.timeline.rows);
    const labels = most(this.branches, ({ depth, label }) => columns(label) + 2 * depth);
    const statuses = most(this.branches, ({ row }) => columns(statusText(row)));
    this.chart = new Chart(view, width, labels, statuses);
  }

  toString(): string {
    const { width, chart } = this;
    const { left, right } = chart;
    const lines = linesOf(chart);
    const top = 66 + lines.bands * 16 + 22;
    const rows: string[] = [];
    let y = top;
    for (const [place, { row, depth, label }] of this.branches.entries()) {
      const drawn = this.row(row, depth, label, y, place % 2 === 0);
      rows.push(drawn.svg);
      y += drawn.height;
    }
    const bottom = y + 4;
    const legend = legendOf(chart, bottom + 26);
    const height = legend.bottom + pad;
    return [
      `<svg xmlns="http://www.w3.org/2000/svg" class="rxjs-tasks" width="${width}" height="${height}" viewBox="0 0 ${width} ${height}" role="img" aria-label="${xml(this.title)}">`,
      `<title>${xml(this.title)}</title>`,
      `<style>${style}</style>${patterns}`,
      `<rect class="back" width="${width}" height="${height}"/>`,
      `<text class="title" x="${pad}" y="30">${xml(cut(this.title, (width - 2 * pad) / 8))}</text>`,
      `<text class="dim" x="${pad}" y="48">${xml(cut(this.summary(), (width - 2 * pad) / column))}</text>`,
      // Under the grid and the lines, which go through all rows.
      ...rows.map((row) => row.split('\n')[0]),
      this.axis(top, bottom),
      lines.draw(bottom),
      ...rows.map((row) => row.slice(row.indexOf('\n') + 1)),
      `<path class="grid" d="M${left} ${bottom}H${right}"/>`,
      legend.svg,
      '</svg>',
      '',
    ].join('\n');
  }

  private summary(): string {
    const { from, to, timeline } = this.view;
    const tasks = timeline.rows.size;
    const parts = [
      `${tasks} task${tasks === 1 ? '' : 's'}`,
      `${duration(to - from)} from ${new Date(from).toISOString().replace('T', ' ').slice(0, 19)} UTC`,
    ];
    if (this.before > 0) parts.push(`${this.before} events before that were not kept`);
    return parts.join(' · ');
  }

  private axis(top: number, bottom: number): string {
    const { from, to } = this.view;
    const most = Math.max(2, Math.floor((this.chart.right - this.chart.left) / 80));
    const all = ticks(from, to, most).map(({ at, label }) => {
      const x = number(this.chart.x(at));
      return `<path class="grid" d="M${x} ${top - 6}V${bottom}"/><text class="small dim" x="${x}" y="${top - 11}" text-anchor="middle">${label}</text>`;
    });
    const unit = origin(from, to);
    return (
      all.join('') + (unit && `<text class="small dim" x="${this.chart.right + 18}" y="${top - 11}">${unit}</text>`)
    );
  }

  /** Its ground on the first line. */
  private row(row: Row, depth: number, label: string, y: number, striped: boolean): { svg: string; height: number } {
    const isBad = row.status === 'failed' || row.status === 'timed-out';
    const error = isBad ? toldError(row, this.view.timeline.rows) : undefined;
    const height = error ? 42 : 26;
    const middle = y + 13;
    const indent = pad + depth * 12;
    const room = (this.chart.left - 12 - indent) / column;
    const text = (x: number, what: string, color = '') =>
      `<text class="${color}" x="${x}" y="${middle + 4}">${what}</text>`;
    const status = `<tspan>${xml(cut(statusText(row), (this.width - pad - this.chart.right - 14) / column))}</tspan>`;
    return {
      height,
      svg: [
        striped ? `<rect class="stripe" x="8" y="${y}" width="${this.width - 16}" height="${height}" rx="3"/>` : '',
        text(indent, `<title>${xml(row.task)}</title>${xml(cut(label, room))}`),
        bars(row.spans, middle, this.chart),
        signs(signsOf(row), middle, this.chart),
        text(this.chart.right + 18, status, statusColor(row.status)),
        error
          ? `<text class="small halo red" x="${this.chart.left}" y="${y + 34}">${xml(cut(ownErrorText(error, row.task), (this.width - pad - this.chart.left) / 6))}</text>`
          : '',
      ].join('\n'),
    };
  }
}
