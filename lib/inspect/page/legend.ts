import { isBar, kinds, legendOffset, styles } from '../styles.js';
import { drawBar, drawMark, readTheme } from './shapes.js';

const size = 18;
const barHeight = 12;

/** Draws the legend with the shapes of the chart. */
export function drawLegend(root: HTMLElement): void {
  const theme = readTheme();
  // The legend lies on a panel.
  const onPanel = { ...theme, background: theme.panel };
  root.replaceChildren(
    ...kinds.map((kind) => {
      const canvas = document.createElement('canvas');
      const ratio = devicePixelRatio;
      canvas.width = canvas.height = size * ratio;
      canvas.style.width = canvas.style.height = `${size}px`;
      const ctx = canvas.getContext('2d');
      if (!ctx) throw new Error('This browser has no canvas');
      ctx.scale(ratio, ratio);
      const middle = size / 2;
      if (isBar(kind)) drawBar(ctx, onPanel, kind, 1, size - 1, middle, barHeight);
      else {
        if (kind === 'slot-started') drawBar(ctx, onPanel, 'running', 1, size - 1, middle, barHeight);
        drawMark(ctx, onPanel, kind, middle, middle + legendOffset(kind), barHeight);
      }
      const entry = document.createElement('span');
      entry.append(canvas, styles[kind].label);
      return entry;
    }),
  );
}
