import { expect } from 'chai';
import fc from 'fast-check';
import { compareDiagrams, drawDiagram, parseDiagram, type Diagram } from '../../lib/testing/diagram.js';
import { marks, ScenarioError } from '../../lib/testing/index.js';
import { thrownBy } from '../helpers/collect.js';
import { unprintableIn } from '../helpers/unprintable.js';

/** Returns the lines of the error of a comparison. */
function difference(expected: string, actual: string): string[] {
  return thrownBy(() => compareDiagrams(parseDiagram(expected), parseDiagram(actual))).message.split('\n');
}

/** Generates diagrams as of an application: in whole ms and ordered by time. */
function diagrams(maxTime: number): fc.Arbitrary<Diagram> {
  const mark = fc.constantFrom(...Object.keys(marks), ...Array.from('abzmshd059_'));
  const marble = fc.tuple(fc.oneof(fc.nat(12), fc.nat(maxTime)), mark).map(([at, mark]) => ({ at, mark }));
  const row = fc.array(marble, { maxLength: 8 }).map((marbles) => marbles.sort((a, b) => a.at - b.at));
  const name = fc.stringMatching(/^[a-z]{1,3}([/ ][a-z0-9(),]{1,4}){0,2}$/);
  return fc.array(fc.tuple(name, row), { maxLength: 4 }).map((rows) => new Map(rows));
}

describe('parseDiagram', () => {
  it('reads a name and, after at least two spaces, its marbles from each line', () => {
    const diagram = parseDiagram(`
      app/db  -a
      signalListener(SIGINT, SIGTERM)      b

      other app\t\t-- c
    `);
    expect([...diagram]).to.deep.equal([
      ['app/db', [{ at: 1, mark: 'a' }]],
      ['signalListener(SIGINT, SIGTERM)', [{ at: 0, mark: 'b' }]],
      ['other app', [{ at: 2, mark: 'c' }]],
    ]);
  });

  it('takes linear time, and quotes a long line in part', () => {
    for (const repeated of [' ', 'a ', '-', '1', '1.', '(', '\u2028', '\r']) {
      const text = repeated.repeat(500_000);
      for (const line of [`a  ${text}b\u2028`, `a${text}b\u2028x`, text, `a  ${text}\u0000`]) {
        const { message } = thrownBy(() => {
          parseDiagram(`${line}\n-b`);
        });
        expect(message).to.have.length.below(1500);
        expect(unprintableIn(message)).to.equal(undefined);
      }
    }
  });

  it('rejects two rows of one name, and invalid marbles', () => {
    expect(() => parseDiagram('a  -\na  -')).to.throw(SyntaxError, 'Expected one row for each name, got two for `a`');
    for (const line of ['a -b', 'a', '-b'])
      expect(() => parseDiagram(line)).to.throw(
        SyntaxError,
        `Expected a name and, after at least two spaces, its marbles, got \`${line}\``,
      );
    expect(() => parseDiagram('a  -€')).to.throw(SyntaxError, 'at character 2 of the marbles `-€`');
  });
});

describe('drawDiagram', () => {
  const draw = (rows: string) => drawDiagram(parseDiagram(rows)).split('\n');

  it('draws a row of 200,000 marbles', () => {
    const row = 'ab'.repeat(100_000);
    expect(drawDiagram(parseDiagram(`x  ${row}`))).to.equal(`x  ${row}`);
  });

  it('draws marks of one time in one column, and each row up to its last mark', () => {
    expect(draw('db  -(ab)-c\nhttp  --d\nx  -e 30s f\ny  -')).to.deep.equal([
      'db    -(ab)-c',
      'http  --   d',
      'x     -e   -- 29.998s f',
      'y     -',
    ]);
  });

  it('draws long times as numbers in all rows that continue', () => {
    expect(draw('a  a 1d b\nb  c 1d d\nc  -')).to.deep.equal(['a  a 1d b', 'b  c 1d d', 'c  -']);
    expect(draw('a  a 9ms b\nb  12345c')).to.deep.equal(['a  a---------b', 'b  12345c']);
  });

  it('rounds times to whole ms and keeps the order of marks', () => {
    const rows = new Map([
      [
        'a',
        [
          { at: 3, mark: 'c' },
          { at: 1.4, mark: 'a' },
          { at: 0.6, mark: 'b' },
        ],
      ],
    ]);
    expect(drawDiagram(rows)).to.equal('a  -(ab)-c');
  });

  it('draws an empty text for no rows', () => {
    expect(drawDiagram(new Map())).to.equal('');
  });

  it('separates values that would be parsed as a time', () => {
    for (const values of ['5s', '12h', '9ms', '5m 1d']) {
      const row = new Map([['a', Array.from(values).flatMap((mark, at) => (mark === ' ' ? [] : [{ at, mark }]))]]);
      expect(parseDiagram(drawDiagram(row)), values).to.deep.equal(row);
    }
  });

  it('draws what is parsed as the same diagram', () => {
    for (const maxTime of [20, 3000, 4e12])
      fc.assert(
        fc.property(diagrams(maxTime), (diagram) => {
          expect(parseDiagram(drawDiagram(diagram))).to.deep.equal(diagram);
        }),
      );
  });

  it('draws each time in one column', () => {
    fc.assert(
      fc.property(diagrams(40), (diagram) => {
        const columns = new Map<number, number>();
        const lines = drawDiagram(diagram).split('\n');
        for (const [row, marbles] of [...diagram.values()].entries()) {
          // Letters in a time are not values.
          const line = (lines[row] ?? '').replaceAll(/(?<= )[\d.]+m?[smhd](?= )/g, (time) => ' '.repeat(time.length));
          let from = Math.max(...[...diagram.keys()].map(({ length }) => length)) + 2;
          for (const at of new Set(marbles.map((marble) => marble.at))) {
            const cell = marbles
              .filter((marble) => marble.at === at)
              .map(({ mark }) => mark)
              .join('');
            const found = line.indexOf(cell, from);
            const column = cell.length > 1 ? found - 1 : found - (line.charAt(found - 1) === '(' ? 1 : 0);
            expect(columns.get(at) ?? column, `${at} in\n${lines.join('\n')}`).to.equal(column);
            columns.set(at, column);
            from = found + cell.length;
          }
        }
      }),
    );
  });
});

