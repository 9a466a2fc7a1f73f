import type { Span } from '../row.js';

const colours = [
  'bg',
  'panel',
  'edge',
  'grid',
  'text',
  'dim',
  'accent',
  'running',
  'initializing',
  'finalizing',
  'waiting',
  'slot-started',
  'bad',
  'warn',
  'good',
] as const;
export type Colours = Record<(typeof colours)[number], string>;

/** As the theme has them. */
export function readColours(): Colours {
  const style = getComputedStyle(document.documentElement);
  return Object.fromEntries(colours.map((name) => [name, style.getPropertyValue(`--${name}`).trim()])) as Colours;
}

/** Each kind has a shape of its own: colour alone tells some people nothing. */
export function drawSpan(
  pen: CanvasRenderingContext2D,
  colours: Readonly<Colours>,
  kind: Span['kind'],
  start: number,
  end: number,
  y: number,
  height: number,
): void {
  const size = Math.max(1, end - start);
  pen.fillStyle = colours[kind];
  if (kind === 'waiting') {
    for (let dash = start; dash < end; dash += 6) pen.fillRect(dash, y + height / 2 - 1, Math.min(3, end - dash), 2);
  } else if (kind === 'initializing') {
    pen.globalAlpha = 0.35;
    pen.fillRect(start, y + 2, size, height - 4);
    pen.globalAlpha = 1;
    pen.fillRect(start, y + 2, size, 2);
    pen.fillRect(start, y + height - 4, size, 2);
  } else if (kind === 'finalizing') {
    pen.fillRect(start, y + 4, size, height - 8);
  } else {
    pen.beginPath();
    pen.roundRect(start, y, size, height, Math.min(3, size / 2));
    pen.fill();
  }
}

/** So has each kind of mark. */
export function drawMark(
  pen: CanvasRenderingContext2D,
  colours: Readonly<Colours>,
  kind: string,
  x: number,
  y: number,
  size: number,
): void {
  const r = Math.min(5, size / 2 - 2);
  pen.lineWidth = 2;
  pen.beginPath();
  switch (kind) {
    case 'slot-started':
      pen.fillStyle = colours.tick;
      pen.fillRect(x - 1, y - size / 2 + 2, 2, size - 4);
      return;
    case 'slot-failed':
    case 'failed':
      pen.strokeStyle = colours.bg;
      pen.lineWidth = 5;
      cross(pen, x, y, r);
      pen.stroke();
      pen.strokeStyle = colours.bad;
      pen.lineWidth = kind === 'failed' ? 3 : 2;
      pen.beginPath();
      cross(pen, x, y, r);
      pen.stroke();
      return;
    case 'skipped':
    case 'missed':
      pen.fillStyle = colours.bg;
      pen.strokeStyle = kind === 'missed' ? colours.warn : colours.dim;
      pen.arc(x, y, r - 1, 0, 7);
      pen.fill();
      pen.stroke();
      if (kind === 'missed') pen.strokeRect(x - 1, y, 2, 0.5);
      return;
    case 'overdue':
    case 'result-dropped':
      pen.fillStyle = colours.warn;
      pen.moveTo(x, y - r);
      pen.lineTo(x + r, y + (kind === 'result-dropped' ? 0 : r));
      if (kind === 'result-dropped') pen.lineTo(x, y + r);
      pen.lineTo(x - r, y + (kind === 'result-dropped' ? 0 : r));
      pen.closePath();
      pen.fill();
      return;
    case 'restarting':
      pen.strokeStyle = colours.good;
      pen.arc(x, y, r - 1, -0.6, 4.2);
      pen.stroke();
      pen.beginPath();
      pen.fillStyle = colours.good;
      pen.moveTo(x + r + 2, y - r + 1);
      pen.lineTo(x + r + 2, y + 2);
      pen.lineTo(x + r - 4, y);
      pen.fill();
      return;
    case 'cancelling':
      pen.fillStyle = colours.bg;
      pen.fillRect(x - 2.5, y - size / 2, 5, size);
      pen.fillStyle = colours.bad;
      pen.fillRect(x - 1, y - size / 2, 2, size);
      return;
    default:
      pen.fillStyle = colours.dim;
      pen.fillRect(x - 2, y - 4, 4, 8);
  }
}

function cross(pen: CanvasRenderingContext2D, x: number, y: number, r: number): void {
  pen.moveTo(x - r, y - r);
  pen.lineTo(x + r, y + r);
  pen.moveTo(x + r, y - r);
  pen.lineTo(x - r, y + r);
}

export function isBad(kind: string): boolean {
  return kind === 'failed' || kind === 'slot-failed';
}
