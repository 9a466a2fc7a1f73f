import { expect } from 'chai';
import fc from 'fast-check';
import { compareDiagrams, drawDiagram, parseDiagram, type Diagram } from '../../lib/testing/diagram.js';
import { marks, ScenarioError } from '../../lib/testing/index.js';
import { thrownBy } from '../helpers/collect.js';

/** What a comparison says, line by line. */
function difference(expected: string, actual: string): string[] {
  return thrownBy(() => compareDiagrams(parseDiagram(expected), parseDiagram(actual))).message.split('\n');
}

/** Rows as the drawing of an application has them: whole ms, in the order of time. */
function diagrams(longest: number): fc.Arbitrary<Diagram> {
  const mark = fc.constantFrom(...Object.keys(marks), ...Array.from('abzmshd059_'));
  const marble = fc.tuple(fc.oneof(fc.nat(12), fc.nat(longest)), mark).map(([at, mark]) => ({ at, mark }));
  const row = fc.array(marble, { maxLength: 8 }).map((marbles) => marbles.sort((a, b) => a.at - b.at));
  const name = fc.stringMatching(/^[a-z]{1,3}([/ ][a-z0-9(),]{1,4}){0,2}$/);
  return fc.array(fc.tuple(name, row), { maxLength: 4 }).map((rows) => new Map(rows));
}

describe('parseDiagram', () => {
  it('reads a name and, after two spaces or more, its marbles from each line', () => {
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

  it('refuses two rows of one name, and what is no marble', () => {
    expect(() => parseDiagram('a  -\na  -')).to.throw(SyntaxError, 'Expected one row for each name, got two for `a`');
    for (const line of ['a -b', 'a', '-b'])
      expect(() => parseDiagram(line)).to.throw(
        SyntaxError,
        `Expected a name and, after two spaces or more, its marbles, got \`${line}\``,
      );
    expect(() => parseDiagram('a  -€')).to.throw(SyntaxError, 'of the marbles `-€`');
  });
});

describe('drawDiagram', () => {
  const draw = (rows: string) => drawDiagram(parseDiagram(rows)).split('\n');

  it('has what happens at one time in one column, and each row as long as something happens in it', () => {
    expect(draw('db  -(ab)-c\nhttp  --d\nx  -e 30s f\ny  -')).to.deep.equal([
      'db    -(ab)-c',
      'http  --   d',
      'x     -e   -- 29.998s f',
      'y     -',
    ]);
  });

  it('draws long times in numbers, in all rows that go on', () => {
    expect(draw('a  a 1d b\nb  c 1d d\nc  -')).to.deep.equal(['a  a 1d b', 'b  c 1d d', 'c  -']);
    expect(draw('a  a 9ms b\nb  12345c')).to.deep.equal(['a  a---------b', 'b  12345c']);
  });

  it('draws whole ms, in the order in which they come', () => {
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

  it('is nothing for no rows', () => {
    expect(drawDiagram(new Map())).to.equal('');
  });

  it('keeps values apart that would be read as a time', () => {
    for (const values of ['5s', '12h', '9ms', '5m 1d']) {
      const row = new Map([['a', Array.from(values).flatMap((mark, at) => (mark === ' ' ? [] : [{ at, mark }]))]]);
      expect(parseDiagram(drawDiagram(row)), values).to.deep.equal(row);
    }
  });

  it('is read again as what was drawn, whatever stands in other rows', () => {
    for (const longest of [20, 3000, 4e12])
      fc.assert(
        fc.property(diagrams(longest), (diagram) => {
          expect(parseDiagram(drawDiagram(diagram))).to.deep.equal(diagram);
        }),
      );
  });

  it('has each time in one column', () => {
    fc.assert(
      fc.property(diagrams(40), (diagram) => {
        const columns = new Map<number, number>();
        const lines = drawDiagram(diagram).split('\n');
        for (const [row, marbles] of [...diagram.values()].entries()) {
          // The letters in a time are no values.
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
  it('says nothing when the rows that are expected are so, whatever is beside them', () => {
    const same = (expected: string, actual: string) => compareDiagrams(parseDiagram(expected), parseDiagram(actual));
    same('', 'a  -b');
    same('a  -b', 'b  -c\na  -b--');
    same('a  1.4ms b', 'a  -b');
    same('a  -', 'a  -');
    // A row in which nothing happens is one that is not there.
    same('a  ---', '');
  });

  it('has expected and actual under one another, and the first difference marked', () => {
    expect(difference('a  -x-y\nb  --z', 'a  -x--y\nb  -(zk)')).to.deep.equal([
      'Something else has happened than was expected, first at 1 ms in b:',
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

  it('shows the rows that are as expected once, aligned with those that are not', () => {
    expect(difference('app/db  [->\nb  -a', 'app/db  [->\nb  --a').slice(2, 6)).to.deep.equal([
      '          app/db  [->',
      'expected  b       -a',
      'actual    b       --a',
      '                   ^',
    ]);
  });

  it('says what the marks mean that stand there', () => {
    expect(difference('a  [>]|', 'a  [>#').at(-1)).to.equal('[ initialize   > ready   # failed   ] finalize   | ended');
    expect(difference('a  x', 'a  y').at(-1)).to.equal('');
  });

  it('marks an order within one instant, a mark too many, and one that is missing', () => {
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

  it('takes a mark that comes no more than the tolerance earlier or later, in the same order', () => {
    const within = (actual: string) => () => compareDiagrams(parseDiagram('a  --b--c'), parseDiagram(actual), 2);
    for (const actual of ['a  --b--c', 'a  b----c', 'a  ---(bc)']) expect(within(actual), actual).not.to.throw();
    for (const actual of ['a  ----b-------c', 'a  ---(cb)', 'a  --b'])
      expect(within(actual), actual).to.throw(ScenarioError);
  });

  it('throws a ScenarioError, of which test runners show the message alone', () => {
    expect(thrownBy(() => compareDiagrams(parseDiagram('a  b'), new Map()))).to.be.instanceOf(ScenarioError);
  });

  it('finds a difference exactly when the drawings differ', () => {
    fc.assert(
      fc.property(diagrams(30), diagrams(30), (one, other) => {
        const all = new Map([...other].map(([name, row]) => [name, row] as const));
        const expected = new Map([...one].filter(([, row]) => row.length > 0));
        const rows = (diagram: Diagram) => [...expected.keys()].map((name) => diagram.get(name) ?? []);
        const same = JSON.stringify(rows(expected)) === JSON.stringify(rows(all));
        const check = () => compareDiagrams(expected, all);
        if (same) check();
        else expect(check).to.throw(ScenarioError);
        compareDiagrams(one, one);
      }),
    );
  });
});
