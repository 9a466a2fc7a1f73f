import { expect } from 'chai';
import { printable, replaceUnprintable } from '../../lib/util/printable.js';

describe('printable', () => {
  it('removes escape sequences and keeps the text on one line', () => {
    expect(printable('a\u001b[31mb\u001b[0m\u202ec\nd\u0085e 監')).to.equal('ab c d e 監');
    expect(printable('\u001b]8;;http://x\u001b\\link\u001b]8;;\u001b\\')).to.equal('link');
  });
});

describe('replaceUnprintable', () => {
  it('replaces each run of unprintable characters with one space', () => {
    expect(replaceUnprintable('a\r\nb\u001b[31mc\u202e\u2028d ')).to.equal('a b [31mc d ');
  });
});
