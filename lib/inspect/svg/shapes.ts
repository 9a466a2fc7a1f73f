import { barStyles, markStyles, type MarkKind, type Stripe } from '../styles.js';
import type { Span } from '../task-timeline.js';

/** Draws a bar around the height `y`. `title` is escaped text, or `''`. */
export function bar(kind: Span['kind'], x: number, y: number, width: number, title: string): string {
  const { color, stripes } = barStyles[kind];
  const left = round(x);
  const length = round(Math.max(width, 1.5));
  const stripe = ({ top, height, opacity, dash }: Stripe) => {
    if (dash !== undefined) {
      const line = `M${left} ${round(y + top + height / 2)}h${length}`;
      return `<path class="line" stroke-dasharray="${dash} ${dash}" d="${line}"/>`;
    }
    const radius = height < 12 ? '' : ' rx="2"';
    const transparency = opacity === undefined ? '' : ` opacity="${opacity}"`;
    return `<rect x="${left}" y="${y + top}" width="${length}" height="${height}"${radius}${transparency}/>`;
  };
  // The whole height of a bar shows its title.
  const target =
    title && `<title>${title}</title><rect x="${left}" y="${y - 6}" width="${length}" height="12" opacity="0"/>`;
  return `<g class="bar ${color}">${target}${stripes.map(stripe).join('')}</g>`;
}

/** Draws a mark around a point. `title` is escaped text, or `''`. */
export function mark(kind: MarkKind, x: number, y: number, title: string): string {
  const { color, paths } = markStyles[kind];
  const shapes = paths.map(({ paint, path }) => `<path class="${paint}" d="${path}"/>`).join('');
  const content = (title && `<title>${title}</title>`) + shapes;
  return `<g class="mark ${color}" transform="translate(${round(x)} ${y})">${content}</g>`;
}

/** Rounds to the digits that a screen shows. */
export function round(value: number): number {
  return Math.round(value * 10) / 10;
}
