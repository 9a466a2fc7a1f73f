import { expect } from 'chai';
import { inputName, toJsonbText, validateInput, validateJsonb } from '../../lib/fleet/jsonb.js';

describe('JSON for a column of PostgreSQL', () => {
  it('is refused with a NUL or a lone surrogate in it, and not with the text of an escape', () => {
    for (const text of ['\0', 'a\ud800', '\udfffb', '\\\0'])
      expect(() => validateJsonb('input', { text })).to.throw(
        TypeError,
        'Expected `input` to be JSON without NUL and lone surrogates in its strings',
      );
    for (const text of ['\\u0000', '\\ud800', '😀', '\u0001'])
      expect(validateJsonb('input', { text })).to.equal(JSON.stringify({ text }));
  });

  it('is refused with the reason and the cause if there is none', () => {
    const error = new Error('no text');
    const value = {
      toJSON: () => {
        throw error;
      },
    };
    let refusal: unknown;
    try {
      validateJsonb('output', value);
    } catch (thrown) {
      refusal = thrown;
    }
    expect(refusal).to.be.an.instanceOf(TypeError);
    expect(refusal).to.include({ message: 'Expected `output` to be JSON: no text', cause: error });
    for (const input of [() => 1, Symbol('x')])
      expect(() => validateInput('input', input)).to.throw(TypeError, 'Expected `input` to be JSON');
    for (const input of [undefined, null, 0, '', {}]) expect(() => validateInput('input', input)).not.to.throw();
    expect([inputName([1], 0), inputName([1, 2], 1)]).to.deep.equal(['input', 'inputs[1]']);
  });

  it('has texts of a limited length, whose refused characters are replaced', () => {
    expect(toJsonbText('abcdef', 3)).to.equal('abc');
    expect(toJsonbText('a\0b\ud800', 10)).to.equal('a\ufffdb\ufffd');
    expect(toJsonbText('a😀', 2)).to.equal('a\ufffd');
  });
});
