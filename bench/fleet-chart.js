import { round, style, svgTag, text, toneName } from './svg.js';

const [width, height] = [640, 320];
const [left, top] = [68, 70];
const plot = { width: 400, height: 180 };
const workers = [1, 2, 4];

/** Returns the chart of jobs a second by the number of worker processes, as SVG. */
export function fleetChart(figures) {
  const lines = Object.entries(figures).map(([name, bySize]) => ({
    name,
    points: workers.map((n) => ({ n, rate: 1e6 / bySize[n].median })),
  }));
  const maxRate = Math.max(...lines.flatMap(({ points }) => points.map(({ rate }) => rate)));
  const high = Math.ceil(maxRate / 2000) * 2000;
  const x = (n) => round((Math.log2(n) / 2) * plot.width);
  const y = (rate) => round(plot.height * (1 - rate / high));
  const rates = Array.from({ length: high / 2000 + 1 }, (_, i) => i * 2000);

  return `${svgTag(width, height)}
<title>Jobs a second, by how many processes work at them</title>
${style()}
<rect class="paper" width="${width}" height="${height}"/>
${text(left, 28, 'Jobs a second, by how many processes work at them', 'title')}
${text(left, 46, '10,000 empty jobs, 50 at a time in each process; the database on the same two cores', 'tick')}
<g transform="translate(${left} ${top})">
${rates.map((rate) => `<path class="grid" d="M0 ${y(rate)}h${plot.width}"/>`).join('\n')}
${rates.map((rate) => text(-8, y(rate) + 4, rate.toLocaleString('en'), 'tick end')).join('\n')}
${workers.map((n) => `<path class="grid" d="M${x(n)} 0v${plot.height}"/>`).join('\n')}
${workers.map((n) => text(x(n), plot.height + 17, n, 'tick middle')).join('\n')}
${text(plot.width / 2, plot.height + 36, 'worker processes', 'tick middle')}
${lines.map((line) => drawn(line, x, y)).join('\n')}
</g>
${text(left, height - 10, 'Higher is better.', 'tick')}
</svg>
`;
}

function drawn({ name, points }, x, y) {
  const tone = `var(--${toneName(name)})`;
  const kind = name === 'rxjs-tasks' ? 'own' : '';
  const end = points.at(-1);
  const path = points.map(({ n, rate }) => `${x(n)} ${y(rate)}`).join('L');
  return [
    `<path class="line ${kind}" style="stroke: ${tone}" d="M${path}"/>`,
    ...points.map(
      ({ n, rate }) => `<circle cx="${x(n)}" cy="${y(rate)}" r="3" style="stroke: ${tone}; fill: ${tone}"/>`,
    ),
    text(
      x(end.n) + 13,
      y(end.rate) + 4,
      `${name}, ${Math.round(end.rate).toLocaleString('en')}`,
      `label ${kind}`,
      `fill: ${tone}`,
    ),
  ].join('\n');
}
