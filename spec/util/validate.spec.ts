import { expect } from 'chai';
import { validateNumber, validateInteger } from '../../lib/util/validate.js';

describe('bad input', () => {
  const refused = (refuses: typeof validateInteger, got: unknown, high = 10) => {
    try {
      refuses('n', 1, high, got);
      return undefined;
    } catch (error) {
      return String(error);
    }
  };

  it('is no whole number that is within its bounds, those included', () => {
    for (const good of [1, 5, 10]) expect(refused(validateInteger, good)).to.equal(undefined);
    for (const bad of [0, 11, 1.5, NaN, Infinity])
      expect(refused(validateInteger, bad)).to.equal(
        `RangeError: Expected \`n\` to be a whole number from 1 to 10, got \`${bad}\` (number)`,
      );
    expect(refused(validateInteger, '5')).to.equal(
      "TypeError: Expected `n` to be a whole number from 1 to 10, got `'5'` (string)",
    );
    expect(refused(validateInteger, Infinity, Infinity)).to.equal(
      'RangeError: Expected `n` to be a whole number from 1 and up, got `Infinity` (number)',
    );
  });

  it('is no number that is within its bounds, those included', () => {
    for (const good of [1, 1.5, 10]) expect(refused(validateNumber, good)).to.equal(undefined);
    for (const bad of [0.9, 10.1, NaN])
      expect(refused(validateNumber, bad)).to.equal(
        `RangeError: Expected \`n\` to be a number from 1 to 10, got \`${bad}\` (number)`,
      );
    expect(refused(validateNumber, null)).to.equal('TypeError: Expected `n` to be a number from 1 to 10, got null');
  });
});
