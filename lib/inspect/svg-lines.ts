import { columns, cut } from './columns.js';
import { column, pad, type Chart } from './svg-chart.js';
import { number } from './svg-shapes.js';
import { lineText } from './words.js';
import { xml } from './xml.js';

/** What happened to all tasks, as lines through their rows. Their labels lie above one another where they would lie on one another. */
export function linesOf(chart: Chart): { bands: number; draw(bottom: number): string } {
  const bands: (readonly [number, number])[][] = [];
  const half = (chart.left + chart.right) / 2;
  const lines = chart.view.timeline.lines.slice(-200).map((line) => ({ line, x: number(chart.x(line.at)) }));
  // The outer ones above, so that no line goes through the label of another.
  const inner = lines.filter(({ x }) => x <= half);
  const outer = lines.filter(({ x }) => x > half).reverse();
  const drawn = [...inner, ...outer].map(({ line, x }) => {
    const isLeft = x > half;
    const text = cut(lineText(line), (isLeft ? x - pad : chart.width - pad - x) / column);
    const length = columns(text) * column + 10;
    const start = isLeft ? x - length : x;
    const isFree = (band: (typeof bands)[number]) => band.every(([from, to]) => to <= start || from >= start + length);
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
      const title = xml(`${lineText(line)}, ${chart.when(line.at)}`);
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
