import { appMarkText } from '../labels.js';
import { appMarkColor, appMarkStyles } from '../styles.js';
import { displayWidth, truncate } from '../text-width.js';
import { columnWidth, margin, type Chart } from './chart.js';
import { escapeXml } from './escape-xml.js';
import { round } from './shapes.js';

/** The largest number of lines in a picture. */
const maxLines = 200;
/** The largest number of rows of labels. */
const maxBands = 4;

/** Lays out the marks of the application as lines through all rows. Labels that would overlap get different bands. */
export function layoutAppMarks(chart: Chart): { bands: number; draw(bottom: number): string } {
  const bands: (readonly [number, number])[][] = [];
  const half = (chart.left + chart.right) / 2;
  const lines = chart.window.timeline.appMarks.slice(-maxLines).map((mark) => ({ mark, x: round(chart.x(mark.at)) }));
  // The outer labels come first and so lie above, so that no line crosses the label of another.
  const leftHalf = lines.filter(({ x }) => x <= half);
  const rightHalf = lines.filter(({ x }) => x > half).reverse();
  const placed = [...leftHalf, ...rightHalf].map(({ mark, x }) => {
    const isBefore = x > half;
    const text = truncate(appMarkText(mark), (isBefore ? x - margin : chart.width - margin - x) / columnWidth);
    const length = displayWidth(text) * columnWidth + 10;
    const start = isBefore ? x - length : x;
    const hasRoom = (band: (typeof bands)[number]) => band.every(([from, to]) => to <= start || from >= start + length);
    const firstFree = bands.findIndex(hasRoom);
    const band = firstFree === -1 ? bands.length : firstFree;
    if (band < maxBands) (bands[band] ??= []).push([start, start + length]);
    return { mark, x, text, isBefore, band };
  });
  const yOf = (band: number) => 70 + band * 16;
  const draw = (bottom: number) => {
    const paths = placed.map(({ mark, x, band }) => {
      const title = escapeXml(`${appMarkText(mark)}, ${chart.formatTime(mark.at)}`);
      const dash = appMarkStyles[mark.type].dash.join(' ') || 'none';
      const line = `M${x} ${yOf(band) - 6}V${bottom}`;
      const path = `<path class="line" stroke-dasharray="${dash}" d="${line}"/>`;
      return `<g class="${appMarkColor(mark)}"><title>${title}</title>${path}</g>`;
    });
    const labels = placed
      .filter(({ band }) => band < maxBands)
      .map(({ mark, x, text, isBefore, band }) => {
        const anchor = isBefore ? 'end' : 'start';
        const labelX = round(isBefore ? x - 5 : x + 5);
        const attributes = `x="${labelX}" y="${yOf(band) + 3}" text-anchor="${anchor}"`;
        return `<text class="small halo ${appMarkColor(mark)}" ${attributes}>${escapeXml(text)}</text>`;
      });
    return [...paths, ...labels].join('\n');
  };
  return { bands: bands.length, draw };
}
