import { expect } from 'chai';
import { validateNumber, validateInteger } from '../../lib/util/validate.js';

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
