import { drawTime, marks, parseRow, type Marble } from './marbles.js';
import { ScenarioError } from './scenario-error.js';

/** Rows under one another, by their names, on one axis of time. */
export type Diagram = ReadonlyMap<string, readonly Marble[]>;

/** Each line is a name and, after two spaces or more, its marbles. @throws SyntaxError for what is neither. */
export function parseDiagram(text: string): Diagram {
  const diagram = new Map<string, readonly Marble[]>();
  for (const line of text.split('\n')) {
    const written = line.trim();
    if (written === '') continue;
    const [, name, row = ''] = /^(.*?)\s{2,}(.*)$/.exec(written) ?? [];
    if (name === undefined)
      throw new SyntaxError(`Expected a name and, after two spaces or more, its marbles, got \`${written}\``);
    if (diagram.has(name)) throw new SyntaxError(`Expected one row for each name, got two for \`${name}\``);
    diagram.set(name, parseRow(row).marbles);
  }
  return diagram;
}

/** Draws rows so that what happens at one time stands in one column; times are drawn in whole ms. */
export function drawDiagram(diagram: Diagram): string {
  return layOut([...diagram]).lines.join('\n');
}

type NamedRow = readonly [name: string, marbles: readonly Marble[]];

/** The lines of rows, each as long as something happens in it, and in which column each time stands. */
function layOut(rows: readonly NamedRow[]): { lines: string[]; columns: Map<number, number> } {
  const cells = rows.map(([, marbles]) => cellsOf(marbles));
  const ends = cells.map((row) => Math.max(-1, ...row.keys()));
  const margin = Math.max(0, ...rows.map(([name]) => name.length)) + 2;
  const lines = rows.map(([name]) => name.padEnd(margin));
  const columns = new Map<number, number>();
  let [now, width] = [0, margin];
  for (const instant of new Set(cells.flatMap((row) => [...row.keys()]).sort((a, b) => a - b))) {
    const gap = drawTime(instant - now);
    const column = cells.map((row) => row.get(instant) ?? '-');
    const wide = Math.max(...column.map(({ length }) => length));
    columns.set(instant, width + gap.length);
    for (const [row, cell] of column.entries())
      if (instant <= (ends[row] ?? -1))
        lines[row] = `${lines[row]}${gap}${instant === ends[row] ? cell : cell.padEnd(wide)}`;
    now = instant + 1;
    width += gap.length + wide;
  }
  // A row in which nothing happens is one all the same.
  return { lines: lines.map((line, row) => (ends[row] === -1 ? `${line}-` : line)), columns };
}

/** What happens at each whole ms. */
function cellsOf(marbles: readonly Marble[]): Map<number, string> {
  const cells = new Map<number, string>();
  for (const { at, mark } of marbles) cells.set(Math.round(at), (cells.get(Math.round(at)) ?? '') + mark);
  for (const [at, cell] of cells) {
    // Values such as `5` and `s` are no time.
    const unit = /^[mshd]$/.test(cell) && /^\d$/.test(cells.get(at - 1) ?? '');
    if (cell.length > 1 || unit) cells.set(at, `(${cell})`);
  }
  return cells;
}

/**
 * Compares the rows that are expected with the same of what is so, which may be so many ms earlier or later.
 *
 * @throws ScenarioError that shows both under one another, and marks where they first differ.
 */
export function compareDiagrams(expected: Diagram, actual: Diagram, tolerance = 0): void {
  const rows = [...expected].map(([name, marbles]) => {
    const real = actual.get(name) ?? [];
    return { name, marbles, real, differs: firstDifference(marbles, real, tolerance) };
  });
  const wrong = rows.filter(({ differs }) => differs < Infinity);
  if (wrong.length === 0) return;
  const shown = rows.flatMap(({ name, marbles, real, differs }): NamedRow[] =>
    differs === Infinity
      ? [[`          ${name}`, real]]
      : [
          [`expected  ${name}`, marbles],
          [`actual    ${name}`, real],
        ],
  );
  const { lines, columns } = layOut(shown);
  const drawn = rows.flatMap(({ differs }) => {
    if (differs === Infinity) return lines.splice(0, 1);
    return [...lines.splice(0, 2), `${' '.repeat(columns.get(differs) ?? 0)}^`];
  });
  const first = Math.min(...wrong.map(({ differs }) => differs));
  const title = `Something else has happened than was expected, first at ${first} ms in ${wrong.find(({ differs }) => differs === first)?.name}:`;
  const meanings = legend(shown.flatMap(([, marbles]) => marbles));
  throw new ScenarioError([title, '', ...drawn, '', meanings].join('\n'));
}

/** When two rows first differ, in whole ms. */
function firstDifference(expected: readonly Marble[], actual: readonly Marble[], tolerance: number): number {
  const time = (marble?: Marble) => (marble ? Math.round(marble.at) : Infinity);
  for (let place = 0; place < Math.max(expected.length, actual.length); place++) {
    const [one, other] = [expected[place], actual[place]];
    if (one?.mark !== other?.mark || Math.abs(time(one) - time(other)) > tolerance)
      return Math.min(time(one), time(other));
  }
  return Infinity;
}

/** What the marks mean that stand somewhere. */
function legend(marbles: readonly Marble[]): string {
  const there = new Set(marbles.map(({ mark }) => mark));
  const known = Object.entries(marks).filter(([mark]) => there.has(mark));
  return known.map(([mark, meaning]) => `${mark} ${meaning}`).join('   ');
}
