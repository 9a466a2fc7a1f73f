import { expect } from 'chai';
import fc from 'fast-check';
import { marks } from '../../lib/testing/index.js';
import { drawTime, parseRow } from '../../lib/testing/marbles.js';

/** Returns the marbles of a row as `mark@ms`. */
function marblesOf(text: string): string {
  return parseRow(text)
    .map(({ at, mark }) => `${mark}@${at}`)
    .join(' ');
}

/** Returns the time of a mark at the end of a row, in ms. */
function lengthOf(text: string): number | undefined {
  return parseRow(`${text} a`).at(-1)?.at;
}

describe('parseRow', () => {
  it('reads each character as 1 ms, dashes and marks alike', () => {
    expect(parseRow('--a-b')).to.deep.equal([
      { at: 2, mark: 'a' },
      { at: 4, mark: 'b' },
    ]);
    expect(marblesOf('ab')).to.equal('a@0 b@1');
  });

  it('ignores spaces, and reads an empty row', () => {
    expect([parseRow(''), parseRow(' \t '), lengthOf(' \t ')]).to.deep.equal([[], [], 0]);
    expect(marblesOf('  - a  b ')).to.equal('a@1 b@2');
  });

  it('reads all marks of a group at one time, and the group as 1 ms', () => {
    expect(marblesOf('-(ab)c')).to.equal('a@1 b@1 c@2');
    expect(marblesOf('( a b )-c')).to.equal('a@0 b@0 c@2');
    expect(lengthOf('()-')).to.equal(2);
  });

  it('accepts every mark, each letter and digit, and `_`', () => {
    for (const mark of [...Object.keys(marks), 'a', 'Z', '0', '_']) expect(marblesOf(`-${mark}`)).to.equal(`${mark}@1`);
  });

  it('reads times in ms, s, m, h and d, with decimals and sums', () => {
    const lengths = ['7ms', '1s', '2m', '3h', '1d', '1.5s', '0.25ms', '1d 1h 1m 1s 1ms', '0ms'].map(lengthOf);
    expect(lengths).to.deep.equal([7, 1000, 120_000, 10_800_000, 86_400_000, 1500, 0.25, 90_061_001, 0]);
    expect(marblesOf('a 9ms b')).to.equal('a@0 b@10');
    expect(marblesOf('a 1s -b')).to.equal('a@0 b@1002');
    // 0.1 + 0.2 is not 0.3.
    expect(lengthOf('0.1ms 0.2ms')).to.equal(0.3);
    expect(lengthOf('1.1s 2.2s')).to.equal(3300);
  });

  it('reads a time only between spaces', () => {
    expect(marblesOf('(9ms)')).to.equal('9@0 m@0 s@0');
    for (const [row, time] of [
      ['-9ms', '9ms'],
      ['9msx', '9ms'],
      ['5m-', '5m'],
      ['T50sT', '50s'],
      ['-1.5s', '1.5s'],
      ['-1.25s', '1.25s'],
      ['- -9ms b', '9ms'],
    ] as const)
      expect(() => parseRow(row)).to.throw(
        SyntaxError,
        `Expected spaces around the time \`${time}\`, or parentheses around the values`,
      );
    expect(marblesOf('9')).to.equal('9@0');
    expect(marblesOf('-\t2s\ta')).to.equal('a@2001');
  });

  it('rejects invalid marbles and names their position', () => {
    const messages = {
      '-a€':
        'Expected a letter or digit, `-`, `(`, `)`, a time such as `30s`, or one of ' +
        `\`${Object.keys(marks).join('')}\` at character 3`,
      'a\\': 'at character 2 of the marbles `a\\`, got `\\`',
      é: 'at character 1',
      '((a))': 'Expected no group inside a group at character 2',
      ')': 'Expected `(` before `)` at character 1',
      'a)': 'Expected `(` before `)` at character 2',
      '(a-b)': 'Expected no time inside a group at character 3',
      '(a 9ms b)': 'Expected no time inside a group at character 4',
      '-(a': 'Expected `)` at the end of the marbles `-(a`',
    };
    for (const [text, message] of Object.entries(messages))
      expect(() => parseRow(text), text).to.throw(SyntaxError, message);
  });
});

describe('drawTime', () => {
  it('draws dashes up to 8 ms, and numbers above', () => {
    expect([0, 1, 8, 9, 999, 1000, 1001, 60_000, 90_061_001].map(drawTime)).to.deep.equal([
      '',
      '-',
      '--------',
      ' 9ms ',
      ' 999ms ',
      ' 1s ',
      ' 1.001s ',
      ' 1m ',
      ' 1d 1h 1m 1.001s ',
    ]);
  });

  it('draws what is parsed as the same time', () => {
    fc.assert(
      fc.property(fc.oneof(fc.nat(2000), fc.nat(100_000), fc.nat(), fc.integer({ min: 0, max: 4e12 })), (ms) => {
        expect([parseRow(drawTime(ms)), lengthOf(drawTime(ms))]).to.deep.equal([[], ms]);
      }),
    );
  });
});

describe('marks', () => {
  it('are distinct single characters with distinct meanings', () => {
    for (const mark of Object.keys(marks)) expect(mark).to.match(/^[^\w\s()-]$/);
    expect(new Set(Object.values(marks)).size).to.equal(Object.keys(marks).length);
  });
});
