import { isBar, kinds, legendOffset, styles } from '../styles.js';
import { columnWidth, margin, type Chart } from './chart.js';
import { bar, mark, round } from './shapes.js';

/** Draws the legend of the bars and marks in a chart. */
export function drawLegend({ drawnKinds, width }: Chart, top: number): { svg: string; bottom: number } {
  let x = margin;
  let y = top;
  const entries = kinds
    .filter((kind) => drawnKinds.has(kind))
    .map((kind) => {
      const { label } = styles[kind];
      const length = 26 + label.length * columnWidth + 16;
      if (x + length > width - margin) {
        x = margin;
        y += 20;
      }
      const shape = isBar(kind)
        ? bar(kind, x, y, 18, '')
        : (kind === 'slot-started' ? bar('running', x, y, 18, '') : '') + mark(kind, x + 9, y + legendOffset(kind), '');
      const entry = `${shape}<text class="small" x="${x + 24}" y="${y + 4}">${label}</text>`;
      x = round(x + length);
      return entry;
    });
  return { svg: entries.join('\n'), bottom: y };
}
