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

  it('continues after output that fills its last line', () => {
    for (const text of ['0123456789', '0123456789'.repeat(2)]) {
      const { output, region, lines } = open(10);
      output.write(text);
      region.show(['x']);
      region.show(['y']);
      const rows = text.match(/.{10}/g) ?? [];
      expect(lines()).to.deep.equal([...rows, 'y', '']);
      output.write('abc');
      region.show(['', 'z']);
      region.log('logged\n');
      expect(lines()).to.deep.equal([...rows, 'abc', 'logged', '']);
      output.write(text);
      region.show(['', 'x']);
      expect(lines()).to.deep.equal([...rows, 'abc', 'logged', ...rows, '', 'x', '']);
      region.log('again\n');
      expect(lines()).to.deep.equal([...rows, 'abc', 'logged', ...rows, 'again', '']);
    }
  });

  it('continues after a line of any length', () => {
    for (const count of [1000, 1011, 2000, 2222]) {
      const { output, region, lines } = open(30);
      for (let index = 0; index < count; index++) output.write('.');
      region.show(['x']);
      output.write('end\n');
      const dots = '.'.repeat(count);
      const rows = `${dots}end`.match(/.{1,30}/g) ?? [];
      expect(lines()).to.deep.equal([...rows, '']);
      output.write(dots);
      region.show(['x']);
      region.log('logged\n');
      region.show(['y']);
      expect(lines()).to.deep.equal([...rows, ...(dots.match(/.{1,30}/g) ?? []), 'logged', 'y', '']);
    }
  });

  it('continues after bytes', () => {
    const { output, region, lines } = open();
    output.write(Buffer.from('one\ntw') as never);
    region.show(['x']);
    output.write('o\n');
    expect(lines()).to.deep.equal(['one', 'two', '']);
  });

  it('erases all rows of its lines after the terminal became narrower', () => {
    const written: string[] = [];
    const output = { write: (text: string) => written.push(text), columns: 20 };
    const region = new LiveRegion(output, [], () => undefined);
    region.show(['\u001b[1m0123456789ab\u001b[22m', '監視サーバ', '']);
    output.columns = 5;
    region.close();
    // Three rows, two and one.
    expect(written.at(-1)).to.equal('\u001b[6A\r\u001b[J');
  });

  it('makes room for the output of other streams of its terminal, which return as usual, and calls back', () => {
    const written: string[] = [];
    const stream = (name: string) => ({ write: (text: string) => (written.push(text), name) });
    const [output, other] = [stream('output'), stream('other')];
    let erased = 0;
    const region = new LiveRegion(output, [output, other], () => erased++);
    expect([other.write('a\n'), erased]).to.deep.equal(['other', 0]);
    region.show(['x']);
    expect([other.write('b\n'), erased]).to.deep.equal(['other', 1]);
    expect([output.write('c\n'), erased]).to.deep.equal(['output', 1]);
    region.show(['x']);
    expect([output.write('d\n'), erased]).to.deep.equal(['output', 2]);
    expect(screenOf(written.join(''))).to.deep.equal(['a', 'b', 'c', 'd', '']);
  });

  it('writes nothing at first if its terminal has no size', () => {
    const written: string[] = [];
    new LiveRegion({ write: (text) => written.push(text) }, [], () => undefined).close();
    expect(written).to.deep.equal([]);
  });

  it('restores its streams when it closes, unless other code has replaced their methods', () => {
    const own = Object.defineProperty({} as Output, 'write', { value: () => true, writable: true, configurable: true });
    // Their method is that of a class.
    const [inherited, replaced] = [Object.create(own) as Output, Object.create(own) as Output];
    const before = Object.getOwnPropertyDescriptor(own, 'write');
    const region = new LiveRegion(own, [inherited, replaced], () => undefined);
    const replacement = () => false;
    replaced.write = replacement;
    region.close();
    expect(Object.getOwnPropertyDescriptor(own, 'write')).to.deep.equal(before);
    expect(Object.hasOwn(inherited, 'write')).to.equal(false);
    expect(Object.getOwnPropertyDescriptor(replaced, 'write')?.value).to.equal(replacement);
  });
});
