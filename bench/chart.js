import { round, spread, style, svgTag, text, toneName } from './svg.js';

const width = 960;
const height = 460;
const left = 68;
const top = 84;
const plot = { width: 156, height: 296 };
/** The distance between the left edges of two panels. The space right of a plot holds its labels. */
const step = 292;

const panels = [
  { work: 'futures', does: 'start n, await all of them' },
  { work: 'runners', does: 'launch n with three hooks, join' },
  { work: 'cancel', does: 'end n running tasks, join' },
];

/** Returns the chart of the time per piece, as SVG. */
export function chart(works) {
  const decades = [2, 3, 4, 5, 6];
  const medians = panels.flatMap(({ work }) => Object.values(works[work] ?? {}).flatMap((line) => pointsOf(line)));
  const logs = medians.map(({ ns }) => Math.log10(ns));
  const low = Math.floor(Math.min(2, ...logs));
  const high = Math.ceil(Math.max(5, ...logs));
  const x = (n) => ((Math.log10(n) - 2) / 4) * plot.width;
  const y = (ns) => plot.height * (1 - (Math.log10(ns) - low) / (high - low));
  const powers = Array.from({ length: high - low + 1 }, (_, i) => low + i);

  const grid = [
    ...powers.map((power) => `<path class="grid" d="M0 ${y(10 ** power)}h${plot.width}"/>`),
    ...decades.map((power) => `<path class="grid" d="M${x(10 ** power)} 0v${plot.height}"/>`),
    ...decades.map((power) => text(x(10 ** power), plot.height + 17, shortCount(10 ** power), 'tick middle')),
    text(plot.width / 2, plot.height + 35, 'n, at once', 'tick middle'),
  ];
  const drawn = panels.map(({ work, does }, i) => {
    // Our own line is drawn last, above the others.
    const lines = linesOf(works[work] ?? {}, x, y).reverse();
    const labels = spread(lines);
    return [
      `<g transform="translate(${left + i * step} ${top})">`,
      text(0, -26, work, 'panel'),
      text(0, -11, does, 'tick'),
      ...grid,
      ...(i === 0 ? powers.map((power) => text(-8, y(10 ** power) + 4, time(10 ** power), 'tick end')) : []),
      ...lines.map(({ d, tone, kind }) => `<path class="line ${kind}" style="stroke: var(--${tone})" d="${d}"/>`),
      ...labels.map(
        ({ end, labelY, tone }) =>
          `<path class="leader" style="stroke: var(--${tone})" d="M${end.x} ${end.y}L${round(end.x + 11)} ${labelY}"/>`,
      ),
      ...lines.map(({ end, tone, stopped }) => {
        const fill = stopped ? 'var(--paper)' : `var(--${tone})`;
        return `<circle cx="${end.x}" cy="${end.y}" r="3" style="stroke: var(--${tone}); fill: ${fill}"/>`;
      }),
      ...labels.map(({ end, labelY, name, tone, kind }) =>
        text(end.x + 13, labelY + 4, name, `label ${kind}`, `fill: var(--${tone})`),
      ),
      '</g>',
    ].join('\n');
  });

  return `${svgTag(width, height)}
<title>Time per piece of futures, runners and cancel against n, for rxjs-tasks and its peers</title>
${style()}
<rect class="paper" width="${width}" height="${height}"/>
${text(left, 28, 'What one piece takes, by how many there are at once', 'title')}
<text class="tick middle" transform="translate(16 ${top + plot.height / 2}) rotate(-90)">time per piece</text>
${drawn.join('\n')}
${text(left, height - 12, `Logarithmic axes; lower is better. ○ did not finish the next size in time.`, 'tick')}
</svg>
`;
}

function linesOf(figures, x, y) {
  return Object.entries(figures).flatMap(([name, bySize]) => {
    const points = pointsOf(bySize).map(({ n, ns }) => ({ x: round(x(n)), y: round(y(ns)) }));
    if (points.length === 0) return [];
    const [contender, variant] = name.split(', ');
    const own = contender === 'rxjs-tasks' ? 'own' : '';
    return {
      name,
      d: `M${points.map((point) => `${point.x} ${point.y}`).join('L')}`,
      end: points.at(-1),
      tone: toneName(contender),
      kind: variant ? 'variant' : own,
      stopped: Object.values(bySize).some((figure) => figure.stopped),
    };
  });
}

function pointsOf(bySize) {
  return Object.entries(bySize)
    .filter(([, figure]) => figure.median)
    .map(([n, figure]) => ({ n: Number(n), ns: figure.median }));
}

function time(ns) {
  if (ns < 1e3) return `${ns} ns`;
  return ns < 1e6 ? `${ns / 1e3} µs` : `${ns / 1e6} ms`;
}

function shortCount(n) {
  if (n < 1e3) return String(n);
  return n < 1e6 ? `${n / 1e3}k` : `${n / 1e6}M`;
}
