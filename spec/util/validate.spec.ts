import { expect } from 'chai';
import fc from 'fast-check';
import { validateInteger, validateNumber, validateOneOf } from '../../lib/util/validate.js';
import { validateOptions } from '../../lib/util/validate-options.js';
import { anyText, unprintableIn } from '../helpers/unprintable.js';

describe('A validator', () => {
  const messageOf = (validate: typeof validateInteger, value: unknown, max = 10) => {
    try {
      validate('n', 1, max, value);
      return undefined;
    } catch (error) {
      return String(error);
    }
  };

  it('accepts whole numbers within inclusive bounds and throws for other values', () => {
    for (const valid of [1, 5, 10]) expect(messageOf(validateInteger, valid)).to.equal(undefined);
    for (const invalid of [0, 11, 1.5, NaN, Infinity])
      expect(messageOf(validateInteger, invalid)).to.equal(
        `RangeError: Expected \`n\` to be a whole number from 1 to 10, got \`${invalid}\` (number)`,
      );
    expect(messageOf(validateInteger, '5')).to.equal(
      "TypeError: Expected `n` to be a whole number from 1 to 10, got `'5'` (string)",
    );
    expect(messageOf(validateInteger, Infinity, Infinity)).to.equal(
      'RangeError: Expected `n` to be a whole number from 1 and up, got `Infinity` (number)',
    );
  });

  it('accepts numbers within inclusive bounds and throws for other values', () => {
    for (const valid of [1, 1.5, 10]) expect(messageOf(validateNumber, valid)).to.equal(undefined);
    for (const invalid of [0.9, 10.1, NaN])
      expect(messageOf(validateNumber, invalid)).to.equal(
        `RangeError: Expected \`n\` to be a number from 1 to 10, got \`${invalid}\` (number)`,
      );
    expect(messageOf(validateNumber, null)).to.equal('TypeError: Expected `n` to be a number from 1 to 10, got null');
  });
});

describe('The message of a validator', () => {
  const messageOf = (validate: () => void) => {
    try {
      validate();
      return '';
    } catch (error) {
      return (error as Error).message;
    }
  };

  it('shows a long value in part', () => {
    const text = messageOf(() => validateNumber('n', 1, 2, new Error('/'.repeat(1_000_000))));
    expect(text)
      .to.match(/got `Error: \/+… [\d,]+ more characters` \(object\)$/)
      .and.have.length.below(300);
    const option = messageOf(() => validateOptions({ ['x'.repeat(1_000_000)]: 1 }, ['timeout'], 'f'));
    expect(option).to.match(/got `x{200}… 999,800 more characters`\. Known options: `timeout`$/);
  });

  it('suggests the text that was probably meant', () => {
    const refuse = (value: unknown) =>
      messageOf(() => validateOneOf('overlap', ['skip', 'bufferOne', 'allowAll'], value));
    const expected = "Expected `overlap` to be 'skip' or 'bufferOne' or 'allowAll', got ";
    expect(refuse('allow')).to.equal(`${expected}\`'allow'\` (string); did you mean 'allowAll'?`);
    expect(refuse('bufferone')).to.equal(`${expected}\`'bufferone'\` (string); did you mean 'bufferOne'?`);
    expect(refuse('queue')).to.equal(`${expected}\`'queue'\` (string)`);
    expect(refuse(false)).to.equal(`${expected}\`false\` (boolean)`);
  });

  it('has no unprintable character, whatever the value and the name of an option are', () => {
    fc.assert(
      fc.property(anyText, (text) => {
        const values = [text, new Error(text), [text], { [text]: text }, Symbol(text), new Map([[text, text]])];
        for (const value of values)
          expect(unprintableIn(messageOf(() => validateNumber('n', 1, 2, value)))).to.equal(undefined);
        expect(unprintableIn(messageOf(() => validateOptions({ [`${text}x`]: 1 }, ['timeout'], 'f')))).to.equal(
          undefined,
        );
        expect(unprintableIn(messageOf(() => validateOneOf('n', ['a'], text)))).to.equal(undefined);
      }),
    );
  });
});
