import { barStyles, markStyles, palette, type Color, type MarkKind, type Surface } from '../styles.js';
import type { Span } from '../task-timeline.js';

/** The colours of the current theme. */
export type Theme = Readonly<Record<Color | Surface, string>>;

const names = Object.keys(palette) as (Color | Surface)[];

export function readTheme(): Theme {
  const style = getComputedStyle(document.documentElement);
  return Object.fromEntries(names.map((name) => [name, style.getPropertyValue(`--${name}`).trim()])) as Theme;
}

/** The height of a bar in the units of its style. */
const unitHeight = 12;
const lineWidth = 1.6;
/** Parsing a path on each frame would cost more than drawing it. */
const parsedPaths = new Map<string, Path2D>();

/** Draws a bar around the height `y`. */
export function drawBar(
  ctx: CanvasRenderingContext2D,
  theme: Theme,
  kind: Span['kind'],
  start: number,
  end: number,
  y: number,
  height: number,
): void {
  const { color, stripes } = barStyles[kind];
  const scale = height / unitHeight;
  const width = Math.max(1, end - start);
  ctx.fillStyle = ctx.strokeStyle = theme[color];
  for (const stripe of stripes) {
    const [top, thickness] = [y + stripe.top * scale, stripe.height * scale];
    if (stripe.dash !== undefined) {
      ctx.lineWidth = thickness;
      ctx.setLineDash([stripe.dash * scale]);
      ctx.beginPath();
      ctx.moveTo(start, top + thickness / 2);
      ctx.lineTo(start + width, top + thickness / 2);
      ctx.stroke();
      ctx.setLineDash([]);
      continue;
    }
    ctx.globalAlpha = stripe.opacity ?? 1;
    ctx.beginPath();
    ctx.roundRect(start, top, width, thickness, stripe.height < unitHeight ? 0 : Math.min(2 * scale, width / 2));
    ctx.fill();
    ctx.globalAlpha = 1;
  }
}

/** Draws a mark at a point of a bar with this height. */
export function drawMark(
  ctx: CanvasRenderingContext2D,
  theme: Theme,
  kind: MarkKind,
  x: number,
  y: number,
  height: number,
): void {
  const { color, paths } = markStyles[kind];
  ctx.save();
  ctx.translate(x, y);
  ctx.scale(height / unitHeight, height / unitHeight);
  ctx.lineWidth = lineWidth;
  ctx.lineCap = ctx.lineJoin = 'round';
  for (const { paint, path } of paths) {
    const shape = parsed(path);
    if (paint !== 'cutout') {
      ctx.fillStyle = paint === 'solid' ? theme[color] : theme.background;
      ctx.fill(shape);
    }
    if (paint !== 'backdrop') {
      ctx.strokeStyle = paint === 'cutout' ? theme.background : theme[color];
      ctx.stroke(shape);
    }
  }
  ctx.restore();
}

function parsed(path: string): Path2D {
  let shape = parsedPaths.get(path);
  if (!shape) parsedPaths.set(path, (shape = new Path2D(path)));
  return shape;
}
