import { expect } from 'chai';
import type { Output } from '../../lib/inspect/index.js';
import { LiveRegion } from '../../lib/inspect/terminal/live-region.js';
import { screenOf } from '../helpers/screen.js';

describe('LiveRegion', () => {
  const open = (columns = 20) => {
    const written: string[] = [];
    const output: Output = { write: (text) => written.push(text), isTTY: true, columns };
    const region = new LiveRegion(output, [], () => undefined);
    return { output, region, lines: () => screenOf(written.join(''), { columns }) };
  };

  it('draws its lines in place, below the output of others', () => {
    const { output, region, lines } = open();
    region.show(['a', 'b']);
    region.show(['c']);
    output.write('one\ntw');
    region.show(['d', 'e']);
    expect(lines()).to.deep.equal(['one', 'tw', 'd', 'e', '']);
    output.write('o\n');
    region.show(['f']);
    region.log('logged\n');
    region.show(['g']);
    expect(lines()).to.deep.equal(['one', 'two', 'logged', 'g', '']);
    region.close();
    output.write('end\n');
    expect(lines()).to.deep.equal(['one', 'two', 'logged', 'end', '']);
  });

  it('assumes 80 columns when the terminal reports 0', () => {
    const written: string[] = [];
    const output: Output = { write: (text) => written.push(text), isTTY: true, columns: 0, rows: 0 };
    const region = new LiveRegion(output, [], () => undefined);
    region.show(['a', 'b']);
    region.show(['c']);
    expect(screenOf(written.join(''))).to.deep.equal(['c', '']);
  });

  it('begins on a line of its own', () => {
    for (const [before, after] of [
      ['', ['x', '']],
      ['0', ['0', 'x', '']],
      ['012345678', ['012345678', 'x', '']],
    ] as const) {
      const written: string[] = [before];
      const output: Output = { write: (text) => written.push(text), isTTY: true, columns: 10 };
      const region = new LiveRegion(output, [], () => undefined);
      region.show(['x']);
      expect(screenOf(written.join(''), { columns: 10 })).to.deep.equal(after);
    }
  });

  it('continues after output that is wider than the terminal or returns to the start of its line', () => {
    const { output, region, lines } = open(10);
    output.write('0123456789abc');
    region.show(['x']);
    output.write('def\n1%\r2%');
    region.show(['x']);
    output.write(' done\n');
    expect(lines()).to.deep.equal(['0123456789', 'abcdef', '2% done', '']);
  });
});
