import { looks, type Kind } from './looks.js';
import type { Span } from './row.js';

/** A bar of a height of 12 about `y`. */
export function bar(kind: Span['kind'], x: number, y: number, width: number, title: string): string {
  const { color } = looks[kind];
  const w = number(Math.max(width, 1.5));
  const inside = title && `<title>${title}</title>`;
  if (kind === 'waiting')
    return `<g class="${color}">${inside}<rect x="${number(x)}" y="${y - 6}" width="${w}" height="12" fill="none" pointer-events="all"/><path class="line" stroke-dasharray="3 3" d="M${number(x)} ${y}h${w}"/></g>`;
  const fill = kind === 'running' ? 'currentColor' : `url(#rxjs-tasks-${kind})`;
  return `<rect class="${color}" x="${number(x)}" y="${y - 6}" width="${w}" height="12" rx="2" fill="${fill}">${inside}</rect>`;
}

/** A mark about a point: each has a shape of its own. */
export function sign(kind: Exclude<Kind, Span['kind']>, x: number, y: number, title: string): string {
  const inside = title && `<title>${title}</title>`;
  return `<g class="sign ${looks[kind].color}" transform="translate(${number(x)} ${y})">${inside}${shapes[kind]}</g>`;
}

const shapes: Readonly<Record<Exclude<Kind, Span['kind']>, string>> = {
  'slot-started': '<path d="M0-9V9"/>',
  cancelling: '<path class="solid" d="M-4-9H4L0-3Z"/>',
  cancelled: '<rect x="-4" y="-4" width="8" height="8"/>',
  completed: '<circle r="5.5" class="solid"/><path class="on" d="M-2.5 0L-.5 2.2L2.6-2"/>',
  'result-dropped': '<path d="M-4-4H4L-4 4H4Z"/>',
  overdue: '<circle r="5"/><path d="M0-2.5V0L2 1.5"/>',
  skipped: '<path d="M0-5.5L5.5 0L0 5.5L-5.5 0Z"/>',
  missed: '<path d="M-5.5-4.5H5.5L0 5.5Z"/>',
  restarting: '<path class="solid" d="M-3.5-5L5 0L-3.5 5Z"/>',
  'slot-failed': '<circle r="5" stroke="none"/><path d="M-3.2-3.2L3.2 3.2M3.2-3.2L-3.2 3.2"/>',
  'timed-out': '<path d="M-5.5-5.5H5.5L0 0L5.5 5.5H-5.5L0 0Z"/>',
  failed:
    '<path class="solid" d="M-2.5-6H2.5L6-2.5V2.5L2.5 6H-2.5L-6 2.5V-2.5Z"/><path class="on" d="M-2.2-2.2L2.2 2.2M2.2-2.2L-2.2 2.2"/>',
};

/** As few digits as a screen shows. */
export function number(value: number): number {
  return Math.round(value * 10) / 10;
}