describe('compareDiagrams', () => {
  it('passes when the expected rows match, and ignores other rows', () => {
    const same = (expected: string, actual: string) => compareDiagrams(parseDiagram(expected), parseDiagram(actual));
    same('', 'a  -b');
    same('a  -b', 'b  -c\na  -b--');
    same('a  1.4ms b', 'a  -b');
    same('a  -', 'a  -');
    // An empty row equals a missing one.
    same('a  ---', '');
  });

  it('shows expected above actual and marks the first difference', () => {
    expect(difference('a  -x-y\nb  --z', 'a  -x--y\nb  -(zk)')).to.deep.equal([
      'The marbles differ from the expected ones, first at 1 ms in b:',
      '',
      'expected  a  -x   -y',
      'actual    a  -x   --y',
      '                   ^',
      'expected  b  --   z',
      'actual    b  -(zk)',
      '              ^',
      '',
      '',
    ]);
  });

  it('shows a matching row once, aligned with the differing rows', () => {
    expect(difference('app/db  [->\nb  -a', 'app/db  [->\nb  --a').slice(2, 6)).to.deep.equal([
      '          app/db  [->',
      'expected  b       -a',
      'actual    b       --a',
      '                   ^',
    ]);
  });

  it('explains the marks that are shown', () => {
    expect(difference('a  [>]|', 'a  [>#').at(-1)).to.equal('[ initialize   > ready   # failed   ] finalize   | ended');
    expect(difference('a  (>a|)', 'a  (>_|)').at(-1)).to.equal(
      '> ready   | ended   _ a value without a letter in `values`',
    );
    expect(difference('a  x', 'a  y').at(-1)).to.equal('');
  });

  it('marks a different order in one instant, an additional mark and a missing mark', () => {
    const caret = (expected: string, actual: string) =>
      difference(`a  ${expected}`, `a  ${actual}`)
        .find((line) => line.endsWith('^'))
        ?.indexOf('^');
    const margin = 'expected  a  '.length;
    expect(caret('-(ab)', '-(ba)')).to.equal(margin + 1);
    expect(caret('-a', '-a--b')).to.equal(margin + 4);
    expect(caret('-a--b', '-a')).to.equal(margin + 4);
    expect(caret('-a 1m b', '-a 1m c')).to.equal(margin + '-a 1m '.length);
  });

  it('accepts a mark within the tolerance if the order is the same', () => {
    const comparing = (actual: string) => () => compareDiagrams(parseDiagram('a  --b--c'), parseDiagram(actual), 2);
    for (const actual of ['a  --b--c', 'a  b----c', 'a  ---(bc)']) expect(comparing(actual), actual).not.to.throw();
    for (const actual of ['a  ----b-------c', 'a  ---(cb)', 'a  --b'])
      expect(comparing(actual), actual).to.throw(ScenarioError);
  });

  it('throws a ScenarioError, so that test runners show only its message', () => {
    expect(thrownBy(() => compareDiagrams(parseDiagram('a  b'), new Map()))).to.be.instanceOf(ScenarioError);
    expect(new ScenarioError().message).to.equal('');
  });

  it('finds a difference exactly when the drawings differ', () => {
    fc.assert(
      fc.property(diagrams(30), diagrams(30), (a, b) => {
        const all = new Map([...b].map(([name, row]) => [name, row] as const));
        const expected = new Map([...a].filter(([, row]) => row.length > 0));
        const rows = (diagram: Diagram) => [...expected.keys()].map((name) => diagram.get(name) ?? []);
        const same = JSON.stringify(rows(expected)) === JSON.stringify(rows(all));
        const check = () => compareDiagrams(expected, all);
        if (same) check();
        else expect(check).to.throw(ScenarioError);
        compareDiagrams(a, a);
      }),
    );
  });
});
