import { kinds, looks, type Kind } from './looks.js';
import type { Span } from './row.js';
import { column, pad, type Chart } from './svg-chart.js';
import { bar, number, sign } from './svg-shapes.js';

/** What the bars and marks mean that were drawn. */
export function legendOf({ seen, width }: Chart, top: number): { svg: string; bottom: number } {
  let x = pad;
  let y = top;
  const all = kinds
    .filter((kind) => seen.has(kind))
    .map((kind) => {
      const { label } = looks[kind];
      const length = 26 + label.length * column + 16;
      if (x + length > width - pad && x > pad) {
        x = pad;
        y += 20;
      }
      const shape = isSpan(kind)
        ? bar(kind, x, y, 18, '')
        : (kind === 'slot-started' ? bar('running', x, y, 18, '') : '') +
          sign(kind, x + 9, kind === 'cancelling' ? y + 6 : y, '');
      const entry = `${shape}<text class="small" x="${x + 24}" y="${y + 4}">${label}</text>`;
      x = number(x + length);
      return entry;
    });
  return { svg: all.join('\n'), bottom: y };
}

function isSpan(kind: Kind): kind is Span['kind'] {
  return ['initializing', 'running', 'finalizing', 'waiting'].includes(kind);
}
