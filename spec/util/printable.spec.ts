import { expect } from 'chai';
import fc from 'fast-check';
import { printable, printableJson, printableLines, printableName } from '../../lib/util/printable.js';
import { anyText, unprintableIn } from '../helpers/unprintable.js';

const million = 1_000_000;

describe('A printable text', () => {
  it('has no escape sequences and stays on its line', () => {
    expect(printable('a\u001b[31mb\u001b[0m\u202ec\nd\u0085e 監')).to.equal('ab c d e 監');
    expect(printable('\u001b]8;;http://x\u001b\\link\u001b]8;;\u001b\\')).to.equal('link');
    expect(printable('a\r\nb\u0000\u001b\u202e\u2028c\td\ud800')).to.equal('a b c d');
    expect(printable('\u001bPdevice\u001b\\a\u001b_program\u0007b\u001bMc')).to.equal('abc');
  });

  it('keeps the text after an escape sequence that does not end', () => {
    expect(printable('a\u001b]0;title of a window')).to.equal('a0;title of a window');
    expect(printable('a\u001b[31')).to.equal('a31');
  });

  it('is cut after a thousand characters, with the number of the others, and never twice', () => {
    const text = printable('x'.repeat(million));
    expect(text).to.equal(`${'x'.repeat(1000)}… 999,000 more characters`);
    expect(printable(text)).to.equal(text);
    expect(printable('x'.repeat(1020))).to.equal('x'.repeat(1020));
  });

  it('of several lines keeps their breaks and their indentation', () => {
    expect(printableLines('a\r\n  b\u001b[2J\n\u0000c\n\n\td\u2028e', 100)).to.equal('a\n  b\n c\n\n d e');
    expect(printableLines('\n'.repeat(million), 10)).to.equal(`${'\n'.repeat(10)}… 999,990 more characters`);
  });

  it('of a long name has its start and its end', () => {
    expect(printableName('shop/db\u001b[2J')).to.equal('shop/db');
    expect(printableName(`a${'/'.repeat(million)}z`)).to.equal(`a${'/'.repeat(59)}…${'/'.repeat(58)}z`);
  });

  it('never has an unprintable character, whatever the text is', () => {
    fc.assert(
      fc.property(anyText, fc.integer({ min: 1, max: 50 }), (text, maxLength) => {
        expect(unprintableIn(printable(text, maxLength))).to.equal(undefined);
        expect(unprintableIn(printableName(text))).to.equal(undefined);
        expect(unprintableIn(printableLines(text, maxLength).replaceAll('\n', ''))).to.equal(undefined);
      }),
      { numRuns: 2000 },
    );
  });

  it('that is JSON has the same value as before', () => {
    fc.assert(
      fc.property(anyText, (text) => {
        const json = printableJson(JSON.stringify([text]));
        expect(unprintableIn(json)).to.equal(undefined);
        expect(JSON.parse(json)).to.deep.equal([text]);
      }),
      { numRuns: 2000 },
    );
  });
});
