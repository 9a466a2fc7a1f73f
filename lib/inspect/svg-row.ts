import { duration } from './axis.js';
import { looks, rank, type Kind, type Sign } from './looks.js';
import type { Span } from './row.js';
import type { Chart } from './svg-chart.js';
import { bar, sign } from './svg-shapes.js';
import { eventText } from './words.js';
import { xml } from './xml.js';

/** What a task was doing. */
export function bars(spans: readonly Span[], y: number, chart: Chart): string {
  let drawn = -Infinity;
  const all: string[] = [];
  for (const { from, to, kind } of spans) {
    const start = chart.x(from);
    const end = chart.x(to ?? chart.view.to);
    // Many would lie on one another.
    if (end < drawn + 1 || from === to) continue;
    drawn = Math.max(end, start + 1);
    chart.seen.add(kind);
    const until = to === undefined ? 'until now' : duration(to - from);
    all.push(bar(kind, start, y, end - start, xml(`${looks[kind].label}, from ${chart.when(from)}, ${until}`)));
  }
  return all.join('');
}

/** What happened to it: of many that would lie on one another one, which says how many they are. */
export function signs(all: readonly Sign[], y: number, chart: Chart): string {
  const drawn: { readonly x: number; first: Sign; last: Sign; count: number }[] = [];
  const latest = new Map<Kind, (typeof drawn)[number]>();
  for (const one of all) {
    chart.seen.add(one.kind);
    const x = chart.x(one.at);
    const other = latest.get(one.kind);
    if (other && x - other.x < (one.kind === 'slot-started' ? 3 : 12)) {
      other.last = one;
      other.count++;
    } else {
      const fresh = { x, first: one, last: one, count: 1 };
      latest.set(one.kind, fresh);
      drawn.push(fresh);
    }
  }
  return drawn
    .sort((a, b) => rank(a.first.kind) - rank(b.first.kind))
    .map(({ x, first, last, count }) => {
      const { label } = looks[first.kind];
      const said = first.mark ? eventText(first.mark.event) : '';
      const title =
        count > 1
          ? `${count} × ${label}, ${chart.when(first.at)} to ${chart.when(last.at)}`
          : `${label}, ${chart.when(first.at)}${said && `: ${said}`}`;
      return sign(first.kind as Exclude<Kind, Span['kind']>, x, y, xml(title));
    })
    .join('');
}
