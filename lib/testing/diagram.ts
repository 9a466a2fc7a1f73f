import { printable } from '../util/printable.js';
import { drawTime, marks, parseRow, type Marble } from './marbles.js';
import { ScenarioError } from './scenario-error.js';

/** Rows of marbles by name, on a common time axis. */
export type Diagram = ReadonlyMap<string, readonly Marble[]>;

/** Parses lines of a name and, after at least two spaces, its marbles. @throws SyntaxError for an invalid line. */
export function parseDiagram(text: string): Diagram {
  const diagram = new Map<string, readonly Marble[]>();
  for (const line of text.split('\n')) {
    const trimmed = line.trim();
    if (trimmed === '') continue;
    const nameEnd = trimmed.search(/\s\s/);
    const name = trimmed.slice(0, nameEnd);
    if (nameEnd === -1)
      throw new SyntaxError(
        `Expected a name and, after at least two spaces, its marbles, got \`${printable(trimmed)}\``,
      );
    if (diagram.has(name)) throw new SyntaxError(`Expected one row for each name, got two for \`${printable(name)}\``);
    diagram.set(name, parseRow(trimmed.slice(nameEnd).trimStart()));
  }
  return diagram;
}

/** Draws rows so that marks of the same time are in the same column. Times are rounded to whole ms. */
export function drawDiagram(diagram: Diagram): string {
  return layOut([...diagram]).lines.join('\n');
}

type NamedRow = readonly [name: string, marbles: readonly Marble[]];

/** Lines of rows, each as long as its last mark requires, and the column of each time. */
interface Layout {
  readonly lines: string[];
  readonly columns: ReadonlyMap<number, number>;
}

function layOut(rows: readonly NamedRow[]): Layout {
  const cells = rows.map(([, marbles]) => cellsOf(marbles));
  // Not a spread, which would overflow the stack with very many marbles.
  const ends = cells.map((row) => [...row.keys()].reduce((last, at) => Math.max(last, at), -1));
  const margin = Math.max(0, ...rows.map(([name]) => name.length)) + 2;
  const lines = rows.map(([name]) => name.padEnd(margin));
  const columns = new Map<number, number>();
  let [now, width] = [0, margin];
  for (const instant of new Set(cells.flatMap((row) => [...row.keys()]).sort((a, b) => a - b))) {
    const gap = drawTime(instant - now);
    const column = cells.map((row) => row.get(instant) ?? '-');
    const columnWidth = Math.max(...column.map(({ length }) => length));
    columns.set(instant, width + gap.length);
    for (const [row, cell] of column.entries())
      if (instant <= (ends[row] ?? -1))
        lines[row] = `${lines[row]}${gap}${instant === ends[row] ? cell : cell.padEnd(columnWidth)}`;
    now = instant + 1;
    width += gap.length + columnWidth;
  }
  // An empty row is drawn as a dash, so that it can be parsed again.
  return { lines: lines.map((line, row) => (ends[row] === -1 ? `${line}-` : line)), columns };
}

/** Groups marbles by whole ms. */
function cellsOf(marbles: readonly Marble[]): Map<number, string> {
  const cells = new Map<number, string>();
  for (const { at, mark } of marbles) cells.set(Math.round(at), (cells.get(Math.round(at)) ?? '') + mark);
  for (const [at, cell] of cells) {
    // The values `5` and `s` in a row would be parsed as a time.
    const isUnit = /^[mshd]$/.test(cell) && /^\d$/.test(cells.get(at - 1) ?? '');
    if (cell.length > 1 || isUnit) cells.set(at, `(${cell})`);
  }
  return cells;
}

/**
 * Compares the expected rows with the actual rows of the same names. Marks may differ by `tolerance` ms.
 *
 * @param note the end of the error's message.
 * @throws ScenarioError that shows expected above actual and marks the first difference of each row.
 */
export function compareDiagrams(expected: Diagram, actual: Diagram, tolerance = 0, note = ''): void {
  const rows = [...expected].map(([name, marbles]) => {
    const actualMarbles = actual.get(name) ?? [];
    return { name, marbles, actualMarbles, differsAt: firstDifference(marbles, actualMarbles, tolerance) };
  });
  const wrong = rows.filter(({ differsAt }) => differsAt < Infinity);
  if (wrong.length === 0) return;
  const shown = rows.flatMap(({ name, marbles, actualMarbles, differsAt }): NamedRow[] =>
    differsAt === Infinity
      ? [[`          ${name}`, actualMarbles]]
      : [
          [`expected  ${name}`, marbles],
          [`actual    ${name}`, actualMarbles],
        ],
  );
  const { lines, columns } = layOut(shown);
  const drawn = rows.flatMap(({ differsAt }) => {
    if (differsAt === Infinity) return lines.splice(0, 1);
    return [...lines.splice(0, 2), `${' '.repeat(columns.get(differsAt) ?? 0)}^`];
  });
  const first = Math.min(...wrong.map(({ differsAt }) => differsAt));
  const firstName = wrong.find(({ differsAt }) => differsAt === first)?.name;
  const title = `The marbles differ from the expected ones, first at ${first} ms in ${firstName}:`;
  const meanings = legend(shown.flatMap(([, marbles]) => marbles));
  throw new ScenarioError([title, '', ...drawn, '', meanings, ...(note === '' ? [] : ['', note])].join('\n'));
}

/** Returns the time of the first difference of two rows, in whole ms. */
function firstDifference(expected: readonly Marble[], actual: readonly Marble[], tolerance: number): number {
  const time = (marble?: Marble) => (marble ? Math.round(marble.at) : Infinity);
  for (let index = 0; index < Math.max(expected.length, actual.length); index++) {
    const [a, b] = [expected[index], actual[index]];
    if (a?.mark !== b?.mark || Math.abs(time(a) - time(b)) > tolerance) return Math.min(time(a), time(b));
  }
  return Infinity;
}

/** Explains the marks that occur in rows. */
function legend(marbles: readonly Marble[]): string {
  const used = new Set(marbles.map(({ mark }) => mark));
  const known = Object.entries({ ...marks, _: 'a value without a letter in `values`' }).filter(([mark]) =>
    used.has(mark),
  );
  return known.map(([mark, meaning]) => `${mark} ${meaning}`).join('   ');
}
