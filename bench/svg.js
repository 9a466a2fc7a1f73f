/** The colour of each contender on white and on black. A variant, whose name has a comma, has that of its contender. */
const tones = {
  'rxjs-tasks': ['#d6156c', '#ff5c9f'],
  'Promise.all': ['#57606a', '#a3acb6'],
  AbortSignal: ['#57606a', '#a3acb6'],
  'raw RxJS': ['#8250b4', '#b692de'],
  Effect: ['#2f6cb3', '#6fa8e6'],
  effection: ['#3f7d4e', '#79b888'],
  'p-limit': ['#97651a', '#cf9f58'],
  'p-map': ['#1f7f86', '#5fb9bf'],
  'p-queue': ['#a2503c', '#da8d7a'],
  'pg-boss': ['#2f6cb3', '#6fa8e6'],
  'graphile-worker': ['#3f7d4e', '#79b888'],
  BullMQ: ['#97651a', '#cf9f58'],
};
const fallback = ['#777777', '#999999'];
const lineHeight = 13;

/** Returns the opening tag of a chart. */
export function svgTag(width, height) {
  const size = `width="${width}" height="${height}"`;
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" ${size} role="img">`;
}

/** Returns the style sheet of a chart, for light and dark pages. */
export function style() {
  const variables = (side) =>
    Object.entries(tones)
      .map(([name, pair]) => `--${toneName(name)}: ${pair[side]}`)
      .concat(`--other: ${fallback[side]}`)
      .join('; ');
  return `<style>
svg { --paper: #ffffff; --ink: #1f2328; --quiet: #59636e; --grid: #e4e8ec; ${variables(0)} }
@media (prefers-color-scheme: dark) {
  svg { --paper: #0d1117; --ink: #e6edf3; --quiet: #9198a1; --grid: #262c34; ${variables(1)} }
}
text { font: 11px system-ui, -apple-system, 'Segoe UI', sans-serif; fill: var(--ink) }
.title { font-size: 16px; font-weight: 600 }
.panel { font-size: 13px; font-weight: 600 }
.tick { fill: var(--quiet) }
.middle { text-anchor: middle }
.end { text-anchor: end }
.paper { fill: var(--paper) }
.grid { stroke: var(--grid) }
.line { fill: none; stroke-width: 1.5; stroke-linejoin: round }
.leader { stroke-width: 0.75 }
.line.own { stroke-width: 3.5 }
.line.variant { stroke-dasharray: 4 3 }
.label { font-size: 10.5px }
.label.own { font-weight: 700 }
circle { stroke-width: 1.5 }
</style>`;
}

export function toneName(contender) {
  return contender in tones ? contender.replace(/\W/g, '-') : 'other';
}

export function text(x, y, content, kind, style) {
  return `<text x="${round(x)}" y="${round(y)}" class="${kind}"${style ? ` style="${style}"` : ''}>${content}</text>`;
}

/** Places each label at the height of its line's end, or as near to it as its neighbours allow. */
export function spread(lines) {
  const labels = lines.map((line) => ({ ...line, labelY: line.end.y })).sort((a, b) => a.labelY - b.labelY);
  const meets = (a, b) => Math.abs(a.end.x - b.end.x) < 100;
  // Two labels that are too near to each other move apart, until all have room.
  for (let moved = true, rounds = 0; moved && rounds < 1000; rounds++) {
    moved = false;
    for (const [i, label] of labels.entries()) {
      const next = labels.slice(i + 1).find((other) => meets(label, other));
      const missing = next ? lineHeight - (next.labelY - label.labelY) : 0;
      if (missing < 0.01) continue;
      label.labelY = round(label.labelY - missing / 2);
      next.labelY = round(next.labelY + missing / 2);
      moved = true;
    }
  }
  return labels;
}

export function round(number) {
  return Math.round(number * 10) / 10;
}
