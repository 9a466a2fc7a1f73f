import { duration } from '../../util/duration.js';
import { eventDetails } from '../labels.js';
import { rank, styles, type MarkKind, type PlottedMark } from '../styles.js';
import type { Span } from '../task-timeline.js';
import type { Chart } from './chart.js';
import { escapeXml } from './escape-xml.js';
import { bar, mark } from './shapes.js';

/** Draws the spans of a task. */
export function drawBars(spans: readonly Span[], y: number, chart: Chart): string {
  let drawnTo = -Infinity;
  const bars: string[] = [];
  for (const { from, to, kind } of spans) {
    const start = chart.x(from);
    const end = chart.x(to ?? chart.window.to);
    // It would be hidden by the bar before it.
    if (end < drawnTo + 1 || from === to) continue;
    drawnTo = Math.max(end, start + 1);
    chart.drawnKinds.add(kind);
    const length = to === undefined ? 'until now' : duration(to - from);
    const title = `${styles[kind].label}, from ${chart.formatTime(from)}, ${length}`;
    bars.push(bar(kind, start, y, end - start, escapeXml(title)));
  }
  return bars.join('');
}

/** Marks of one kind that would overlap. They are drawn as one. */
interface Cluster {
  readonly x: number;
  readonly first: PlottedMark;
  last: PlottedMark;
  count: number;
}

/** Draws the marks of a task. The title of a cluster of marks contains their number. */
export function drawMarks(marks: readonly PlottedMark[], y: number, chart: Chart): string {
  return clustersOf(marks, chart)
    .sort((a, b) => rank(a.first.kind) - rank(b.first.kind))
    .map(({ x, first, last, count }) => {
      const { label } = styles[first.kind];
      const details = first.mark ? eventDetails(first.mark.event) : '';
      const title =
        count > 1
          ? `${count} × ${label}, ${chart.formatTime(first.at)} to ${chart.formatTime(last.at)}`
          : `${label}, ${chart.formatTime(first.at)}${details && `: ${details}`}`;
      return mark(first.kind, x, y, escapeXml(title));
    })
    .join('');
}

function clustersOf(marks: readonly PlottedMark[], chart: Chart): Cluster[] {
  const clusters: Cluster[] = [];
  const latest = new Map<MarkKind, Cluster>();
  for (const plotted of marks) {
    chart.drawnKinds.add(plotted.kind);
    const x = chart.x(plotted.at);
    const before = latest.get(plotted.kind);
    if (before && x - before.x < (plotted.kind === 'slot-started' ? 3 : 12)) {
      before.last = plotted;
      before.count++;
    } else {
      const cluster = { x, first: plotted, last: plotted, count: 1 };
      latest.set(plotted.kind, cluster);
      clusters.push(cluster);
    }
  }
  return clusters;
}
