import { expectNumber, expectOptions, expectString } from '../internal/expect.js';
import type { Recording } from '../recording/tape.js';
import { duration, moment, origin, ticks } from './axis.js';
import { columns, cut } from './columns.js';
import { kinds, looks, rank, signsOf, statusColor, statusText, type Kind, type Sign } from './looks.js';
import type { Row, Span } from './row.js';
import { bar, number, sign } from './svg-shapes.js';
import { patterns, style } from './svg-style.js';
import { tree } from './tree.js';
import { viewOf, type View } from './view.js';
import { eventText, lineText, ownErrorText, toldError } from './words.js';
import { xml } from './xml.js';

/** How a recording is drawn as SVG. */
export interface SvgOptions {
  /** In px; 960 unless said. */
  width?: number;
  /** `rxjs-tasks` unless said. */
  title?: string;
}

/** Of a column of text, in px: letters are narrower on the average. */
const column = 6.6;
const pad = 20;

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
  expectOptions(options, ['width', 'title']);
  const { width = 960, title = 'rxjs-tasks' } = options;
  expectNumber('width', 320, 100_000, width);
  expectString('title', title);
  return new Sheet(viewOf(recording), width, title, recording.dropped).toString();
}

/** What is drawn from top to bottom. */
class Sheet {
  private readonly view: View;
  private readonly width: number;
  private readonly title: string;
  private readonly before: number;
  /** Where the chart begins and ends. */
  private readonly left: number;
  private readonly right: number;
  private readonly seen = new Set<Kind>();

  constructor(view: View, width: number, title: string, before: number) {
    this.view = view;
    this.width = width;
    this.title = title;
    this.before = before;
    const branches = tree(view.timeline.rows);
    const widest = (texts: readonly number[], most: number) => Math.min(Math.max(0, ...texts) * column, width * most);
    const labels = widest(
      branches.map(({ depth, label }) => columns(label) + 2 * depth),
      0.3,
    );
    const statuses = widest(
      branches.map(({ row }) => columns(statusText(row))),
      0.2,
    );
    this.left = Math.round(pad + labels + 18);
    this.right = Math.round(width - pad - statuses - 18);
  }

