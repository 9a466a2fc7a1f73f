import { palette, styles, type Color, type Surface } from '../styles.js';

const colors = [...new Set(Object.values(styles).map(({ color }) => color))] as const satisfies readonly Color[];
const surfaces = ['background', 'panel', 'grid', 'text'] as const satisfies readonly Surface[];

const variables = (theme: 0 | 1) =>
  [...colors, ...surfaces].map((name) => `--${name}:${palette[name][theme]}`).join(';');

/** The style sheet. The class of a colour sets `color`, and the shapes use `currentColor`. */
export const style: string = [
  `.rxjs-tasks{${variables(0)};color-scheme:light dark;font:12px system-ui,-apple-system,"Segoe UI",sans-serif}`,
  `@media (prefers-color-scheme:dark){.rxjs-tasks{${variables(1)}}}`,
  '.rxjs-tasks text{fill:var(--text)}',
  '.rxjs-tasks .title{font-size:15px;font-weight:600}',
  '.rxjs-tasks .small{font-size:11px}',
  '.rxjs-tasks .halo{paint-order:stroke;stroke:var(--background);stroke-width:4px}',
  '.rxjs-tasks .dim{fill:var(--gray)}',
  '.rxjs-tasks .background{fill:var(--background)}',
  '.rxjs-tasks .stripe{fill:var(--panel)}',
  '.rxjs-tasks .grid{stroke:var(--grid)}',
  ...colors.map((name) => `.rxjs-tasks .${name}{color:var(--${name})}.rxjs-tasks text.${name}{fill:var(--${name})}`),
  '.rxjs-tasks .bar{fill:currentColor}',
  '.rxjs-tasks .line{stroke:currentColor;stroke-width:1.5}',
  '.rxjs-tasks .mark{stroke:currentColor;stroke-width:1.6;stroke-linecap:round;stroke-linejoin:round}',
  '.rxjs-tasks .outline{fill:var(--background)}',
  '.rxjs-tasks .solid{fill:currentColor}',
  '.rxjs-tasks .cutout{stroke:var(--background);fill:none}',
  '.rxjs-tasks .backdrop{stroke:none;fill:var(--background)}',
].join('\n');
