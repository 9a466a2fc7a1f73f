import { looks, type Color } from './looks.js';

/** Of the light theme, and of the dark one; told apart by whoever sees less colour, too, in bars and marks that lie beside one another. */
const colors: Readonly<Record<Color, readonly [string, string]>> = {
  blue: ['#3b7dd8', '#6ba4f0'],
  cyan: ['#1795a8', '#4fc3d4'],
  gray: ['#6e7781', '#9aa4ae'],
  green: ['#1a7f37', '#4ec26a'],
  magenta: ['#8250df', '#b695f5'],
  red: ['#cf222e', '#ff7b72'],
  yellow: ['#9a6700', '#e3b341'],
};
const surfaces = {
  back: ['#ffffff', '#12161c'],
  text: ['#1f2328', '#e6edf3'],
  grid: ['#e4e8ec', '#272e37'],
  stripe: ['#f6f8fa', '#171c23'],
} as const;

const variables = (theme: 0 | 1) =>
  Object.entries({ ...colors, ...surfaces })
    .map(([name, values]) => `--${name}:${values[theme]}`)
    .join(';');

/** The class of each colour sets `color`, which the shapes take as theirs. */
export const style: string = [
  `.rxjs-tasks{${variables(0)};color-scheme:light dark;font:12px system-ui,-apple-system,"Segoe UI",sans-serif}`,
  `@media (prefers-color-scheme:dark){.rxjs-tasks{${variables(1)}}}`,
  '.rxjs-tasks text{fill:var(--text)}',
  '.rxjs-tasks .title{font-size:15px;font-weight:600}',
  '.rxjs-tasks .small{font-size:11px}',
  '.rxjs-tasks .halo{paint-order:stroke;stroke:var(--back);stroke-width:4px}',
  '.rxjs-tasks .dim{fill:var(--gray)}',
  '.rxjs-tasks .back{fill:var(--back)}',
  '.rxjs-tasks .stripe{fill:var(--stripe)}',
  '.rxjs-tasks .grid{stroke:var(--grid)}',
  ...Object.keys(colors).map(
    (name) => `.rxjs-tasks .${name}{color:var(--${name})}.rxjs-tasks text.${name}{fill:var(--${name})}`,
  ),
  '.rxjs-tasks .line{stroke:currentColor;stroke-width:1.5}',
  '.rxjs-tasks .sign{stroke:currentColor;stroke-width:1.6;stroke-linecap:round;stroke-linejoin:round;fill:var(--back)}',
  '.rxjs-tasks .sign .solid{fill:currentColor}',
  '.rxjs-tasks .sign .on{stroke:var(--back);fill:none}',
].join('\n');

const hatch = (id: string, color: Color, turn: number) =>
  `<pattern id="rxjs-tasks-${id}" class="${color}" width="5" height="5" patternUnits="userSpaceOnUse" patternTransform="rotate(${turn})">` +
  '<rect width="5" height="5" fill="currentColor" fill-opacity=".22"/><rect width="2" height="5" fill="currentColor"/></pattern>';

/** The fills of bars that go up and go down. */
export const patterns: string = [
  '<defs>',
  hatch('initializing', looks.initializing.color, 45),
  hatch('finalizing', looks.finalizing.color, -45),
  '</defs>',
].join('');
