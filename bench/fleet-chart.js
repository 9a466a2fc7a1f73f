import { round, spread, style, svgTag, text, toneName } from './svg.js';

const [width, height] = [640, 340];
const [left, top] = [68, 88];
const plot = { width: 400, height: 180 };
const workers = [1, 2, 4];

/** Returns the chart of jobs a second by the number of worker processes, as SVG. Variants are left out. */
export function fleetChart(figures) {
  const measured = Object.entries(figures).filter(
    ([name, bySize]) => !name.includes(',') && workers.every((n) => bySize[n].median),
  );
  const rateOf = (figure) => 1e6 / figure.median;
  const maxRate = Math.max(...measured.flatMap(([, bySize]) => workers.map((n) => rateOf(bySize[n]))));
  const step = [2000, 5000, 10_000, 20_000].find((step) => maxRate / step <= 8) ?? 50_000;
  const high = Math.ceil(maxRate / step) * step;
  const x = (n) => round((Math.log2(n) / 2) * plot.width);
  const y = (rate) => round(plot.height * (1 - rate / high));
  const rates = Array.from({ length: high / step + 1 }, (_, i) => i * step);
  const lines = measured.map(([name, bySize]) => {
    const points = workers.map((n) => ({ x: x(n), y: y(rateOf(bySize[n])) }));
    return { name, points, end: points.at(-1), rate: rateOf(bySize[workers.at(-1)]) };
  });

  return `${svgTag(width, height)}
<title>Jobs a second, by how many processes work at them</title>
${style()}
<rect class="paper" width="${width}" height="${height}"/>
${text(left, 28, 'Jobs a second, by how many processes work at them', 'title')}
${text(left, 46, '20,000 jobs, 50 at a time in each process; the database is on the same two cores.', 'tick')}
${text(left, 62, 'graphile-worker stores no results, pg-boss one for each batch. BullMQ is on Redis.', 'tick')}
<g transform="translate(${left} ${top})">
${rates.map((rate) => `<path class="grid" d="M0 ${y(rate)}h${plot.width}"/>`).join('\n')}
${rates.map((rate) => text(-8, y(rate) + 4, rate.toLocaleString('en'), 'tick end')).join('\n')}
${workers.map((n) => `<path class="grid" d="M${x(n)} 0v${plot.height}"/>`).join('\n')}
${workers.map((n) => text(x(n), plot.height + 17, n, 'tick middle')).join('\n')}
${text(plot.width / 2, plot.height + 36, 'worker processes', 'tick middle')}
${spread(lines).map(drawn).join('\n')}
</g>
${text(left, height - 10, 'Higher is better.', 'tick')}
</svg>
`;
}

function drawn({ name, points, end, rate, labelY }) {
  const tone = `var(--${toneName(name)})`;
  const kind = name === 'rxjs-tasks' ? 'own' : '';
  const path = points.map(({ x, y }) => `${x} ${y}`).join('L');
  const label = `${name}, ${Math.round(rate).toLocaleString('en')}`;
  return [
    `<path class="line ${kind}" style="stroke: ${tone}" d="M${path}"/>`,
    `<path class="leader" style="stroke: ${tone}" d="M${end.x} ${end.y}L${end.x + 11} ${labelY}"/>`,
    ...points.map(({ x, y }) => `<circle cx="${x}" cy="${y}" r="3" style="stroke: ${tone}; fill: ${tone}"/>`),
    text(end.x + 13, labelY + 4, label, `label ${kind}`, `fill: ${tone}`),
  ].join('\n');
}
