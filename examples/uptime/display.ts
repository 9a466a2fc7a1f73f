import type { Summary } from './statistics.js';

type Screen = Partial<Pick<NodeJS.WriteStream, 'isTTY' | 'columns' | 'rows' | 'hasColors'>> & {
  write(text: string): unknown;
};

/** Shows each round: on a terminal as a table that is updated in place, else as lines of a log. */
export function display(screen: Screen): (round: readonly Summary[]) => void {
  if (!screen.isTTY) return (round) => screen.write(log(round).join(''));
  let drawn: string[] = [];
  return (round) => {
    // A terminal of unknown size reports 0.
    const [columns, rows] = screen.columns && screen.rows ? [screen.columns, screen.rows] : [80, 24];
    // A terminal that became narrower has wrapped the lines drawn before.
    const height = drawn.reduce((sum, { length }) => sum + Math.ceil(length / columns), 0);
    drawn = table(round, columns, rows);
    const lines = drawn.map((line) => `${screen.hasColors?.() ? coloured(line) : line}\x1b[K\n`);
    // One write that erases only what it does not overwrite, so that nothing flickers.
    screen.write(`\r${height > 0 ? `\x1b[${height}A` : ''}${lines.join('')}\x1b[J`);
  };
}

export function log(round: readonly Summary[]): string[] {
  const width = Math.max(...round.map(({ url }) => url.length));
  return round.map((target) => {
    const [state, url = '', now, median, p95, available] = cells(target);
    const time = new Date(target.at).toTimeString().slice(0, 8);
    return `${time} ${state} ${url.padEnd(width)}  ${now}  (median ${median}, p95 ${p95}, ${available})\n`;
  });
}

/** Fits the terminal, with the last line and column free: scrolled or wrapped text cannot be overwritten. */
export function table(round: readonly Summary[], columns: number, rows: number): string[] {
  const grid = [['', 'target', 'now', 'median', 'p95', 'available'], ...round.map(cells)];
  const [state = 0, url = 0, ...others] =
    grid[0]?.map((_, at) => Math.max(...grid.map((row) => row[at]?.length ?? 0))) ?? [];
  const left = others.reduce((sum, width) => sum - width - 2, columns - 1 - state - 2);
  const widths = [state, Math.max(10, Math.min(url, left)), ...others];
  return grid.slice(0, rows - 1).map((row) => {
    const fitted = row.map((cell, at) => clip(cell, widths[at] ?? 0).padEnd(widths[at] ?? 0));
    return fitted
      .join('  ')
      .trimEnd()
      .slice(0, columns - 1);
  });
}

function cells(target: Summary): string[] {
  const { url, up, median, p95, availability } = target;
  const now = target.up ? ms(target.ms) : target.reason;
  return [up ? 'up  ' : 'down', url, now, ms(median), ms(p95), `${(availability * 100).toFixed(1)} %`];
}

function ms(value: number | undefined): string {
  return value === undefined ? '–' : `${value < 10 ? value.toFixed(1) : Math.round(value)} ms`;
}

/** Shortens a text but keeps both ends, which distinguish targets on one host. */
function clip(text: string, width: number): string {
  const half = (width - 1) / 2;
  return text.length > width ? `${text.slice(0, Math.ceil(half))}…${text.slice(-Math.floor(half))}` : text;
}

function coloured(line: string): string {
  return line.replace(/^(up|down)/, (state) => `\x1b[${state === 'up' ? 32 : 31}m${state}\x1b[39m`);
}
