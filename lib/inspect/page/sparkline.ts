import { duration } from '../../util/duration.js';
import type { EndedRunState } from '../server/run-log.js';
import { shortTime } from './format.js';

const namespace = 'http://www.w3.org/2000/svg';
const [barWidth, barStep, height] = [4.5, 6, 36];

/** Draws a bar for each run, as high as its duration. */
export function sparkline(runs: readonly EndedRunState[], now: number): Node {
  const longest = Math.max(1, ...runs.map(durationOf));
  const width = runs.length * barStep;
  const svg = svgElement('svg', { class: 'sparkline', viewBox: `0 0 ${width} ${height}`, width, height, role: 'img' });
  svg.setAttribute('aria-label', `Durations of the last ${runs.length} runs, up to ${duration(longest)}`);
  runs.forEach((run, index) => {
    const barHeight = Math.max(2, (durationOf(run) / longest) * height);
    const bar = svgElement('rect', { x: index * barStep, y: height - barHeight, width: barWidth, height: barHeight });
    bar.dataset['status'] = run.status;
    const title = svgElement('title', {});
    title.textContent = `${shortTime(run.startedAt, now)}, ${duration(durationOf(run))}, ${run.status}`;
    bar.append(title);
    svg.append(bar);
  });
  return svg;
}

/** Returns the duration of a run. The clock may have been set back during it. */
export function durationOf({ startedAt, endedAt }: EndedRunState): number {
  return Math.max(0, endedAt - startedAt);
}

function svgElement(name: string, attributes: Readonly<Record<string, string | number>>): SVGElement {
  const created = document.createElementNS(namespace, name);
  for (const [attribute, value] of Object.entries(attributes)) created.setAttribute(attribute, String(value));
  return created;
}