  toString(): string {
    const { width, left, right, view } = this;
    const lines = this.lines();
    const top = 66 + lines.bands * 16 + 22;
    const rows: string[] = [];
    let y = top;
    for (const [place, { row, depth, label }] of tree(view.timeline.rows).entries()) {
      const drawn = this.row(row, depth, label, y, place % 2 === 0);
      rows.push(drawn.svg);
      y += drawn.height;
    }
    const bottom = y + 4;
    const legend = this.legend(bottom + 26);
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

  private x(at: number): number {
    const { from, to } = this.view;
    return this.left + ((at - from) / (to - from)) * (this.right - this.left);
  }

  private axis(top: number, bottom: number): string {
    const { from, to } = this.view;
    const most = Math.max(2, Math.floor((this.right - this.left) / 80));
    const all = ticks(from, to, most).map(({ at, label }) => {
      const x = number(this.x(at));
      return `<path class="grid" d="M${x} ${top - 6}V${bottom}"/><text class="small dim" x="${x}" y="${top - 11}" text-anchor="middle">${label}</text>`;
    });
    const unit = origin(from, to);
    return all.join('') + (unit && `<text class="small dim" x="${this.right + 18}" y="${top - 11}">${unit}</text>`);
  }

  /** Their labels lie above one another where they would lie on one another. */
  private lines(): { bands: number; draw(bottom: number): string } {
    const bands: (readonly [number, number])[][] = [];
    const half = (this.left + this.right) / 2;
    const lines = this.view.timeline.lines.slice(-200).map((line) => ({ line, x: number(this.x(line.at)) }));
    // The outer ones above, so that no line goes through the label of another.
    const inner = lines.filter(({ x }) => x <= half);
    const outer = lines.filter(({ x }) => x > half).reverse();
    const drawn = [...inner, ...outer].map(({ line, x }) => {
      const isLeft = x > half;
      const text = cut(lineText(line), (isLeft ? x - pad : this.width - pad - x) / column);
      const length = columns(text) * column + 10;
      const start = isLeft ? x - length : x;
      const isFree = (band: (typeof bands)[number]) =>
        band.every(([from, to]) => to <= start || from >= start + length);
      const free = bands.findIndex(isFree);
      const band = free === -1 ? bands.length : free;
      if (band < 4) (bands[band] ??= []).push([start, start + length]);
      return { line, x, text, isLeft, band };
    });
    const dash = { draining: '1 4', cancelled: '6 4', shutdown: 'none' };
    const color = ({ type, event }: (typeof drawn)[number]['line']) =>
      type !== 'shutdown' ? 'yellow' : event.clean ? 'gray' : 'red';
    const yOf = (band: number) => 70 + band * 16;
    const draw = (bottom: number) => {
      const paths = drawn.map(({ line, x, band }) => {
        const title = xml(`${lineText(line)}, ${this.when(line.at)}`);
        return `<g class="${color(line)}"><title>${title}</title><path class="line" stroke-dasharray="${dash[line.type]}" d="M${x} ${yOf(Math.min(band, 4)) - 6}V${bottom}"/></g>`;
      });
      const labels = drawn
        .filter(({ band }) => band < 4)
        .map(({ line, x, text, isLeft, band }) => {
          const anchor = isLeft ? ' text-anchor="end"' : '';
          return `<text class="small halo ${color(line)}" x="${number(isLeft ? x - 5 : x + 5)}" y="${yOf(band) + 3}"${anchor}>${xml(text)}</text>`;
        });
      return [...paths, ...labels].join('\n');
    };
    return { bands: bands.length, draw };
  }

  /** Its ground on the first line. */
  private row(row: Row, depth: number, label: string, y: number, striped: boolean): { svg: string; height: number } {
    const isBad = row.status === 'failed' || row.status === 'timed-out';
    const error = isBad ? toldError(row, this.view.timeline.rows) : undefined;
    const height = error ? 42 : 26;
    const middle = y + 13;
    const indent = pad + depth * 12;
    const room = (this.left - 12 - indent) / column;
    const text = (x: number, what: string, color = '') =>
      `<text class="${color}" x="${x}" y="${middle + 4}">${what}</text>`;
    const status = `<tspan>${xml(cut(statusText(row), (this.width - pad - this.right - 14) / column))}</tspan>`;
    return {
      height,
      svg: [
        striped ? `<rect class="stripe" x="8" y="${y}" width="${this.width - 16}" height="${height}" rx="3"/>` : '',
        text(indent, `<title>${xml(row.task)}</title>${xml(cut(label, room))}`),
        this.bars(row.spans, middle),
        this.signs(signsOf(row), middle),
        text(this.right + 18, status, statusColor(row.status)),
        error
          ? `<text class="small halo red" x="${this.left}" y="${y + 34}">${xml(cut(ownErrorText(error, row.task), (this.width - pad - this.left) / 6))}</text>`
          : '',
      ].join('\n'),
    };
  }

  private bars(spans: readonly Span[], y: number): string {
    let drawn = -Infinity;
    const all: string[] = [];
    for (const { from, to, kind } of spans) {
      const start = this.x(from);
      const end = this.x(to ?? this.view.to);
      // Many would lie on one another.
      if (end < drawn + 1 || from === to) continue;
      drawn = Math.max(end, start + 1);
      this.seen.add(kind);
      const until = to === undefined ? 'until now' : duration(to - from);
      all.push(bar(kind, start, y, end - start, xml(`${looks[kind].label}, from ${this.when(from)}, ${until}`)));
    }
    return all.join('');
  }

  private signs(signs: readonly Sign[], y: number): string {
    const all: { readonly x: number; first: Sign; last: Sign; count: number }[] = [];
    const latest = new Map<Kind, (typeof all)[number]>();
    for (const one of signs) {
      this.seen.add(one.kind);
      const x = this.x(one.at);
      const other = latest.get(one.kind);
      if (other && x - other.x < (one.kind === 'tick' ? 3 : 12)) {
        other.last = one;
        other.count++;
      } else {
        const fresh = { x, first: one, last: one, count: 1 };
        latest.set(one.kind, fresh);
        all.push(fresh);
      }
    }
    return all
      .sort((a, b) => rank(a.first.kind) - rank(b.first.kind))
      .map(({ x, first, last, count }) => {
        const { label } = looks[first.kind];
        const said = first.mark ? eventText(first.mark.event) : '';
        const title =
          count > 1
            ? `${count} × ${label}, ${this.when(first.at)} to ${this.when(last.at)}`
            : `${label}, ${this.when(first.at)}${said && `: ${said}`}`;
        return sign(first.kind as Exclude<Kind, Span['kind']>, x, y, xml(title));
      })
      .join('');
  }

  private legend(top: number): { svg: string; bottom: number } {
    let x = pad;
    let y = top;
    const all = kinds
      .filter((kind) => this.seen.has(kind))
      .map((kind) => {
        const { label } = looks[kind];
        const length = 26 + label.length * column + 16;
        if (x + length > this.width - pad && x > pad) {
          x = pad;
          y += 20;
        }
        const shape = isSpan(kind)
          ? bar(kind, x, y, 18, '')
          : (kind === 'tick' ? bar('running', x, y, 18, '') : '') +
            sign(kind, x + 9, kind === 'cancelling' ? y + 6 : y, '');
        const entry = `${shape}<text class="small" x="${x + 24}" y="${y + 4}">${label}</text>`;
        x = number(x + length);
        return entry;
      });
    return { svg: all.join('\n'), bottom: y };
  }

  private when(at: number): string {
    return moment(at, this.view.from, this.view.to);
  }
}

function isSpan(kind: Kind): kind is Span['kind'] {
  return ['initializing', 'running', 'finalizing', 'waiting'].includes(kind);
}
