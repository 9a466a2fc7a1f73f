/**
 * Compares figures with their targets, one row each. A bound is a `ratio` or `difference` to the other figure at most,
 * a ratio of `atLeast`, a `within` by which the ratio is 1, or a `figure` at most. A row without a bound only compares.
 */
export function judge({ targets, parts, label = count, ...work }, figures) {
  return targets.map((row) => {
    const { what, n, part, ours = 'rxjs-tasks', against, againstN, ratio, atLeast, within, difference, figure } = row;
    const unit = part ? parts[part] : work.unit;
    const mine = figureAt(figures[ours], n, part);
    const other = against ? figureAt(figures[against], n, part) : figureAt(figures[ours], againstN, part);
    const times = mine?.median / other?.median;
    const more = mine?.median - other?.median;

    let shown = `${amount(times)}×`;
    let judged = { value: mine?.median, bound: figure, target: `≤ ${figure?.toLocaleString('en')} ${unit}` };
    if (ratio !== undefined) judged = { value: times, bound: ratio, target: `≤ ${ratio}×` };
    if (atLeast !== undefined) judged = { value: 1 / times, bound: 1 / atLeast, target: `≥ ${atLeast}×` };
    if (within !== undefined) judged = { value: Math.abs(times - 1), bound: within, target: `1 ± ${within}×` };
    if (difference !== undefined) {
      shown = `${more < 0 ? '' : '+'}${more.toFixed(1)} ${unit}`;
      judged = { value: more, bound: difference, target: `≤ +${difference} ${unit}` };
    }
    const { value, bound, target } = judged;
    return {
      what,
      n: label(n),
      ours: format(mine, unit),
      against: against ?? (againstN ? `itself at ${label(againstN)}` : ''),
      theirs: against || againstN ? format(other, unit) : '',
      ratio: Number.isFinite(times) ? shown : '—',
      target: bound === undefined ? '' : target,
      met: isMet(mine, value, bound),
    };
  });
}

/** Whether a target is met. A stopped contender misses any bound; a comparison with a stopped one is undefined. */
function isMet(mine, value, bound) {
  if (bound === undefined) return undefined;
  if (mine?.stopped) return false;
  return Number.isFinite(value) ? value <= bound : undefined;
}

export function targetTable(judgements) {
  const rows = judgements.map(({ what, n, ours, against, theirs, ratio, target, met }) => {
    const mark = met === undefined ? '' : met ? '✓' : '✗';
    return [what, n, ours, against, theirs, ratio, target, mark];
  });
  return markdown(['what', 'n', 'rxjs-tasks', 'against', 'theirs', 'ratio', 'target', ''], 'lrrlrrrl', rows);
}

/** Returns a line for each target that is missed, or cannot be judged because the other has no figure. */
export function missedList(judgements) {
  const lines = judgements.flatMap(({ what, n, ours, against, theirs, ratio, target, met }) => {
    if (!target || met) return [];
    const verdict = met === false ? 'Missed' : 'Not judged';
    const other = against && ` (${against}: ${theirs}, ratio ${ratio})`;
    return [`${verdict}: ${what}, ${n}: ${ours}${other}, target ${target}`];
  });
  return ['', ...lines].join('\n');
}

/** Replaces the table between the comments `<!-- bench: name -->` and `<!-- /bench -->` of a Markdown text. */
export function replaceTable(markdown, name, table) {
  const [begin, end] = [`<!-- bench: ${name} -->\n`, '\n<!-- /bench -->'];
  const from = markdown.indexOf(begin);
  const to = markdown.indexOf(end, from);
  if (from < 0 || to < 0) throw new Error(`Expected ${begin.trim()} and ${end.trim()}`);
  return `${markdown.slice(0, from)}${begin}\n${table}\n${markdown.slice(to)}`;
}

/** Returns the table of all contenders of a work at all sizes, with the ratio of each figure to that of its `base`. */
export function figureTable({ sizes, unit, parts = { '': unit }, base, label = count }, figures) {
  const columns = Object.keys(parts).flatMap((part) => sizes.map((n) => ({ n, part })));
  const cell = (contender, { n, part }) => {
    const figure = figureAt(figures[contender], n, part);
    const times = figure?.median / figureAt(figures[base], n, part)?.median;
    return format(figure, parts[part]) + (Number.isFinite(times) ? ` (${amount(times)}×)` : '');
  };
  const rows = Object.keys(figures).map((contender) => [contender, ...columns.map((at) => cell(contender, at))]);
  const header = columns.map(({ n, part }) => (part ? `${part}, ${label(n)}` : label(n)));
  return markdown(['', ...header], 'l' + 'r'.repeat(columns.length), rows);
}

/** Returns the figure of a contender, or, where one measurement gives several, a part of them. */
function figureAt(figures, n, part) {
  const figure = figures?.[n];
  return part && figure && !figure.stopped ? figure[part] : figure;
}

function format(figure, unit) {
  if (!figure) return '—';
  return figure.stopped ?? `${amount(figure.median)} ${unit}`;
}

function count(n) {
  return n.toLocaleString('en');
}

/** Formats a figure with three digits, or with all digits before the point. */
function amount(figure) {
  return figure < 100 ? figure.toPrecision(3) : count(Math.round(figure));
}

/** Returns a Markdown table, aligned as Prettier aligns it. */
function markdown(header, align, rows) {
  const widths = header.map((_, column) => Math.max(3, ...[header, ...rows].map((row) => row[column].length)));
  const pad = (cell, column) => (align[column] === 'r' ? cell.padStart(widths[column]) : cell.padEnd(widths[column]));
  const rule = widths.map((width, column) => (align[column] === 'r' ? '-'.repeat(width - 1) + ':' : '-'.repeat(width)));
  return [header.map(pad), rule, ...rows.map((row) => row.map(pad))].map((row) => `| ${row.join(' | ')} |`).join('\n');
}
